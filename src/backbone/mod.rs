//! Networks as ordered lists of named layers: pixels in, feature maps out.
//!
//! A backbone is loaded up to the deepest layer that is wanted and gives any of its named layers
//! in one forward pass. It knows nothing of photos, files of photos or what the maps are for.

pub mod architecture;
mod convnext;
mod densenet;
mod efficientnet;
mod efficientnet_lite;
mod inverted_residual;
mod mobilenet_v2;
mod mobilenet_v3;
mod regnet;
mod repvgg;
mod resnet;
mod resnet_keras;
mod vgg;

use std::thread;

pub use candle_core::{Device, Tensor};

pub use self::architecture::Architecture;
use crate::cores::{Cores, Share};
use crate::engine::Runner;
pub use crate::engine::{Placement, Precision};
use crate::error::{NetworkError, Result};
pub use crate::kernels::Instructions;
use crate::network::{Network, Value};
use crate::weights::WeightsFile;
use crate::weights::parameters::Source;

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
    runner: Runner,
    layers: Vec<String>,
    placement: Placement,
    threads: usize,
}

impl Backbone {
    /// Loads `architecture` as far as the deepest of `layers`, and nothing behind it. It has as
    /// many classes as the weights tell apart.
    ///
    /// # Errors
    /// [`NetworkError::UnknownLayer`]; [`WeightsError::MissingTensor`] and
    /// [`WeightsError::WrongTensor`] if the weights are not this network's; [`FileError::Read`];
    /// [`NetworkError::OutOfMemory`], [`NetworkError::DeviceLost`] and [`NetworkError::Tensor`] if the
    /// device refuses them.
    ///
    /// [`WeightsError::MissingTensor`]: crate::error::WeightsError::MissingTensor
    /// [`WeightsError::WrongTensor`]: crate::error::WeightsError::WrongTensor
    /// [`FileError::Read`]: crate::error::FileError::Read
    pub fn load(
        architecture: Architecture,
        layers: &[&str],
        weights: &WeightsFile,
        placement: &Placement,
    ) -> Result<Self> {
        let (network, _) = architecture.found_in(weights)?;
        let best = Instructions::best();
        Self::load_network(&network, layers, weights, placement, best)
    }

    /// Loads a network of one's own declaration, or a known one with other instructions than the
    /// best that this machine has, to compare them. They count on a CPU only.
    ///
    /// # Errors
    /// As [`Backbone::load`].
    pub fn load_network(
        whole: &Network,
        layers: &[&str],
        weights: &WeightsFile,
        placement: &Placement,
        instructions: Instructions,
    ) -> Result<Self> {
        let found = layers.iter().map(|name| whole.find_layer(name));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let taps: Vec<Value> = found.iter().map(|layer| layer.value).collect();
        let network = whole.cut_after(&taps);
        let source = Source::new(&network, weights);
        Ok(Self {
            runner: Runner::load(&network, &source, taps, placement, instructions)?,
            layers: found.iter().map(|layer| layer.name.clone()).collect(),
            network,
            placement: placement.clone(),
            threads: thread::available_parallelism().map_or(1, std::num::NonZero::get),
        })
    }

    /// The same with fewer threads on a CPU than it has cores. A batch is shared out by pictures, a
    /// single picture is done by all threads together. Callers at the same time share the cores: there
    /// are never more threads at work than cores.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        let threads = threads.max(1);
        Self { threads, ..self }
    }

    /// A core of the machine's for this thread, until it is dropped: for work around the forward
    /// pass, so that many callers at once do not run more threads than there are cores.
    pub(crate) fn take_core(&self) -> Option<Share<'static>> {
        let is_cpu = !self.placement.takes_batches();
        is_cpu.then(|| Cores::of_machine().take(1))
    }

    /// The network as far as it is loaded.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Threads that [`Backbone::feature_maps`] runs in.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// Where it runs.
    #[must_use]
    pub const fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Runs `[N, 3, H, W]` pixels, f32, that lie where the network does; one map for each layer asked
    /// for at loading, in that order.
    ///
    /// # Errors
    /// [`NetworkError::PictureTooSmall`] if nothing is left of the picture at some layer,
    /// [`NetworkError::UnfitSize`] if maps that meet differ at this size;
    /// [`NetworkError::OutOfMemory`], [`NetworkError::DeviceLost`] and [`NetworkError::Tensor`] if the
    /// device fails.
    pub fn feature_maps(&self, pixels: &Tensor) -> Result<Vec<FeatureMap>, NetworkError> {
        self.feature_maps_in(pixels, self.threads)
    }

    /// The same in so many threads on a CPU: one, for those that run several at once.
    ///
    /// # Errors
    /// As [`Backbone::feature_maps`].
    pub fn feature_maps_in(
        &self,
        pixels: &Tensor,
        threads: usize,
    ) -> Result<Vec<FeatureMap>, NetworkError> {
        let (_, _, height, width) = pixels.dims4()?;
        self.network.check_size(height, width)?;
        let maps = self.runner.run(pixels, threads)?;
        let named = self.layers.iter().cloned().zip(maps);
        Ok(named
            .map(|(layer, map)| FeatureMap { layer, map })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_layer_is_an_error_that_suggests_the_nearest() {
        let network = Architecture::find("efficientnet_lite0").unwrap().network();
        let Err(NetworkError::UnknownLayer { nearest, .. }) = network.find_layer("block.5") else {
            panic!("there is no such layer");
        };
        assert_eq!(nearest.as_deref(), Some("blocks.5"));
    }
}
