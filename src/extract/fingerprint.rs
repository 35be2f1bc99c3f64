//! What a recipe makes with a file of weights, before anything of it is loaded.

use std::path::Path;

use crate::backbone::Architecture;
use crate::descriptor::{Fingerprint, Recipe};
use crate::error::{DescriptorError, Result};
use crate::model::digest::Digests;
use crate::model::{self, FetchOptions};
use crate::weights::WeightsFile;

/// The fingerprint of what the recipe makes with these weights, before a projection: from the file's
/// list of tensors, without loading them.
///
/// # Errors
/// As [`Extractor::load`](super::Extractor::load), but for the device.
pub fn fingerprint(recipe: &Recipe, weights: &Path) -> Result<Fingerprint> {
    fingerprint_of(recipe, &WeightsFile::open(weights)?)
}

pub fn fingerprint_of(recipe: &Recipe, file: &WeightsFile) -> Result<Fingerprint> {
    let network = architecture_of(&recipe.spec.model)?.network_of(file)?;
    let recipe = Recipe {
        spec: recipe.spec.clone().resolve(&network)?,
        ..recipe.clone()
    };
    if recipe.spec.needs_fixed_size() && !recipe.preprocess.has_fixed_size() {
        let spec = recipe.spec.to_string();
        return Err(DescriptorError::SizeNotFixed { spec }.into());
    }
    // With no fixed size only the channels count, so any size large enough will do.
    let (height, width) = recipe.preprocess.output_size(512, 512)?;
    let digest = Digests::in_folder(&FetchOptions::from_env().cache).of_weights(file)?;
    let spec = &recipe.spec;
    let dimension = spec.dimension(&network, height as usize, width as usize)?;
    Ok(Fingerprint::new(recipe, digest, dimension))
}

/// The architecture of a model of the catalogue or, for a network of one's own, the one of that
/// name.
///
/// # Errors
/// [`FetchError::UnknownModel`](crate::error::FetchError), which suggests the nearest name.
pub fn architecture_of(model: &str) -> Result<Architecture> {
    match model::find(model) {
        Ok(model) => Ok(Architecture::find(model.architecture)?),
        Err(unknown) => Ok(Architecture::find(model).map_err(|_| unknown)?),
    }
}
