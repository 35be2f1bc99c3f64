//! The shape of every map, for pictures of one size.

use super::declaration::Network;
use super::step::{Operation, Step};
use super::window::Window;
use crate::error::NetworkError;

/// Values of a map, with what an engine may put around and between them, that an address can reach.
const MOST_VALUES: usize = isize::MAX as usize / size_of::<f32>() / 2;
/// Cells that an engine may put around a map, along each side.
const AROUND: usize = 4 << 10;

/// Channels, height and width of a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapShape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl MapShape {
    /// Number of values, C × H × W.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether nothing is left: the input was too small to get here.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.channels == 0 || self.height == 0 || self.width == 0
    }

    /// Rows and columns.
    const fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// Whether its values can be counted, in whatever layout.
    fn is_addressable(&self) -> bool {
        let sides = [self.height, self.width].map(|side| side.checked_add(AROUND));
        let [Some(height), Some(width)] = sides else {
            return false;
        };
        let values = height.checked_mul(width);
        let values = values.and_then(|cells| cells.checked_mul(self.channels.next_multiple_of(16)));
        values.is_some_and(|values| values <= MOST_VALUES)
    }
}

impl std::fmt::Display for MapShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

impl Network {
    /// The shape of every value for an input of `height` × `width` pixels, value 0 first; empty ones
    /// where nothing is left of the picture.
    #[must_use]
    pub fn shapes(&self, height: usize, width: usize) -> Vec<MapShape> {
        let mut shapes = vec![MapShape {
            channels: 3,
            height,
            width,
        }];
        for (step, &channels) in self.steps.iter().zip(&self.channels[1..]) {
            let shape = step.shape_of(shapes[step.input.0], channels);
            shapes.push(shape);
        }
        shapes
    }

    /// The same for a picture that the network can be run on: every map has something in it, and
    /// what is added, multiplied or put behind fits.
    ///
    /// # Errors
    /// [`NetworkError::PictureTooSmall`] if nothing is left of the picture at some step,
    /// [`NetworkError::UnfitSize`] if maps that meet differ at this size, or one is larger than memory.
    pub fn check_size(&self, height: usize, width: usize) -> Result<Vec<MapShape>, NetworkError> {
        let picture = MapShape {
            channels: 3,
            height,
            width,
        };
        let mut shapes = vec![picture];
        self.check_shape(0, &picture, picture)?;
        for (index, step) in self.steps.iter().enumerate() {
            let shape = step.shape_of(shapes[step.input.0], self.channels[index + 1]);
            self.check_shape(index + 1, &shape, picture)?;
            let second = step.second().map(|second| shapes[second.0]);
            let fits = second.is_none_or(|second| match step.operation {
                Operation::Scale { .. } => second.size() == (1, 1),
                _ => second.size() == shape.size(),
            });
            if !fits {
                let second = second.unwrap_or(shape);
                return Err(NetworkError::UnfitSize {
                    network: self.name.clone(),
                    height,
                    width,
                    reason: format!("step {index} makes {shape} and meets {second}"),
                });
            }
            shapes.push(shape);
        }
        Ok(shapes)
    }

    /// Multiply-adds of every step for an input of `height` × `width` pixels.
    #[must_use]
    pub fn multiply_adds(&self, height: usize, width: usize) -> Vec<u64> {
        let shapes = self.shapes(height, width);
        let cost = |(step, shape): (&Step, &MapShape)| match &step.operation {
            Operation::Convolution(c) => {
                let per_cell: usize = c.weight_shape().iter().product();
                (per_cell * shape.height * shape.width) as u64
            }
            _ => 0,
        };
        self.steps.iter().zip(&shapes[1..]).map(cost).collect()
    }

    fn check_shape(
        &self,
        value: usize,
        shape: &MapShape,
        picture: MapShape,
    ) -> Result<(), NetworkError> {
        let MapShape { height, width, .. } = picture;
        if shape.is_empty() {
            let behind = self.layers.iter().find(|layer| layer.value.0 >= value);
            return Err(NetworkError::PictureTooSmall {
                width,
                height,
                layer: behind.map_or_else(|| format!("step {value}"), |layer| layer.name.clone()),
            });
        }
        if !shape.is_addressable() {
            return Err(NetworkError::UnfitSize {
                network: self.name.clone(),
                height,
                width,
                reason: format!("a map of {shape} values is larger than memory"),
            });
        }
        Ok(())
    }
}

impl Step {
    /// The shape that it makes, with so many channels, of an input of this shape.
    fn shape_of(&self, from: MapShape, channels: usize) -> MapShape {
        let side = |window: &Window, size| window.place(size).1;
        let (height, width) = match &self.operation {
            Operation::Convolution(convolution) => {
                let window = &convolution.window;
                (side(window, from.height), side(window, from.width))
            }
            Operation::MaxPool(window) => (side(window, from.height), side(window, from.width)),
            Operation::GlobalAveragePool => (from.height.min(1), from.width.min(1)),
            Operation::AveragePoolTo(_) if from.is_empty() => (0, 0),
            Operation::AveragePoolTo(side) => (*side, *side),
            Operation::AveragePool(side) => (from.height / side, from.width / side),
            Operation::Scale { .. }
            | Operation::BatchNorm(_)
            | Operation::LayerNorm(_)
            | Operation::Activate(_)
            | Operation::Concatenate { .. } => (from.height, from.width),
        };
        MapShape {
            channels,
            height,
            width,
        }
    }
}
