//! A network as it is written down: steps, and layers that can be tapped.

use super::step::{Operation, Step};
use super::value::Value;
use crate::error::NetworkError;
use crate::nearest::nearest;

/// What the end of the last stage is called in every network.
pub const LAST: &str = "last";

/// Other names of a layer, as [`Network::layer`] takes them.
pub fn aliases<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// A value with a name: what one can tap.
#[derive(Clone, PartialEq, Debug)]
pub struct Layer {
    /// The canonical name, the reference implementation's.
    pub name: String,
    /// Other frameworks' names for it.
    pub aliases: Vec<String>,
    /// The value it names.
    pub value: Value,
    /// Channels C of its map.
    pub channels: usize,
    /// Whether it ends a stage (the last map of its resolution or width), which is where one
    /// usually taps.
    pub ends_stage: bool,
}

/// An ordered list of steps with named layers.
#[derive(Clone, PartialEq, Debug)]
pub struct Network {
    /// The architecture's name, e.g. `efficientnet_lite0`.
    pub name: String,
    pub(super) steps: Vec<Step>,
    pub(super) channels: Vec<usize>,
    pub(super) layers: Vec<Layer>,
}

impl Network {
    /// The steps, in order; step *i* makes value *i* + 1.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The layers, shallow to deep.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Channels of a value.
    #[must_use]
    pub fn channels(&self, value: Value) -> usize {
        self.channels[value.0]
    }

    /// The layer called `name`, canonically or by an alias. Of every network the end of its last stage,
    /// which is described unless another layer is named, is `last` too.
    ///
    /// # Errors
    /// [`NetworkError::UnknownLayer`], which suggests the nearest name.
    pub fn find_layer(&self, name: &str) -> Result<&Layer, NetworkError> {
        let called =
            |layer: &&Layer| layer.name == name || layer.aliases.iter().any(|alias| alias == name);
        let last = || {
            let mut stages = self.layers.iter().filter(|layer| layer.ends_stage);
            stages.next_back().filter(|_| name == LAST)
        };
        self.layers
            .iter()
            .find(called)
            .or_else(last)
            .ok_or_else(|| NetworkError::UnknownLayer {
                architecture: self.name.clone(),
                layer: name.to_owned(),
                nearest: nearest(name, self.layers.iter().map(|layer| layer.name.as_str())),
            })
    }

    /// The same network ended at the deepest of `taps`: nothing behind it is loaded or run.
    #[must_use]
    pub fn cut_after(&self, taps: &[Value]) -> Self {
        let last = taps.iter().max().map_or(0, |value| value.0);
        let mut cut = self.clone();
        cut.steps.truncate(last);
        cut.channels.truncate(last + 1);
        cut.layers.retain(|layer| layer.value.0 <= last);
        cut
    }

    /// The error about a step whose trained numbers were not read.
    pub(crate) fn lacks_numbers(&self, step: usize) -> NetworkError {
        NetworkError::Invalid {
            network: self.name.clone(),
            place: format!("step {step}"),
            reason: "has no numbers".to_owned(),
        }
    }

    /// Trained numbers of every step.
    #[must_use]
    pub fn parameters(&self) -> Vec<usize> {
        let of = |(step, &channels): (&Step, &usize)| match &step.operation {
            Operation::Convolution(convolution) => convolution.parameters(),
            // A factor and a shift for each channel.
            Operation::BatchNorm(_) | Operation::LayerNorm(_) => 2 * channels,
            _ => 0,
        };
        self.steps.iter().zip(&self.channels[1..]).map(of).collect()
    }
}
