//! All that decides a descriptor, as one value and as one line of text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::spec::DescriptorSpec;
use crate::backbone::Architecture;
use crate::error::{DescriptorError, Error, PhotoError, Result};
use crate::model::{self, Model};
use crate::photo::{Colours, Ground, Preprocess};

/// What is done to the pictures of an architecture that is no model's, unless told otherwise: what
/// most people train with.
const OWN_PREPROCESS: &str = "resize=256,crop=224,interpolation=bilinear,\
                              mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
const WHITENING: &str = "whitening";
/// What every line of a preprocessing said before there were keys of colours.
const KEYS_OF_OLD: [&str; 5] = ["resize=", "crop=", "interpolation=", "mean=", "std="];

/// What is done to a descriptor at its end. Its numbers are in a file of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Projection {
    /// Nothing.
    #[default]
    None,
    /// A [`Whitening`](super::Whitening).
    Whitening,
}

/// All that decides a descriptor but numbers: network, layers and poolings, what is done to pictures
/// before and to vectors behind.
///
/// One line of text, `MODEL[:LAYER…][@PREPROCESSING][@whitening]`. What is left away is the model's
/// default; a preprocessing changes the model's own.
///
/// ```
/// use imgsearch::Recipe;
///
/// let short: Recipe = "efficientnet_lite0".parse()?;
/// let full: Recipe = short.to_string().parse()?;
/// assert_eq!(full, short);
///
/// let whole: Recipe = "resnet50:layer3/gem*0.5+layer4@crop=none".parse()?;
/// assert!(whole.to_string().starts_with("resnet50:layer3/gem*0.5+layer4/gap@resize=256,crop=none,"));
/// # Ok::<(), imgsearch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipe {
    /// Network, layers, poolings, weights.
    pub spec: DescriptorSpec,
    /// What is done to pictures before the network.
    pub preprocess: Preprocess,
    /// What is done to descriptors behind it.
    pub projection: Projection,
}

impl Recipe {
    /// Without a projection.
    #[must_use]
    pub const fn new(spec: DescriptorSpec, preprocess: Preprocess) -> Self {
        Self {
            spec,
            preprocess,
            projection: Projection::None,
        }
    }

    /// The recipe of a spec with what its model does to pictures, or most people where it is no
    /// model's.
    ///
    /// # Errors
    /// None for models of the catalogue.
    pub fn of(mut spec: DescriptorSpec) -> Result<Self> {
        // One of several names for the same.
        if let Ok(known) = model::find(&spec.model) {
            known.name.clone_into(&mut spec.model);
        }
        let preprocess = usual_preprocess(&spec.model)?;
        Ok(Self::new(spec, preprocess))
    }

    /// What describes best without further knowledge: the model's default layer and pooling, or GAP of the
    /// last stage of an architecture.
    ///
    /// # Errors
    /// [`FetchError::UnknownModel`](crate::error::FetchError) if `name` is neither a model's nor an
    /// architecture's.
    pub fn default_of(name: &str) -> Result<Self> {
        let unknown = match model::find(name) {
            Ok(model) => return Self::of(spec_of(model)?),
            Err(unknown) => unknown,
        };
        let architecture = Architecture::find(name).map_err(|_| unknown)?;
        Self::of(default_spec(architecture))
    }

    /// The preprocessing as keys that mean the same over the model's own: a key that is usual, and so
    /// left away, is said where the model's own is not.
    #[must_use]
    pub fn preprocess_keys(&self) -> String {
        let keys = self.preprocess.to_string();
        let usual = usual_preprocess(&self.spec.model);
        let is_same = |usual: Preprocess| usual.with(&keys).is_ok_and(|it| it == self.preprocess);
        if usual.is_ok_and(is_same) {
            keys
        } else {
            self.preprocess.every_key()
        }
    }

    /// This recipe with what `keys` say of the preprocessing changed.
    ///
    /// # Errors
    /// [`PhotoError::InvalidPreprocess`](crate::error::PhotoError).
    pub fn with_preprocess(self, keys: &str) -> Result<Self> {
        let preprocess = self.preprocess.with(keys)?;
        Ok(Self { preprocess, ..self })
    }

    /// As [`Recipe::with_preprocess`], of keys that were stored. Lines with all keys but those of colours
    /// were written before there were any, and what they were written for keeps its own.
    ///
    /// # Errors
    /// [`PhotoError::InvalidPreprocess`](crate::error::PhotoError).
    pub(crate) fn with_stored_preprocess(self, keys: &str) -> Result<Self> {
        let says = |key: &&str| keys.split(',').any(|part| part.trim().starts_with(*key));
        if !KEYS_OF_OLD.iter().all(says) {
            return self.with_preprocess(keys);
        }
        let preprocess = Preprocess {
            colours: Colours::AsIs,
            ground: Ground::White,
            ..self.preprocess
        };
        Self { preprocess, ..self }.with_preprocess(keys)
    }
}

