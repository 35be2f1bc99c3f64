//! Activations, by Candle.

use candle_core::{Result, Tensor};

use crate::network::Activation;

/// The activation.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    let hard_sigmoid = |x: &Tensor| (x + 3.0)?.clamp(0f32, 6f32)? / 6.0;
    match activation {
        Activation::Identity => Ok(x.clone()),
        Activation::Relu => x.relu(),
        Activation::Relu6 => x.clamp(0f32, 6f32),
        Activation::HardSwish => x * hard_sigmoid(x)?,
        Activation::HardSigmoid => hard_sigmoid(x),
        Activation::Silu => x.silu(),
        Activation::Sigmoid => (x.neg()?.exp()? + 1.0)?.recip(),
        Activation::Gelu => x.gelu_erf(),
    }
}
