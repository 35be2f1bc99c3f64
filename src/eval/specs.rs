//! Which specs an evaluation compares.

use crate::descriptor::{DescriptorSpec, Part, Pooling};
use crate::network::{Layer, Network};

/// The poolings that each layer is tried with.
pub const POOLINGS: [Pooling; 3] = [Pooling::Gap, Pooling::Max, Pooling::Gem { p: 3.0 }];

/// Which layers are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// Where stages end.
    Stages,
    /// Every layer that has a name.
    All,
}

/// Every layer chosen with every pooling, and the last two stages together with each.
///
/// `size` is the height and width of the network's input: where a map is a single cell, all
/// poolings are the same, and GAP stands for them.
#[must_use]
pub fn usual(
    model: &str,
    network: &Network,
    size: (usize, usize),
    layers: Layers,
) -> Vec<DescriptorSpec> {
    let shapes = network.shapes(size.0, size.1);
    let is_cell = |layer: &Layer| {
        let shape = shapes[layer.value.0];
        shape.height * shape.width == 1
    };
    let mut specs = Vec::new();
    for layer in network.layers() {
        if layers == Layers::All || layer.ends_stage {
            let poolings = if is_cell(layer) {
                &POOLINGS[..1]
            } else {
                &POOLINGS[..]
            };
            specs.extend(
                poolings
                    .iter()
                    .map(|pooling| of(model, &[(layer, *pooling)])),
            );
        }
    }
    let stages: Vec<&Layer> = network
        .layers()
        .iter()
        .filter(|layer| layer.ends_stage)
        .collect();
    if let [.., a, b] = stages[..] {
        specs.extend(POOLINGS.map(|pooling| of(model, &[(a, pooling), (b, pooling)])));
    }
    specs
}

fn of(model: &str, parts: &[(&Layer, Pooling)]) -> DescriptorSpec {
    let part = |(layer, pooling): &(&Layer, Pooling)| Part::new(&layer.name, *pooling);
    DescriptorSpec {
        model: model.to_owned(),
        parts: parts.iter().map(part).collect(),
    }
}

/// One spec with every part that occurs in any of these, once: what a single forward pass gives.
#[must_use]
pub fn all_parts(specs: &[DescriptorSpec]) -> DescriptorSpec {
    let mut parts: Vec<Part> = Vec::new();
    for part in specs.iter().flat_map(|spec| &spec.parts) {
        if !parts.iter().any(|known| known.is_made_as(part)) {
            parts.push(part.alone());
        }
    }
    let model = specs
        .first()
        .map(|spec| spec.model.clone())
        .unwrap_or_default();
    DescriptorSpec { model, parts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::Architecture;

    #[test]
    fn every_stage_is_tried_with_every_pooling_and_the_last_two_together() {
        let network = Architecture::find("efficientnet_lite0").unwrap().network();
        let specs = usual("m", &network, (224, 224), Layers::Stages);
        assert_eq!(specs.len(), 9 * 3 + 3);
        assert_eq!(specs[1].to_string(), "m:stem/max");
        assert_eq!(specs[29].to_string(), "m:blocks.15/gem+head/gem");
        let all = usual("m", &network, (224, 224), Layers::All);
        // 20 layers, of which the pooled one and the classifier are single cells.
        assert_eq!(all.len(), 18 * 3 + 2 + 3);
    }

    #[test]
    fn parts_in_common_are_made_once() {
        let specs =
            ["m:a/gap", "m:a/gap*2+b/max", "m:b/max+a/gem"].map(|text| text.parse().unwrap());
        assert_eq!(all_parts(&specs).to_string(), "m:a/gap+b/max+a/gem");
    }
}
