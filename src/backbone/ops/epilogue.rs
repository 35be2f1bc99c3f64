//! What follows every convolution: bias, residual, activation, in one pass over the map.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor};

use super::depthwise::contiguous;
use crate::backbone::network::Activation;
use crate::error::Result;

/// Adds a bias `[C]` and a residual to `[N, C, H, W]` and applies the activation.
pub struct Epilogue {
    pub activation: Activation,
}

impl Epilogue {
    pub fn apply(&self, x: &Tensor, bias: &Tensor, residual: Option<&Tensor>) -> Result<Tensor> {
        if !x.device().is_cpu() {
            return self.apply_by_candle(x, bias, residual);
        }
        let x = x.contiguous()?;
        Ok(match residual {
            Some(residual) => x.apply_op3_no_bwd(bias, &residual.contiguous()?, self)?,
            None => x.apply_op2_no_bwd(bias, self)?,
        })
    }

    fn apply_by_candle(
        &self,
        x: &Tensor,
        bias: &Tensor,
        residual: Option<&Tensor>,
    ) -> Result<Tensor> {
        let mut sum = x.broadcast_add(&bias.reshape((1, (), 1, 1))?)?;
        if let Some(residual) = residual {
            sum = (sum + residual)?;
        }
        Ok(match self.activation {
            Activation::Identity => sum,
            Activation::Relu => sum.relu()?,
            Activation::Relu6 => sum.clamp(0f32, 6f32)?,
        })
    }

    fn activate(&self, values: &mut [f32]) {
        match self.activation {
            Activation::Identity => {}
            Activation::Relu => values.iter_mut().for_each(|v| *v = v.max(0.0)),
            Activation::Relu6 => values.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0)),
        }
    }

    fn run(
        &self,
        x: &[f32],
        shape: &Shape,
        bias: &[f32],
        residual: Option<&[f32]>,
    ) -> candle_core::Result<Vec<f32>> {
        let (_, _, height, width) = shape.dims4()?;
        let mut out = x.to_vec();
        for (index, plane) in out.chunks_exact_mut(height * width).enumerate() {
            let bias = bias[index % bias.len()];
            if let Some(residual) = residual {
                let start = index * height * width;
                for (value, add) in plane.iter_mut().zip(&residual[start..]) {
                    *value += bias + add;
                }
            } else {
                plane.iter_mut().for_each(|value| *value += bias);
            }
            self.activate(plane);
        }
        Ok(out)
    }
}

impl CustomOp2 for Epilogue {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (x, bias) = (contiguous(x, x_layout)?, contiguous(bias, bias_layout)?);
        let out = self.run(x, x_layout.shape(), bias, None)?;
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }
}

impl CustomOp3 for Epilogue {
    fn name(&self) -> &'static str {
        "bias-residual-activation"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (x, bias) = (contiguous(x, x_layout)?, contiguous(bias, bias_layout)?);
        let residual = contiguous(residual, residual_layout)?;
        let out = self.run(x, x_layout.shape(), bias, Some(residual))?;
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }
}
