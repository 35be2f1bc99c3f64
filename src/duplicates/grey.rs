//! Luminances of a picture at some size, and how they become fewer or smoother.

/// Luminances 0 … 255, row by row.
#[derive(Clone, Debug)]
pub struct Grey {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Grey {
    /// A picture of RGB bytes at its own size.
    pub fn of_rgb(rgb: &[u8], width: usize, height: usize) -> Self {
        let (pixels, _) = rgb.as_chunks::<3>();
        let luminance = |pixel: &[u8; 3]| {
            let [red, green, blue] = pixel.map(f32::from);
            0.299 * red + 0.587 * green + 0.114 * blue
        };
        Self {
            width,
            height,
            values: pixels.iter().map(luminance).collect(),
        }
    }

    /// The longer side.
    pub fn long(&self) -> usize {
        self.width.max(self.height)
    }

    /// The same with a longer side of at most so many pixels.
    pub fn within(&self, long: usize) -> Self {
        if self.long() <= long {
            return self.clone();
        }
        let scale = long as f64 / self.long() as f64;
        let side = |side: usize| ((side as f64 * scale).round() as usize).max(1);
        self.resized(side(self.width), side(self.height))
    }

    /// The same in another size, smoothed as far as pixels go.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let columns = covered(self.width, width);
        let rows = covered(self.height, height);
        let mut across = vec![0.0; width * self.height];
        for (line, out) in self
            .values
            .chunks_exact(self.width)
            .zip(across.chunks_exact_mut(width))
        {
            for (out, (first, weights)) in out.iter_mut().zip(&columns) {
                let part = line[*first..].iter().zip(weights);
                *out = part.map(|(value, weight)| value * weight).sum();
            }
        }
        let mut values = vec![0.0; width * height];
        for (out, (first, weights)) in values.chunks_exact_mut(width).zip(&rows) {
            for (row, weight) in (*first..).zip(weights) {
                let line = &across[row * width..][..width];
                for (out, value) in out.iter_mut().zip(line) {
                    *out += value * weight;
                }
            }
        }
        Self {
            width,
            height,
            values,
        }
    }

    /// Smoothed by a Gaussian of this deviation in pixels.
    pub fn smoothed(&self, deviation: f32) -> Self {
        let reach = (deviation * 2.5).ceil() as usize;
        let weight = |at: usize| (-0.5 * (at as f32 / deviation).powi(2)).exp();
        let weights: Vec<f32> = (0..=reach).map(weight).collect();
        let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f32>();
        let weights: Vec<f32> = weights.iter().map(|weight| weight / sum).collect();
        self.convolved(&weights)
    }

    /// The mean of so many pixels on each side of every one, the edges repeated.
    pub fn mean(&self, reach: usize) -> Self {
        let (width, height) = (self.width, self.height);
        let weight = 1.0 / (2 * reach + 1) as f32;
        let mut across = vec![0.0; self.values.len()];
        let lines = self.values.chunks_exact(width);
        for (line, out) in lines.zip(across.chunks_exact_mut(width)) {
            let at = |x: usize| line[x.saturating_sub(reach).min(width - 1)];
            let mut sum: f32 = (0..=2 * reach).map(at).sum();
            for (x, out) in out.iter_mut().enumerate() {
                *out = sum * weight;
                sum += at(x + 2 * reach + 1) - at(x);
            }
        }
        let mut values = vec![0.0; self.values.len()];
        let line = |y: usize| {
            let y = y.saturating_sub(reach).min(height - 1);
            &across[y * width..][..width]
        };
        let mut sums = vec![0.0; width];
        for y in 0..=2 * reach {
            sums.iter_mut()
                .zip(line(y))
                .for_each(|(sum, it)| *sum += it);
        }
        for (y, out) in values.chunks_exact_mut(width).enumerate() {
            let (next, last) = (line(y + 2 * reach + 1), line(y));
            for (((out, sum), next), last) in out.iter_mut().zip(&mut sums).zip(next).zip(last) {
                *out = *sum * weight;
                *sum += next - last;
            }
        }
        Self {
            width,
            height,
            values,
        }
    }

