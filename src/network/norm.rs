//! Norms that stand by themselves: a batch norm behind a convolution is a part of that one.

use super::convolution::Activation;

/// A batch norm, as a trained network applies it: every channel scaled and shifted.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchNorm {
    /// Prefixes of its `weight`, `bias`, `running_mean` and `running_var`, one per naming the
    /// family knows; the reference's first.
    pub names: Vec<String>,
    /// Its ε.
    pub epsilon: f64,
    /// Applied last.
    pub activation: Activation,
}

/// A norm over the channels of each cell, scaled and shifted by channel.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerNorm {
    /// Prefixes of its `weight` and `bias`, one per naming the family knows; the reference's first.
    pub names: Vec<String>,
    /// Its ε.
    pub epsilon: f64,
}
