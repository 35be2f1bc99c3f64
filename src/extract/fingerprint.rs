//! What a recipe makes with a file of weights, before anything of it is loaded.

use std::path::Path;

use crate::backbone::Architecture;
use crate::descriptor::{DescriptorSpec, Fingerprint, Heads, Recipe};
use crate::error::{DescriptorError, Result};
use crate::model::digest::Digests;
use crate::model::{self, FetchOptions};
use crate::network::Network;
use crate::weights::{Fit, WeightsFile};

/// The fingerprint of what the recipe makes with these weights, before a projection: from the file's
/// list of tensors, without loading them.
///
/// # Errors
/// As [`Extractor::load`](super::Extractor::load), but for the device.
pub fn fingerprint(recipe: &Recipe, weights: &Path) -> Result<Fingerprint> {
    let file = WeightsFile::open(weights)?;
    let (network, fit) = architecture_of(&recipe.spec.model)?.found_in(&file)?;
    let heads = heads_of(recipe, &network, (&fit, &file))?;
    fingerprint_of(recipe, &heads, &file)
}

pub fn fingerprint_of(recipe: &Recipe, heads: &Heads, file: &WeightsFile) -> Result<Fingerprint> {
    let recipe = Recipe {
        spec: DescriptorSpec {
            model: recipe.spec.model.clone(),
            parts: heads.parts().to_vec(),
        },
        ..recipe.clone()
    };
    if recipe.spec.needs_fixed_size() && !recipe.preprocess.has_fixed_size() {
        let spec = recipe.spec.to_string();
        return Err(DescriptorError::SizeNotFixed { spec }.into());
    }
    let digest = Digests::in_folder(&FetchOptions::from_env().cache).of_weights(file)?;
    Ok(Fingerprint::new(recipe, digest, heads.dimension))
}

/// What is put behind the recipe's poolings, and their exponents, with the network's own layer names.
pub fn heads_of(recipe: &Recipe, network: &Network, found: (&Fit, &WeightsFile)) -> Result<Heads> {
    let spec = recipe.spec.clone().resolve(network)?;
    // With no fixed size only the channels count, so any size large enough will do.
    let (height, width) = recipe.preprocess.output_size(512, 512)?;
    Heads::find(&spec, network, found, (height as usize, width as usize))
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