    /// What is left where the mean of so many pixels on each side of every one is taken away.
    pub fn detail(&self, reach: usize) -> Self {
        let mean = self.mean(reach);
        let values = self.values.iter().zip(&mean.values);
        Self {
            values: values.map(|(value, mean)| value - mean).collect(),
            ..*self
        }
    }

    /// By weights from the middle on, the edges repeated.
    fn convolved(&self, weights: &[f32]) -> Self {
        let (width, height) = (self.width, self.height);
        let mut across = vec![0.0; self.values.len()];
        let mut padded = Vec::with_capacity(width + 2 * weights.len());
        for (line, out) in self
            .values
            .chunks_exact(width)
            .zip(across.chunks_exact_mut(width))
        {
            let reach = weights.len() - 1;
            padded.clear();
            padded.extend((0..reach).map(|_| line[0]));
            padded.extend_from_slice(line);
            padded.extend((0..reach).map(|_| line[width - 1]));
            for (out, value) in out.iter_mut().zip(line) {
                *out = value * weights[0];
            }
            for (step, weight) in weights.iter().enumerate().skip(1) {
                let (before, after) = (&padded[reach - step..], &padded[reach + step..]);
                for ((out, before), after) in out.iter_mut().zip(before).zip(after) {
                    *out += weight * (before + after);
                }
            }
        }
        let mut values = vec![0.0; self.values.len()];
        for (y, out) in values.chunks_exact_mut(width).enumerate() {
            let line = |y: usize| &across[y * width..][..width];
            for (out, value) in out.iter_mut().zip(line(y)) {
                *out = value * weights[0];
            }
            for (step, weight) in weights.iter().enumerate().skip(1) {
                let (above, below) = (
                    line(y.saturating_sub(step)),
                    line((y + step).min(height - 1)),
                );
                for ((out, above), below) in out.iter_mut().zip(above).zip(below) {
                    *out += weight * (above + below);
                }
            }
        }
        Self {
            width,
            height,
            values,
        }
    }

    /// The luminance at a place between pixels, and how it changes per pixel to the right and down;
    /// nothing outside of the middles of the outermost pixels, half a pixel more allowed.
    #[expect(
        clippy::many_single_char_names,
        reason = "places and a matrix, as they are written elsewhere"
    )]
    #[inline]
    pub fn at(&self, x: f32, y: f32) -> Option<(f32, f32, f32)> {
        let (right, bottom) = ((self.width - 1) as f32, (self.height - 1) as f32);
        if !(x >= -0.5 && y >= -0.5 && x <= right + 0.5 && y <= bottom + 0.5) {
            return None;
        }
        let (x, y) = (x.clamp(0.0, right), y.clamp(0.0, bottom));
        // Sides are far below 2³¹, and this is a single instruction.
        let left = (x as i32 as usize).min(self.width.saturating_sub(2));
        let top = (y as i32 as usize).min(self.height.saturating_sub(2));
        let (next, below) = (
            (left + 1).min(self.width - 1),
            (top + 1).min(self.height - 1),
        );
        let (dx, dy) = (x - left as f32, y - top as f32);
        let [a, b, c, d] = [(left, top), (next, top), (left, below), (next, below)]
            .map(|(x, y)| self.values[y * self.width + x]);
        let (above, under) = (a + (b - a) * dx, c + (d - c) * dx);
        let slope_x = (b - a) * (1.0 - dy) + (d - c) * dy;
        Some((above + (under - above) * dy, slope_x, under - above))
    }
}

/// For each new pixel of a side the first old one that counts, and how much each counts from there on: a
/// triangle, which blurs alike wherever pixels fall, as a box of nearly one pixel does not.
fn covered(old: usize, new: usize) -> Vec<(usize, Vec<f32>)> {
    let step = old as f64 / new as f64;
    let reach = step.max(1.0);
    let one = |pixel: usize| {
        let middle = (pixel as f64 + 0.5) * step;
        let first = ((middle - reach).floor().max(0.0) as usize).min(old - 1);
        let end = ((middle + reach).ceil() as usize).clamp(first + 1, old);
        let weight = |old: usize| (1.0 - (old as f64 + 0.5 - middle).abs() / reach).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let weights = weights.iter().map(|weight| (weight / sum) as f32);
        (first, weights.collect())
    };
    (0..new).map(one).collect()
}
