//! The networks whose layers we know.

use super::efficientnet_lite::efficientnet_lite0;
use super::network::Network;
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// A network's structure, without weights.
#[derive(Clone, Copy)]
pub struct Architecture {
    /// The name it goes by in specs.
    pub name: &'static str,
    build: fn() -> Network,
}

const ARCHITECTURES: &[Architecture] = &[Architecture {
    name: "efficientnet_lite0",
    build: efficientnet_lite0,
}];

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