/// What a model does to its pictures, or most people where it is no model's. Colours are what they look
/// like, whatever they were saved in, and what is transparent lies over what it can be seen on.
fn usual_preprocess(model: &str) -> Result<Preprocess, PhotoError> {
    let known = model::find(model).map_or(OWN_PREPROCESS, |model| model.preprocess);
    Ok(Preprocess {
        colours: Colours::Srgb,
        ground: Ground::Visible,
        ..known.parse()?
    })
}

/// The model's default layer and pooling.
fn spec_of(model: &Model) -> Result<DescriptorSpec> {
    let (name, layer, pooling) = (model.name, model.default_layer, model.default_pooling);
    Ok(format!("{name}:{layer}/{pooling}").parse()?)
}

/// GAP of the last stage.
pub(crate) fn default_spec(architecture: Architecture) -> DescriptorSpec {
    let network = architecture.network();
    let last = network.layers().iter().rfind(|layer| layer.ends_stage);
    let layer = last.map_or("avgpool", |layer| layer.name.as_str());
    DescriptorSpec::gap(architecture.name, layer)
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.spec, self.preprocess_keys())?;
        match self.projection {
            Projection::None => Ok(()),
            Projection::Whitening => write!(f, "@{WHITENING}"),
        }
    }
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut sections = text.split('@').map(str::trim);
        let spec = sections.next().unwrap_or_default();
        let mut recipe = if spec.contains(':') {
            Self::of(spec.parse()?)?
        } else {
            Self::default_of(spec)?
        };
        for section in sections {
            if recipe.projection != Projection::None {
                return Err(DescriptorError::InvalidSpec {
                    spec: text.to_owned(),
                    reason: "something follows the projection",
                }
                .into());
            }
            match section {
                WHITENING => recipe.projection = Projection::Whitening,
                keys => recipe = recipe.with_stored_preprocess(keys)?,
            }
        }
        Ok(recipe)
    }
}

impl TryFrom<String> for Recipe {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Recipe> for String {
    fn from(recipe: Recipe) -> Self {
        recipe.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::Pooling;
    use crate::error::FetchError;

    #[test]
    fn a_line_reads_back_whatever_was_left_away() {
        for text in [
            "efficientnet_lite0",
            "efficientnet_lite0:blocks.10/gem*0.5+head",
            "vgg16_keras:block4_pool/direct@crop=none",
            "resnet50@none@whitening",
            "resnet18:layer4@resize=320x240,crop=none,decode=full@whitening",
            "my_model:a+b/rmac",
            // Usual, and not the model's own.
            "vgg16.keras:block4_pool@order=rgb",
            "vgg16.keras:block4_pool@scale=1,order=rgb,crop=none",
        ] {
            let recipe: Recipe = text.parse().unwrap();
            assert_eq!(
                recipe.to_string().parse::<Recipe>().unwrap(),
                recipe,
                "{text}"
            );
            let json = serde_json::to_string(&recipe).unwrap();
            assert_eq!(
                serde_json::from_str::<Recipe>(&json).unwrap(),
                recipe,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_left_away_is_the_models_own() {
        for model in model::catalogue() {
            let recipe: Recipe = model.name.parse().unwrap();
            let [first, ..] = &recipe.spec.parts[..] else {
                panic!("{recipe}");
            };
            assert_eq!(first.layer, model.default_layer);
            let is_gap = first.pooling == Pooling::Gap && recipe.spec.parts.len() == 1;
            assert_eq!(is_gap, model.default_pooling == "gap", "{recipe}");
            let usual: Preprocess = model.preprocess.parse().unwrap();
            let of_colours = usual.with("colour=srgb,ground=visible").unwrap();
            assert_eq!(recipe.preprocess, of_colours);
        }
        let own: Recipe = "resnet18:layer4".parse().unwrap();
        assert!(own.preprocess.has_fixed_size());
    }

    #[test]
    fn a_line_from_before_there_were_colours_keeps_the_numbers_as_they_are() {
        for model in model::catalogue() {
            let old: Preprocess = model.preprocess.parse().unwrap();
            let line = format!("{}:{}@{old}", model.name, model.default_layer);
            let recipe: Recipe = line.parse().unwrap();
            assert_eq!(recipe.preprocess, old);
            assert_eq!(recipe.to_string().parse::<Recipe>().unwrap(), recipe);
            let changed: Recipe = format!("{}@crop=none", model.name).parse().unwrap();
            assert_eq!(changed.preprocess.colours, Colours::Srgb);
        }
    }

    #[test]
    fn a_malformed_line_is_an_error_of_the_part_that_is() {
        let parse = |text: &str| text.parse::<Recipe>().unwrap_err();
        assert!(matches!(
            parse("zebra"),
            Error::Fetch(FetchError::UnknownModel { .. })
        ));
        assert!(matches!(
            parse(""),
            Error::Fetch(FetchError::UnknownModel { .. })
        ));
        assert!(matches!(
            parse("m:a*x"),
            Error::Descriptor(DescriptorError::InvalidSpec { .. })
        ));
        assert!(matches!(
            parse("resnet50@size=3"),
            Error::Photo(PhotoError::InvalidPreprocess { .. })
        ));
        assert!(matches!(
            parse("resnet50@whitening@crop=none"),
            Error::Descriptor(DescriptorError::InvalidSpec { .. })
        ));
    }
}
