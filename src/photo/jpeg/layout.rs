//! How a frame's blocks lie in the picture, and how many pixels each becomes.

use super::outline::{Frame, Part};

/// Pixels of a block's side in the whole picture.
pub const BLOCK: usize = 8;

/// The blocks of one component.
#[derive(Clone, Debug)]
pub struct Component {
    /// What scans call it.
    pub id: u8,
    /// The number of its quantization steps.
    pub steps: u8,
    /// Blocks of a unit: beside and above each other.
    pub across: usize,
    pub down: usize,
    /// Columns and rows of pixels that each block becomes.
    pub size: (usize, usize),
    /// Blocks beside and above each other that the picture itself covers.
    pub covered: (usize, usize),
    /// Columns and rows of the component's pixels that the picture covers.
    pub pixels: (usize, usize),
    /// How often its columns and rows are to be taken to have as many as the picture.
    pub stretch: (Ratio, Ratio),
}

/// So many for so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub many: usize,
    pub of: usize,
}

/// All components, and the units (MCUs) that they lie in.
#[derive(Clone, Debug)]
pub struct Layout {
    pub components: Vec<Component>,
    /// Units beside and above each other.
    pub units: (usize, usize),
    /// Columns and rows of pixels that a unit becomes.
    pub unit: (usize, usize),
    /// Columns and rows of the picture at this size.
    pub picture: (usize, usize),
    /// The size in eighths.
    pub eighths: usize,
}

impl Layout {
    /// For `frame` at `eighths` of its size. A block becomes as many pixels as the picture has there,
    /// where a block can: colours that are coarser than the brightness need no stretching then. At full
    /// size they are stretched, as all programs do it.
    pub fn new(frame: &Frame, eighths: u32) -> Self {
        Self::of_blocks(frame, BLOCK, eighths as usize)
    }

    /// For a lossless `frame`, whose blocks are single samples.
    pub fn of_samples(frame: &Frame) -> Self {
        Self::of_blocks(frame, 1, 1)
    }

    /// For blocks of so many pixels a side, each of which becomes `eighths`.
    fn of_blocks(frame: &Frame, block: usize, eighths: usize) -> Self {
        let is_grey = frame.components.len() == 1;
        let sampling = |part: &Part| {
            // A single component is not interleaved with anything.
            if is_grey {
                (1, 1)
            } else {
                (usize::from(part.sampling.0), usize::from(part.sampling.1))
            }
        };
        let parts = || frame.components.iter();
        let across = parts().map(|part| sampling(part).0).max().unwrap_or(1);
        let down = parts().map(|part| sampling(part).1).max().unwrap_or(1);
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let component = |part: &Part| {
            let (h, v) = sampling(part);
            let size = (
                size(across, h, block, eighths),
                size(down, v, block, eighths),
            );
            let part_of = |side: usize, sampling: usize, most: usize, pixels: usize| {
                (side * sampling * pixels).div_ceil(block * most)
            };
            Component {
                id: part.id,
                steps: part.steps,
                across: h,
                down: v,
                size,
                covered: (part_of(width, h, across, 1), part_of(height, v, down, 1)),
                pixels: (
                    part_of(width, h, across, size.0),
                    part_of(height, v, down, size.1),
                ),
                stretch: (
                    Ratio::new(across * eighths, h * size.0),
                    Ratio::new(down * eighths, v * size.1),
                ),
            }
        };
        Self {
            components: parts().map(component).collect(),
            units: (
                width.div_ceil(block * across),
                height.div_ceil(block * down),
            ),
            unit: (across * eighths, down * eighths),
            picture: (
                (width * eighths).div_ceil(block),
                (height * eighths).div_ceil(block),
            ),
            eighths,
        }
    }
}

impl Component {
    /// Pixels in a row of all its blocks.
    pub const fn stride(&self, layout: &Layout) -> usize {
        layout.units.0 * self.across * self.size.0
    }

    /// Rows of pixels in a row of units.
    pub const fn rows(&self) -> usize {
        self.down * self.size.1
    }
}

impl Ratio {
    fn new(many: usize, of: usize) -> Self {
        let whole = (1..=of).rev();
        let mut common = whole.filter(|by| many.is_multiple_of(*by) && of.is_multiple_of(*by));
        let common = common.next().unwrap_or(1);
        Self {
            many: many / common,
            of: of / common,
        }
    }

    /// The one of those there are whose middle is nearest to that of the one at `at`.
    pub const fn nearest(self, at: usize) -> usize {
        (2 * at + 1) * self.of / (2 * self.many)
    }

    /// Whether it is `many` for one.
    pub const fn is(self, many: usize) -> bool {
        self.many == many && self.of == 1
    }
}

/// Pixels of a block's side: as many as the picture has there, up to the block's own.
fn size(most: usize, sampling: usize, block: usize, eighths: usize) -> usize {
    if eighths == block {
        return block;
    }
    (most * eighths).div_ceil(sampling).min(block)
}
