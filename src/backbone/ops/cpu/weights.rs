//! A step's weights, in the order in which its kernels read them.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::cellwise::Norm;
use super::depthwise::Depthwise;
use super::direct::Direct;
use super::layout::BLOCK;
use super::lowering::is_depthwise;
use super::winograd::Transformed;
use crate::backbone::network::{Network, Operation, Step, Value};
use crate::backbone::parameters::Parameters;

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
    /// Packs those of every step.
    pub fn pack(network: &Network, parameters: &Parameters) -> Vec<Self> {
        let steps = network.steps().par_iter().zip(&parameters.0).enumerate();
        let pack = |(index, (step, folded)): (usize, (&Step, &Option<_>))| match (
            &step.operation,
            folded.as_ref(),
        ) {
            (Operation::Convolution(convolution), Some(folded)) => {
                let lanes = if step.input == Value::INPUT { 1 } else { BLOCK };
                if is_depthwise(convolution) {
                    Self::Depthwise(Depthwise::pack(convolution, folded))
                } else {
                    let direct = Direct::pack(convolution, folded, lanes);
                    Self::Direct(Box::new(direct), OnceLock::new())
                }
            }
            (operation, folded) => {
                let channels = network.channels(Value(index + 1));
                Norm::pack(operation, channels, folded).map_or(Self::None, Self::Norm)
            }
        };
        steps.map(pack).collect()
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
