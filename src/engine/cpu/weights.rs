//! A step's weights, in the order in which its kernels read them.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::conv::Direct;
use super::depthwise::Depthwise;
use super::elementwise::Norm;
use super::layout::BLOCK;
use super::lowering::is_depthwise;
use super::winograd::Transformed;
use crate::error::Result;
use crate::network::{Network, Operation, Step, Value};
use crate::weights::parameters::Folded;

/// A step's weights.
pub enum Weights {
    /// A convolution's, and the same transformed, once they are wanted so.
    Direct(Box<Direct>, OnceLock<Transformed>),
    /// A depthwise convolution's.
    Depthwise(Depthwise),
    /// What is done to each cell by itself.
    Norm(Norm),
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
            let channels = network.channels(Value(index + 1));
            Ok(Self::of(step, channels, read(index)?.as_ref()))
        });
        let packed: Vec<Result<Self>> = packed.collect();
        packed.into_iter().collect()
    }

    fn of(step: &Step, channels: usize, folded: Option<&Folded>) -> Self {
        match (&step.operation, folded) {
            (Operation::Convolution(convolution), Some(folded)) if is_depthwise(convolution) => {
                Self::Depthwise(Depthwise::pack(convolution, folded))
            }
            (Operation::Convolution(convolution), Some(folded)) => {
                let lanes = if step.input == Value::INPUT { 1 } else { BLOCK };
                let direct = Direct::pack(convolution, folded, lanes);
                Self::Direct(Box::new(direct), OnceLock::new())
            }
            (operation, folded) => {
                Norm::pack(operation, channels, folded).map_or(Self::None, Self::Norm)
            }
        }
    }

    /// Floats of them.
    pub fn len(&self) -> usize {
        match self {
            Self::Direct(direct, _) => direct.len(),
            Self::Depthwise(depthwise) => depthwise.len(),
            Self::Norm(norm) => norm.len(),
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

    /// What is done to each cell.
    pub fn norm(&self) -> &Norm {
        match self {
            Self::Norm(norm) => norm,
            _ => unreachable!("lowering and packing agree on what is done cell by cell"),
        }
    }
}
