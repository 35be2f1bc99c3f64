//! A step as it is run: its plan for pictures of one size, its weights, and what it reads and makes.

use std::sync::Arc;

use super::concat;
use super::conv::Conv;
use super::elementwise::Norm;
use super::inverted_residual::InvertedResidual;
use super::layout::Layout;
use super::lowering::FusedWork;
use super::map::Operands;
use super::memory::Pictures;
use super::pool::{self, Means};
use super::team::Member;
use super::winograd::Winograd;
use crate::kernels::Kernels;
use crate::network::{Value, Window};

/// A step as it is run, with the values that it reads and makes.
pub struct Planned {
    /// What is run.
    pub step: Step,
    /// What it reads and makes.
    pub operands: Operands<Value>,
    /// Numbers of the taps that the output is copied to.
    pub taps: Vec<usize>,
}

/// What is run as one.
pub enum Step {
    /// A convolution by its definition.
    Conv(Conv),
    /// A 3×3 convolution by Winograd's method.
    Winograd(Winograd),
    /// A depthwise convolution with its neighbours.
    InvertedResidual(InvertedResidual),
    /// Each cell by itself.
    Elementwise(Arc<Norm>),
    /// The largest value in each window.
    MaxPool(Window),
    /// Means.
    AveragePool(Means),
    /// Channels put one behind the other.
    Concat,
}

impl Step {
    /// For maps laid out so, on a team of `members` that runs so many `pictures` at once.
    pub fn plan(
        work: FusedWork,
        layouts: &Operands<Layout>,
        members: usize,
        pictures: usize,
    ) -> Self {
        match work {
            FusedWork::Conv { prepare, packed } => {
                Self::Conv(Conv::plan(packed, prepare, layouts, members))
            }
            FusedWork::Winograd(packed) => {
                Self::Winograd(Winograd::plan(packed, &layouts.output, members, pictures))
            }
            FusedWork::InvertedResidual(stages) => {
                Self::InvertedResidual(InvertedResidual::plan(stages, &layouts.input))
            }
            FusedWork::Elementwise(norm) => Self::Elementwise(norm),
            FusedWork::MaxPool(window) => Self::MaxPool(window),
            FusedWork::AveragePool(means) => Self::AveragePool(means),
            FusedWork::Concat => Self::Concat,
        }
    }

    /// Floats of working memory that each thread needs for each picture.
    pub fn scratch(&self) -> usize {
        match self {
            Self::Conv(conv) => conv.scratch(),
            Self::Winograd(winograd) => winograd.scratch(),
            Self::InvertedResidual(block) => block.scratch(),
            Self::Elementwise(_) | Self::MaxPool(_) | Self::AveragePool(_) | Self::Concat => 0,
        }
    }

    /// Runs it on some pictures with the other members of the team.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; the pictures' memory is of a plan that has this
    /// step, so [`bounds`](super::bounds) holds for it, and no one else uses it.
    pub unsafe fn run(&self, kernels: &Kernels, pictures: &Pictures, member: &Member) {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            match self {
                Self::Conv(conv) => conv.run(kernels, pictures, member),
                Self::Winograd(winograd) => winograd.run(kernels, pictures, member),
                Self::InvertedResidual(block) => block.run(kernels, pictures, member),
                Self::Elementwise(norm) => norm.run_maps(kernels, pictures, member),
                Self::MaxPool(window) => pool::max_pool(kernels, window, pictures, member),
                Self::AveragePool(means) => pool::average(kernels, *means, pictures, member),
                Self::Concat => concat::concatenate(pictures, member),
            }
        }
    }
}
