//! Networks as ordered lists of named layers: pixels in, feature maps out.
//!
//! A backbone is loaded up to the deepest layer that is wanted and gives any of its named layers
//! in one forward pass. It knows nothing of photos, files of photos or what the maps are for.

pub mod architecture;
mod efficientnet_lite;
mod mobilenet_v2;
pub mod network;
mod ops;
mod parameters;
mod resnet;
mod vgg;
pub mod weights;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

pub use self::architecture::Architecture;
use self::network::{Network, Value};
use self::ops::LoadedOperation;
use self::parameters::Parameters;
use self::weights::WeightsFile;
use crate::error::{Error, Result};

impl From<candle_core::Error> for Error {
    fn from(source: candle_core::Error) -> Self {
        Self::Tensor {
            source: source.into(),
        }
    }
}

/// A layer's activations, `[N, C, h, w]`.
pub struct FeatureMap {
    /// The layer's canonical name.
    pub layer: String,
    /// The values, f32.
    pub map: Tensor,
}

/// A network with its weights, ready to run on one device.
pub struct Backbone {
    network: Network,
    operations: Vec<LoadedOperation>,
    taps: Vec<(String, Value)>,
    device: Device,
}

impl Backbone {
    /// Loads `architecture` as far as the deepest of `layers`, and nothing behind it.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`]; [`Error::MissingTensor`] and [`Error::WrongTensor`] if the weights
    /// are not this network's; [`Error::Read`]; [`Error::Tensor`] if the device refuses them.
    pub fn load(
        architecture: Architecture,
        layers: &[&str],
        weights: &WeightsFile,
        device: &Device,
    ) -> Result<Self> {
        let whole = architecture.network();
        let tap = |name: &&str| {
            let layer = whole.find_layer(name)?;
            Ok((layer.name.clone(), layer.value))
        };
        let taps = layers.iter().map(tap).collect::<Result<Vec<_>>>()?;
        let values: Vec<Value> = taps.iter().map(|(_, value)| *value).collect();
        let network = whole.cut_after(&values);
        let parameters = Parameters::load(&network, weights)?;
        let operations = ops::load(&network, parameters, device)?;
        Ok(Self {
            network,
            operations,
            taps,
            device: device.clone(),
        })
    }

    /// The network as far as it is loaded.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Where it runs.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Runs `[N, 3, H, W]` pixels; one map for each layer asked for at loading, in that order.
    ///
    /// # Errors
    /// [`Error::PictureTooSmall`] if nothing is left of the picture at some layer;
    /// [`Error::Tensor`] if the device fails.
    pub fn feature_maps(&self, pixels: &Tensor) -> Result<Vec<FeatureMap>> {
        let (_, _, height, width) = pixels.dims4()?;
        self.check_size(height, width)?;
        let mut values = BTreeMap::from([(Value::INPUT, pixels.clone())]);
        for (index, operation) in self.operations.iter().enumerate() {
            let made = operation.run(&values)?;
            values.insert(Value(index + 1), made);
            self.forget_used(&mut values, index);
        }
        let map = |(layer, value): &(String, Value)| FeatureMap {
            layer: layer.clone(),
            map: values[value].clone(),
        };
        Ok(self.taps.iter().map(map).collect())
    }

    /// Lets go of maps that no later step reads and no one asked for, to bound memory.
    fn forget_used(&self, values: &mut BTreeMap<Value, Tensor>, done: usize) {
        let later = &self.operations[done + 1..];
        values.retain(|value, _| {
            self.taps.iter().any(|(_, tap)| tap == value)
                || value.0 == done + 1
                || later.iter().any(|operation| operation.reads(*value))
        });
    }

    fn check_size(&self, height: usize, width: usize) -> Result<()> {
        let shapes = self.network.shapes(height, width);
        let empty = |layer: &&network::Layer| shapes[layer.value.0].is_empty();
        match self.network.layers().iter().find(empty) {
            Some(layer) => Err(Error::PictureTooSmall {
                width,
                height,
                layer: layer.name.clone(),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_layer_is_an_error_that_suggests_the_nearest() {
        let network = Architecture::find("efficientnet_lite0").unwrap().network();
        let error = network.find_layer("block.5").unwrap_err();
        let hint = error.hint().unwrap();
        assert!(hint.contains("blocks.5"), "{hint}");
    }
}
