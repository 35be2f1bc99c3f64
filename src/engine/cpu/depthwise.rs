//! Depthwise convolution: every channel by itself, as MobileNets have it.

use super::buffer::Buffer;
use crate::kernels::BLOCK;
use crate::kernels::{DepthwiseKernel, Finish};
use crate::network::{Convolution, Window};
use crate::weights::parameters::Folded;

/// A depthwise convolution's weights.
pub struct Depthwise {
    /// Kernel, stride, padding.
    pub window: Window,
    /// Channels in and out.
    pub channels: usize,
    /// `[block][kernel · kernel][16]`.
    pub weights: Buffer,
    /// `[channels]`, zeros behind.
    pub bias: Buffer,
    /// The activation.
    pub finish: Finish,
    kernel: DepthwiseKernel,
}

impl Depthwise {
    /// Packs `folded` if the convolution treats every channel by itself, adds nothing, and there is
    /// a kernel for its window.
    pub fn pack(convolution: &Convolution, folded: &Folded) -> Option<Self> {
        let (channels, window) = (convolution.outputs, convolution.window);
        let kernel = DepthwiseKernel::of(&window)?;
        let is_depthwise = convolution.groups == convolution.inputs
            && channels == convolution.inputs
            && channels > 1
            && convolution.residual.is_none();
        if !is_depthwise {
            return None;
        }
        let taps = window.kernel * window.kernel;
        let padded = channels.next_multiple_of(BLOCK);
        let mut weights = Buffer::new(padded * taps);
        for (channel, kernel) in folded.weight.chunks_exact(taps).enumerate() {
            for (tap, &weight) in kernel.iter().enumerate() {
                let place = (channel / BLOCK * taps + tap) * BLOCK + channel % BLOCK;
                weights.as_mut_slice()[place] = weight;
            }
        }
        let mut bias = Buffer::new(padded);
        bias.as_mut_slice()[..channels].copy_from_slice(&folded.bias);
        Some(Self {
            window,
            channels,
            weights,
            bias,
            finish: convolution.activation.into(),
            kernel,
        })
    }

    /// The kernel for its window.
    pub const fn kernel(&self) -> DepthwiseKernel {
        self.kernel
    }

    /// Blocks of channels.
    pub const fn blocks(&self) -> usize {
        self.channels.div_ceil(BLOCK)
    }

    /// Floats of weights.
    pub const fn len(&self) -> usize {
        self.blocks() * self.window.kernel * self.window.kernel * BLOCK
    }
}
