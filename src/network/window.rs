//! Sliding windows: how large, how far apart, and what they see outside of a map.

/// How many zeros a convolution or pooling sees around its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Padding {
    /// As many on each side.
    Symmetric(usize),
    /// TensorFlow's `SAME`: the output has ⌈size / stride⌉ cells, and where the padding is odd,
    /// the extra row and column are at the bottom and the right.
    Same,
}

/// The geometry of a sliding window, square.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Side of the window in cells.
    pub kernel: usize,
    /// Cells from one window to the next.
    pub stride: usize,
    /// Zeros (for max-pooling: −∞) around the input.
    pub padding: Padding,
}

impl Window {
    /// Padded by half the kernel on each side, so that with an odd one at stride 1 the size stays.
    #[must_use]
    pub const fn centred(kernel: usize, stride: usize) -> Self {
        Self {
            kernel,
            stride,
            padding: Padding::Symmetric(kernel / 2),
        }
    }

    /// Padding before the first cell and number of output cells, along one side of `size` cells.
    /// No output cells where the padded input is smaller than the window.
    #[must_use]
    pub fn place(&self, size: usize) -> (usize, usize) {
        match self.padding {
            Padding::Symmetric(pad) => {
                let padded = size + 2 * pad;
                let cells = if padded < self.kernel {
                    0
                } else {
                    (padded - self.kernel) / self.stride + 1
                };
                (pad, cells)
            }
            Padding::Same => {
                let cells = size.div_ceil(self.stride);
                let covered = (cells.max(1) - 1) * self.stride + self.kernel;
                (covered.saturating_sub(size) / 2, cells)
            }
        }
    }

    /// Cells that it reaches over before and behind a side of `size` cells.
    #[must_use]
    pub fn around(&self, size: usize) -> (usize, usize) {
        let (before, cells) = self.place(size);
        let covered = (cells.max(1) - 1) * self.stride + self.kernel;
        (before, covered.saturating_sub(size + before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: usize, stride: usize, padding: Padding) -> Window {
        Window {
            kernel,
            stride,
            padding,
        }
    }

    #[test]
    fn same_padding_puts_the_odd_zero_at_the_end() {
        // 224 at stride 2 with a 3-kernel needs one zero in all, and TensorFlow puts it last.
        assert_eq!(window(3, 2, Padding::Same).place(224), (0, 112));
        assert_eq!(window(5, 2, Padding::Same).place(28), (1, 14));
        assert_eq!(window(3, 1, Padding::Same).place(7), (1, 7));
        assert_eq!(window(3, 2, Padding::Same).place(7), (1, 4));
    }

    #[test]
    fn a_window_larger_than_its_input_has_no_place() {
        assert_eq!(window(7, 2, Padding::Symmetric(0)).place(5), (0, 0));
        assert_eq!(window(7, 2, Padding::Symmetric(3)).place(224), (3, 112));
    }
}
