//! From arguments to a loaded network.

use std::path::PathBuf;

use anyhow::Result;
use imgsearch::descriptor::{DescriptorSpec, Provenance};
use imgsearch::gallery::check_same;
use imgsearch::model::digest::Digests;
use imgsearch::model::{self, FetchOptions};
use imgsearch::photo::Preprocess;
use imgsearch::{Error, Extractor};

use super::ExtractorArgs;
use super::progress::FetchProgress;

/// The model that is taken where none is named: small, quick on a CPU, freely licensed.
pub const DEFAULT_MODEL: &str = "efficientnet_lite0";

/// The file with the model's weights, fetched if need be.
pub fn fetch(model: &model::Model) -> Result<PathBuf, Error> {
    let mut progress = FetchProgress::default();
    model::fetch::weights(model, &FetchOptions::from_env(), &mut |event| {
        progress.on_event(event)
    })
}

/// The spec that was asked for, or the default model's default layer.
fn requested_spec(args: &ExtractorArgs) -> Result<DescriptorSpec, Error> {
    let text = args.spec.as_deref().unwrap_or(DEFAULT_MODEL);
    if text.contains(':') {
        return text.parse();
    }
    let model = model::find(text)?;
    Ok(DescriptorSpec::gap(model.name, model.default_layer))
}

/// Loads what the arguments ask for.
pub fn extractor(args: &ExtractorArgs) -> Result<Extractor, Error> {
    let spec = requested_spec(args)?;
    let model = model::find(&spec.model)?;
    let default: Preprocess = model.preprocess.parse()?;
    let preprocess = default.with(args.preprocess.as_deref().unwrap_or_default())?;
    let weights = match &args.weights {
        Some(file) => file.clone(),
        None => fetch(model)?,
    };
    Extractor::load(spec, preprocess, &weights, &args.device)
}

/// Loads what the gallery was made with. What the arguments ask for besides must agree with it.
pub fn extractor_of(gallery: &Provenance, args: &ExtractorArgs) -> Result<Extractor> {
    let mut args = args.clone();
    args.spec.get_or_insert_with(|| gallery.spec.clone());
    args.preprocess
        .get_or_insert_with(|| gallery.preprocess.clone());
    if args.weights.is_none() {
        args.weights = Digests::in_folder(&FetchOptions::from_env().cache).find(&gallery.weights);
    }
    let extractor = extractor(&args)?;
    check_same(gallery, extractor.provenance())?;
    Ok(extractor)
}
