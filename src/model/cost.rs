//! What the known networks cost and give, layer by layer, as data.

use serde::Serialize;

use super::catalogue::Model;
use crate::backbone::Architecture;
use crate::document::Document;
use crate::error::Result;
use crate::network::{Layer, Network};
use crate::photo::Preprocess;

/// A model: what it costs and gives at its own input size.
#[derive(Clone, Debug, Serialize)]
pub struct ModelCost {
    /// The name it goes by in specs.
    pub name: &'static str,
    /// The architecture it is trained in.
    pub architecture: &'static str,
    /// Share of the `ImageNet` validation pictures put first in the right class, in percent; null where it is
    /// not known.
    pub top1: Option<f32>,
    /// Trained numbers.
    pub parameters: usize,
    /// Multiply-adds of one picture.
    pub multiply_adds: u64,
    /// Channels, height and width of its input.
    pub input: [usize; 3],
    /// Licence of the weights, as an SPDX identifier.
    pub licence: &'static str,
    /// The paper, and who trained the weights.
    pub citation: &'static str,
    /// The layer tapped when a spec names none.
    pub default_layer: &'static str,
    /// Length of the GAP of that layer.
    pub gap_dimension: usize,
    /// What its pictures go through, in its one-line form.
    pub preprocess: &'static str,
}

impl Document for ModelCost {
    const KIND: &'static str = "model";
}

/// A model's layers, shallow to deep.
#[derive(Clone, Debug, Serialize)]
pub struct LayerCosts {
    /// The model's name.
    pub name: &'static str,
    /// Channels, height and width of its input.
    pub input: [usize; 3],
    /// The layers that can be tapped.
    pub layers: Vec<LayerCost>,
}

impl Document for LayerCosts {
    const KIND: &'static str = "layers";
}

/// A layer: what it is and what it takes to get there.
#[derive(Clone, Debug, Serialize)]
pub struct LayerCost {
    /// Its name.
    pub layer: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Channels, height and width of its map.
    pub shape: [usize; 3],
    /// Length of its GAP.
    pub gap_dimension: usize,
    /// Trained numbers since the layer before.
    pub parameters: usize,
    /// Multiply-adds of one picture up to here.
    pub cumulative_multiply_adds: u64,
}

impl ModelCost {
    /// Of this model.
    ///
    /// # Errors
    /// [`NetworkError::UnknownArchitecture`](crate::error::NetworkError::UnknownArchitecture) and
    /// the like, for a model that the catalogue does not have so.
    pub fn of(model: &Model) -> Result<Self> {
        let network = Architecture::find(model.architecture)?.network();
        let (height, width) = input_size(model)?;
        Ok(Self {
            name: model.name,
            architecture: model.architecture,
            top1: model.top1,
            parameters: network.parameters().iter().sum(),
            multiply_adds: network.multiply_adds(height, width).iter().sum(),
            input: [3, height, width],
            licence: model.licence,
            citation: model.citation,
            default_layer: model.default_layer,
            gap_dimension: network.find_layer(model.default_layer)?.channels,
            preprocess: model.preprocess,
        })
    }
}

impl LayerCosts {
    /// Of this model.
    ///
    /// # Errors
    /// As [`ModelCost::of`].
    pub fn of(model: &Model) -> Result<Self> {
        let network = Architecture::find(model.architecture)?.network();
        let (height, width) = input_size(model)?;
        Ok(Self {
            name: model.name,
            input: [3, height, width],
            layers: layers(&network, height, width),
        })
    }
}

fn input_size(model: &Model) -> Result<(usize, usize)> {
    let preprocess: Preprocess = model.preprocess.parse()?;
    let (height, width) = preprocess.output_size(512, 512)?;
    Ok((height as usize, width as usize))
}

fn layers(network: &Network, height: usize, width: usize) -> Vec<LayerCost> {
    let shapes = network.shapes(height, width);
    let (parameters, multiply_adds) = (network.parameters(), network.multiply_adds(height, width));
    let mut before = 0;
    let cost = |layer: &Layer| {
        let end = layer.value.0;
        let shape = shapes[end];
        let own = parameters[std::mem::replace(&mut before, end)..end].iter();
        LayerCost {
            layer: layer.name.clone(),
            aliases: layer.aliases.clone(),
            shape: [shape.channels, shape.height, shape.width],
            gap_dimension: shape.channels,
            parameters: own.sum(),
            cumulative_multiply_adds: multiply_adds[..end].iter().sum(),
        }
    };
    network.layers().iter().map(cost).collect()
}
