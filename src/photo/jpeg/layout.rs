//! How a frame's blocks lie in the picture, and what a reduced picture takes of each.

use super::inverse::Inverse;
use super::outline::Frame;
use super::tables::Tables;

/// The blocks of one component.
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
}

/// All components, and the units (MCUs) that they lie in.
pub struct Layout {
    /// One or three.
    pub components: Vec<Component>,
    /// Units beside and above each other.
    pub units: (usize, usize),
    /// Columns and rows of pixels that a unit becomes.
    pub unit: (usize, usize),
    /// Columns and rows of the reduced picture.
    pub picture: (usize, usize),
}

impl Layout {
    /// For `frame` at `eighths` of its size. None where the colours would have to be stretched by
    /// anything but powers of two.
    pub fn new(frame: &Frame, eighths: u32) -> Option<Self> {
        let is_grey = frame.components.len() == 1;
        let sampling = |(_, sampling, _): (u8, u8, u8)| {
            // A single component is not interleaved with anything.
            if is_grey {
                (1, 1)
            } else {
                (usize::from(sampling >> 4), usize::from(sampling & 15))
            }
        };
        let most = |side: fn((usize, usize)) -> usize| {
            let sides = frame
                .components
                .iter()
                .map(|component| side(sampling(*component)));
            sides.max().unwrap_or(0)
        };
        let (across, down) = (most(|sampling| sampling.0), most(|sampling| sampling.1));
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let eighths = eighths as usize;
        let mut components = Vec::new();
        for component in &frame.components {
            let (h, v) = sampling(*component);
            let size = (larger(across, h)? * eighths, larger(down, v)? * eighths);
            let blocks =
                |side: usize, sampling: usize, most: usize| (side * sampling).div_ceil(8 * most);
            components.push(Component {
                id: component.0,
                steps: component.2,
                across: h,
                down: v,
                size,
                covered: (blocks(width, h, across), blocks(height, v, down)),
            });
        }
        let fits = components
            .iter()
            .all(|component| component.size.0.max(component.size.1) <= 8);
        fits.then_some(Self {
            components,
            units: (width.div_ceil(8 * across), height.div_ceil(8 * down)),
            unit: (across * eighths, down * eighths),
            picture: (
                (width * eighths).div_ceil(8),
                (height * eighths).div_ceil(8),
            ),
        })
    }

    /// How each component's blocks become pixels.
    pub fn inverses(&self, tables: &Tables) -> Option<Vec<Inverse>> {
        let inverse = |component: &Component| {
            Some(Inverse::new(component.size, tables.steps(component.steps)?))
        };
        self.components.iter().map(inverse).collect()
    }
}

/// How many times a component of `sampling` is to be stretched to have as many pixels as the one
/// that has most.
const fn larger(most: usize, sampling: usize) -> Option<usize> {
    match (sampling, most) {
        (0, _) | (_, 0) => None,
        (sampling, most) if sampling > 4 || !most.is_multiple_of(sampling) => None,
        (sampling, most) => Some(most / sampling),
    }
}
