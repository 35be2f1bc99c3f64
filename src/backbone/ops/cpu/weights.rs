//! A step's weights, in the order in which its kernels read them.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::direct::Direct;
use super::layout::BLOCK;
use super::lowering::is_depthwise;
use super::separable::Depthwise;
use super::winograd::Transformed;
use crate::backbone::network::{Network, Operation, Step, Value};
use crate::backbone::parameters::Folded;
use crate::error::Result;

/// A step's weights.
pub enum Weights {
    /// A convolution's, and the same transformed, once they are wanted so.
    Direct(Box<Direct>, OnceLock<Transformed>),
    /// A depthwise convolution's.
    Depthwise(Depthwise),
    /// The step has none.
    None,
}

impl Weights {
    /// Packs those of every step as soon as they are read: they are still in the cache then, and
    /// no second copy of all of them is ever held.
    ///
    /// # Errors
    /// Those of `read`, of the first step that fails.
    pub fn pack(
        network: &Network,
        read: impl Fn(usize) -> Result<Option<Folded>> + Sync,
    ) -> Result<Vec<Self>> {
        let steps = network.steps().par_iter().enumerate();
        let packed = steps.map(|(index, step)| {
            let folded = read(index)?;
            Ok(folded.map_or(Self::None, |folded| Self::of(step, &folded)))
        });
        let packed: Vec<Result<Self>> = packed.collect();
        packed.into_iter().collect()
    }

    fn of(step: &Step, folded: &Folded) -> Self {
        match &step.operation {
            Operation::Convolution(convolution) if is_depthwise(convolution) => {
                Self::Depthwise(Depthwise::pack(convolution, folded))
            }
            Operation::Convolution(convolution) => {
                let lanes = if step.input == Value::INPUT { 1 } else { BLOCK };
                let direct = Direct::pack(convolution, folded, lanes);
                Self::Direct(Box::new(direct), OnceLock::new())
            }
            _ => Self::None,
        }
    }

    /// Floats of them.
    pub fn len(&self) -> usize {
        match self {
            Self::Direct(direct, _) => direct.len(),
            Self::Depthwise(depthwise) => depthwise.len(),
            Self::None => 0,
        }
    }

    /// A convolution's.
    pub fn direct(&self) -> &Direct {
        match self {
            Self::Direct(direct, _) => direct,
            _ => unreachable!("lowering and packing agree on what a convolution is"),
        }
    }

    /// A convolution's, for Winograd's method.
    pub fn transformed(&self) -> &Transformed {
        match self {
            Self::Direct(direct, transformed) => {
                transformed.get_or_init(|| Transformed::new(direct))
            }
            _ => unreachable!("lowering and packing agree on what a convolution is"),
        }
    }

    /// A depthwise convolution's.
    pub fn depthwise(&self) -> &Depthwise {
        match self {
            Self::Depthwise(depthwise) => depthwise,
            _ => unreachable!("lowering and packing agree on what is depthwise"),
        }
    }
}
