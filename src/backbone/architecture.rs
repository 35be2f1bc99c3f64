//! The networks whose layers we know.

use super::convnext::{convnext_base, convnext_small, convnext_tiny};
use super::densenet::densenet121;
use super::efficientnet_lite::efficientnet_lite0;
use super::mobilenet_v2::mobilenet_v2;
use super::network::Network;
use super::regnet::{regnet_y_1_6gf, regnet_y_3_2gf, regnet_y_400mf};
use super::resnet::resnet50;
use super::vgg::vgg16;
use crate::error::{Error, Result};
use crate::nearest::nearest;

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
    Architecture { name: "efficientnet_lite0", build: efficientnet_lite0 },
    Architecture { name: "mobilenet_v2", build: mobilenet_v2 },
    Architecture { name: "regnet_y_1_6gf", build: regnet_y_1_6gf },
    Architecture { name: "regnet_y_3_2gf", build: regnet_y_3_2gf },
    Architecture { name: "regnet_y_400mf", build: regnet_y_400mf },
    Architecture { name: "resnet50", build: resnet50 },
    Architecture { name: "vgg16", build: vgg16 },
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
    /// [`Error::UnknownArchitecture`], which suggests the nearest name.
    pub fn find(name: &str) -> Result<Self> {
        let found = ARCHITECTURES
            .iter()
            .find(|architecture| architecture.name == name);
        found.copied().ok_or_else(|| Error::UnknownArchitecture {
            name: name.to_owned(),
            nearest: nearest(name, ARCHITECTURES.iter().map(|a| a.name)),
        })
    }

    /// Its layers and steps.
    #[must_use]
    pub fn network(self) -> Network {
        (self.build)()
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
            let names = |layer: &'_ crate::backbone::network::Layer| {
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
