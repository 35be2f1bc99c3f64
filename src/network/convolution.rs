//! A convolution written down: its window, its weights' names, and what is fused into it.

use super::value::Value;
use super::window::Window;

/// What is applied to each output of a convolution, after the residual is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x · min(max(x + 3, 0), 6) / 6. Howard et al., "Searching for MobileNetV3", 2019.
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// x / (1 + e⁻ˣ), also called swish.
    Silu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x · (1 + erf(x / √2)) / 2. Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016.
    Gelu,
}

/// Where a convolution's weights stand in a weights file, under one naming.
#[derive(Clone, PartialEq, Debug)]
pub struct WeightNames {
    /// Prefix of the convolution's `weight` and `bias`.
    pub convolution: String,
    /// Prefix of the batch norm's `weight`, `bias`, `running_mean`, `running_var`.
    pub norm: Option<String>,
    /// The ε of the batch norm, where those who use this naming trained with another one than the
    /// reference.
    pub epsilon: Option<f64>,
}

impl WeightNames {
    /// Of a convolution without a norm.
    #[must_use]
    pub fn bare(convolution: &str) -> Self {
        Self {
            convolution: convolution.to_owned(),
            norm: None,
            epsilon: None,
        }
    }

    /// Of a convolution and its batch norm.
    #[must_use]
    pub fn normed([convolution, norm]: [&str; 2]) -> Self {
        Self {
            convolution: convolution.to_owned(),
            norm: Some(norm.to_owned()),
            epsilon: None,
        }
    }

    /// With another ε than the reference's.
    #[must_use]
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        let epsilon = Some(epsilon);
        Self { epsilon, ..self }
    }
}

/// One of several maps that a convolution was trained as the sum of.
#[derive(Clone, PartialEq, Debug)]
pub enum Branch {
    /// A convolution of the same channels and stride; a smaller kernel lies in the middle.
    Convolution(Box<Convolution>),
    /// The input itself, normed.
    Identity {
        /// Prefix of the batch norm's tensors.
        norm: String,
        /// Its ε.
        epsilon: f64,
    },
}

/// A convolution with what is fused into it: batch norm (at load), residual and activation.
///
/// A linear layer is one with a 1×1 kernel on a 1×1 map.
#[derive(Clone, PartialEq, Debug)]
pub struct Convolution {
    /// Its weights' names, one per naming the family knows; the reference's first.
    pub names: Vec<WeightNames>,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Kernel, stride, padding.
    pub window: Window,
    /// Groups of channels convolved apart; `inputs` of them make it depthwise.
    pub groups: usize,
    /// Whether it has a bias of its own (beside the batch norm's).
    pub bias: bool,
    /// The ε of its batch norm, where it has one.
    pub norm_epsilon: Option<f64>,
    /// Names of a trained factor for each output, one per naming, applied before the residual;
    /// empty where there is none. Touvron et al., "Going Deeper with Image Transformers", 2021.
    pub layer_scale: Vec<String>,
    /// Added to the result before the activation.
    pub residual: Option<Value>,
    /// Applied last.
    pub activation: Activation,
    /// What it was trained as the sum of. A weights file has either these or, under its own names,
    /// the convolution that they are equal to. Ding et al., "RepVGG: Making VGG-style ConvNets
    /// Great Again", 2021.
    pub branches: Vec<Branch>,
}

impl Convolution {
    /// A bare convolution: no norm, no bias, no activation; `names` under each known naming.
    #[must_use]
    pub const fn new(
        names: Vec<WeightNames>,
        inputs: usize,
        outputs: usize,
        window: Window,
    ) -> Self {
        Self {
            names,
            inputs,
            outputs,
            window,
            groups: 1,
            bias: false,
            norm_epsilon: None,
            layer_scale: Vec::new(),
            residual: None,
            activation: Activation::Identity,
            branches: Vec::new(),
        }
    }

    /// Followed by a batch norm with this ε.
    #[must_use]
    pub fn norm(self, epsilon: f64) -> Self {
        Self {
            norm_epsilon: Some(epsilon),
            ..self
        }
    }

    /// Followed by `activation`.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Each channel convolved by itself.
    #[must_use]
    pub fn depthwise(self) -> Self {
        Self {
            groups: self.inputs,
            ..self
        }
    }

    /// Its channels convolved in so many groups, each apart.
    #[must_use]
    pub fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Trained as the sum of `branches`.
    #[must_use]
    pub fn sum_of(self, branches: Vec<Branch>) -> Self {
        Self { branches, ..self }
    }

    /// With a bias of its own.
    #[must_use]
    pub fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// With a trained factor for each output, called so under each known naming.
    #[must_use]
    pub fn scaled(self, layer_scale: Vec<String>) -> Self {
        Self {
            layer_scale,
            ..self
        }
    }

    /// With `residual`, if any, added before the activation.
    #[must_use]
    pub fn plus(self, residual: Option<Value>) -> Self {
        Self { residual, ..self }
    }

    /// `[outputs, inputs / groups, kernel, kernel]`.
    #[must_use]
    pub fn weight_shape(&self) -> [usize; 4] {
        [
            self.outputs,
            self.inputs / self.groups,
            self.window.kernel,
            self.window.kernel,
        ]
    }

    /// Trained numbers: weights, bias, layer scale, and the batch norm's scale and shift.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let norm = if self.norm_epsilon.is_some() {
            2 * self.outputs
        } else {
            0
        };
        let bias = if self.bias { self.outputs } else { 0 };
        let scale = if self.layer_scale.is_empty() {
            0
        } else {
            self.outputs
        };
        self.weight_shape().iter().product::<usize>() + norm + bias + scale
    }
}
