//! A 3×3 convolution's weights in Winograd's transformed domain.

use rayon::prelude::*;

use super::super::buffer::Buffer;
use crate::kernels::BLOCK;
use crate::kernels::Floats;
use crate::kernels::SIDE;

/// Values of a transformed tile.
pub const VALUES: usize = SIDE * SIDE;
/// Blocks of output channels whose weights lie together: as wide as the widest tile.
pub const PAIR: usize = 2;

/// The transformed weights of a convolution.
pub struct Transformed {
    /// `[pair of blocks of outputs][value][block][inputs][16]`: what is read together lies together.
    weights: Buffer,
}

impl Transformed {
    /// Transforms the weights of a 3×3 convolution of `inputs` channels to so many blocks of outputs;
    /// `weights_of` tells them by block, input and tap.
    pub fn new<'a>(
        inputs: usize,
        blocks: usize,
        weights_of: impl Fn(usize, usize, usize) -> &'a Sixteen + Sync,
    ) -> Self {
        let depth = inputs.next_multiple_of(BLOCK);
        let pair = PAIR * VALUES * depth * BLOCK;
        let mut weights = Buffer::new(blocks.div_ceil(PAIR) * pair);
        let pairs = weights.as_mut_slice().par_chunks_exact_mut(pair);
        pairs.enumerate().for_each(|(pair, transformed)| {
            let blocks = pair * PAIR..((pair + 1) * PAIR).min(blocks);
            for (index, block) in blocks.enumerate() {
                for input in 0..inputs {
                    let taps = |tap| weights_of(block, input, tap);
                    transform(taps, |value, sixteen| {
                        let place = ((value * PAIR + index) * depth + input) * BLOCK;
                        transformed[place..place + BLOCK].copy_from_slice(sixteen);
                    });
                }
            }
        });
        Self { weights }
    }

    /// The weights of one transformed value for a block of outputs and the other of its pair, of
    /// `depth` inputs and what fills up their last block.
    pub fn weights(&self, value: usize, block: usize, depth: usize) -> Floats {
        let pair = block / PAIR * VALUES * PAIR + value * PAIR;
        let start = (pair + block % PAIR) * depth * BLOCK;
        self.weights.floats().plus(start)
    }

    /// Floats of them.
    pub fn len(&self) -> usize {
        self.weights.as_slice().len()
    }
}

/// Sixteen numbers, one for each output of a block.
type Sixteen = [f32; BLOCK];

/// G·g·Gᵀ for the sixteen kernels between one input and a block of outputs.
fn transform<'a>(taps: impl Fn(usize) -> &'a Sixteen, mut put: impl FnMut(usize, &Sixteen)) {
    let columns = [0, 1, 2].map(|column| to_values([0, 3, 6].map(|row| taps(row + column))));
    for row in 0..SIDE {
        let halves = columns.each_ref().map(|values| &values[row]);
        for (column, sums) in to_values(halves).iter().enumerate() {
            put(row * SIDE + column, sums);
        }
    }
}

/// G·g. What its rows have in common is computed once.
#[inline(always)]
fn to_values(taps: [&Sixteen; 3]) -> [Sixteen; SIDE] {
    let mut values = [[0.0; BLOCK]; SIDE];
    for lane in 0..BLOCK {
        let [first, second, third] = taps.map(|tap| tap[lane]);
        let (even, odd) = ((first + third) * (-1.0 / 6.0), second * (-1.0 / 6.0));
        let (far, far_odd) = (
            first * (1.0 / 24.0) + third * (1.0 / 6.0),
            second * (1.0 / 12.0),
        );
        values[0][lane] = first * 0.25;
        values[1][lane] = even + odd;
        values[2][lane] = even - odd;
        values[3][lane] = far + far_odd;
        values[4][lane] = far - far_odd;
        values[5][lane] = third;
    }
    values
}
