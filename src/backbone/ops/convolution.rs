//! Convolution with its bias, residual and activation.

use candle_core::{Device, Tensor};

use super::around;
use super::depthwise::Depthwise;
use super::epilogue::Epilogue;
use crate::backbone::network::{Convolution, Padding, Value};
use crate::backbone::parameters::Folded;
use crate::error::Result;

/// A convolution whose weights are on the device.
pub struct LoadedConvolution {
    declared: Convolution,
    /// `[outputs, inputs / groups, kernel, kernel]`; `[outputs, inputs]` where it is pointwise.
    weight: Tensor,
    /// `[outputs]`.
    bias: Tensor,
    epilogue: Epilogue,
}

impl LoadedConvolution {
    pub fn new(declared: Convolution, folded: Folded, device: &Device) -> Result<Self> {
        let [outputs, inputs, kernel, _] = declared.weight_shape();
        let weight = if is_pointwise(&declared) {
            Tensor::from_vec(folded.weight, (outputs, inputs), device)?
        } else {
            Tensor::from_vec(folded.weight, (outputs, inputs, kernel, kernel), device)?
        };
        let bias = Tensor::from_vec(folded.bias, outputs, device)?;
        let epilogue = Epilogue {
            activation: declared.activation,
        };
        Ok(Self {
            declared,
            weight,
            bias,
            epilogue,
        })
    }

    pub const fn residual(&self) -> Option<Value> {
        self.declared.residual
    }

    /// `x` is `[N, inputs, H, W]`; the result `[N, outputs, h, w]`, as `residual` is.
    pub fn run(&self, x: &Tensor, residual: Option<&Tensor>) -> Result<Tensor> {
        let convolved = if is_pointwise(&self.declared) {
            self.pointwise(x)?
        } else if self.is_depthwise() && x.device().is_cpu() {
            let operation = Depthwise {
                window: self.declared.window,
            };
            x.contiguous()?.apply_op2_no_bwd(&self.weight, &operation)?
        } else {
            self.general(x)?
        };
        self.epilogue.apply(&convolved, &self.bias, residual)
    }

    const fn is_depthwise(&self) -> bool {
        self.declared.groups == self.declared.inputs
            && self.declared.outputs == self.declared.inputs
            && self.declared.groups > 1
    }

    /// A matrix product over the channels of every position.
    fn pointwise(&self, x: &Tensor) -> Result<Tensor> {
        let (n, channels, height, width) = x.dims4()?;
        let outputs = self.declared.outputs;
        let product = if n == 1 {
            self.weight
                .matmul(&x.reshape((channels, height * width))?)?
        } else {
            self.weight
                .broadcast_matmul(&x.reshape((n, channels, height * width))?)?
        };
        Ok(product.reshape((n, outputs, height, width))?)
    }

    fn general(&self, x: &Tensor) -> Result<Tensor> {
        let window = self.declared.window;
        let groups = self.declared.groups;
        if let Padding::Symmetric(pad) = window.padding {
            return Ok(x.conv2d(&self.weight, pad, window.stride, 1, groups)?);
        }
        let (_, _, height, width) = x.dims4()?;
        let (top, bottom) = around(&window, height);
        let (left, right) = around(&window, width);
        let padded = x
            .pad_with_zeros(2, top, bottom)?
            .pad_with_zeros(3, left, right)?;
        Ok(padded.conv2d(&self.weight, 0, window.stride, 1, groups)?)
    }
}

fn is_pointwise(declared: &Convolution) -> bool {
    let padded = !matches!(
        declared.window.padding,
        Padding::Symmetric(0) | Padding::Same
    );
    declared.window.kernel == 1 && declared.window.stride == 1 && declared.groups == 1 && !padded
}
