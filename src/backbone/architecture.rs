//! The networks whose layers we know.

use super::convnext::{convnext_base, convnext_small, convnext_tiny};
use super::densenet::densenet121;
use super::efficientnet::{
    efficientnet_b0, efficientnet_b1, efficientnet_b2, efficientnet_b3, efficientnet_b4,
};
use super::efficientnet_lite::{
    efficientnet_lite0, efficientnet_lite1, efficientnet_lite2, efficientnet_lite3,
    efficientnet_lite4,
};
use super::mobilenet_v2::mobilenet_v2;
use super::mobilenet_v3::{mobilenet_v3_large, mobilenet_v3_small};
use super::regnet::{regnet_y_1_6gf, regnet_y_3_2gf, regnet_y_400mf};
use super::repvgg::{repvgg_a0, repvgg_a1, repvgg_b0};
use super::resnet::{
    resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, wide_resnet50_2,
};
use super::resnet_keras::resnet50_keras;
use super::vgg::{vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn};
use crate::error::{NetworkError, Result};
use crate::nearest::nearest;
use crate::network::Network;
use crate::weights::{Fit, WeightsFile};

/// A network's structure, without weights.
#[derive(Clone, Copy)]
pub struct Architecture {
    /// The name it goes by in specs.
    pub name: &'static str,
    build: fn() -> Network,
}

#[rustfmt::skip]
const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "convnext_base", build: convnext_base },
    Architecture { name: "convnext_small", build: convnext_small },
    Architecture { name: "convnext_tiny", build: convnext_tiny },
    Architecture { name: "densenet121", build: densenet121 },
    Architecture { name: "efficientnet_b0", build: efficientnet_b0 },
    Architecture { name: "efficientnet_b1", build: efficientnet_b1 },
    Architecture { name: "efficientnet_b2", build: efficientnet_b2 },
    Architecture { name: "efficientnet_b3", build: efficientnet_b3 },
    Architecture { name: "efficientnet_b4", build: efficientnet_b4 },
    Architecture { name: "efficientnet_lite0", build: efficientnet_lite0 },
    Architecture { name: "efficientnet_lite1", build: efficientnet_lite1 },
    Architecture { name: "efficientnet_lite2", build: efficientnet_lite2 },
    Architecture { name: "efficientnet_lite3", build: efficientnet_lite3 },
    Architecture { name: "efficientnet_lite4", build: efficientnet_lite4 },
    Architecture { name: "mobilenet_v2", build: mobilenet_v2 },
    Architecture { name: "mobilenet_v3_large", build: mobilenet_v3_large },
    Architecture { name: "mobilenet_v3_small", build: mobilenet_v3_small },
    Architecture { name: "regnet_y_1_6gf", build: regnet_y_1_6gf },
    Architecture { name: "regnet_y_3_2gf", build: regnet_y_3_2gf },
    Architecture { name: "regnet_y_400mf", build: regnet_y_400mf },
    Architecture { name: "repvgg_a0", build: repvgg_a0 },
    Architecture { name: "repvgg_a1", build: repvgg_a1 },
    Architecture { name: "repvgg_b0", build: repvgg_b0 },
    Architecture { name: "resnet18", build: resnet18 },
    Architecture { name: "resnet34", build: resnet34 },
    Architecture { name: "resnet50", build: resnet50 },
    Architecture { name: "resnet50_keras", build: resnet50_keras },
    Architecture { name: "resnet101", build: resnet101 },
    Architecture { name: "resnet152", build: resnet152 },
    Architecture { name: "resnext50_32x4d", build: resnext50_32x4d },
    Architecture { name: "wide_resnet50_2", build: wide_resnet50_2 },
    Architecture { name: "vgg11", build: vgg11 },
    Architecture { name: "vgg11_bn", build: vgg11_bn },
    Architecture { name: "vgg13", build: vgg13 },
    Architecture { name: "vgg13_bn", build: vgg13_bn },
    Architecture { name: "vgg16", build: vgg16 },
    Architecture { name: "vgg16_bn", build: vgg16_bn },
    Architecture { name: "vgg19", build: vgg19 },
    Architecture { name: "vgg19_bn", build: vgg19_bn },
];

impl Architecture {
    /// Every architecture.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        ARCHITECTURES
    }

    /// The architecture called `name`.
    ///
    /// # Errors
    /// [`NetworkError::UnknownArchitecture`], which suggests the nearest name.
    pub fn find(name: &str) -> Result<Self, NetworkError> {
        let found = ARCHITECTURES
            .iter()
            .find(|architecture| architecture.name == name);
        found
            .copied()
            .ok_or_else(|| NetworkError::UnknownArchitecture {
                name: name.to_owned(),
                nearest: nearest(name, ARCHITECTURES.iter().map(|a| a.name)),
            })
    }

    /// Its layers and steps.
    #[must_use]
    pub fn network(self) -> Network {
        (self.build)()
    }

    /// The same with as many classes as the network has whose weights are in `file`, and where it lies
    /// there.
    ///
    /// # Errors
    /// [`NetworkError::Invalid`] if no network has so many.
    pub fn found_in(self, file: &WeightsFile) -> Result<(Network, Fit), NetworkError> {
        let network = self.network();
        let fit = Fit::of(&network, file);
        let network = match fit.classes(&network, file) {
            Some(classes) => network.with_classes(classes)?,
            None => network,
        };
        Ok((network, fit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_network_goes_by_the_name_it_is_listed_under() {
        for architecture in Architecture::all() {
            assert_eq!(architecture.network().name, architecture.name);
        }
    }

    #[test]
    fn no_name_or_alias_stands_for_two_layers() {
        for architecture in Architecture::all() {
            let network = architecture.network();
            let names = |layer: &'_ crate::network::Layer| {
                let mut names = layer.aliases.clone();
                names.push(layer.name.clone());
                names
            };
            let names: Vec<String> = network.layers().iter().flat_map(names).collect();
            let distinct: HashSet<&String> = names.iter().collect();
            assert_eq!(distinct.len(), names.len(), "{}", architecture.name);
        }
    }
}
