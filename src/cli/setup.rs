//! From arguments to a loaded network.

use std::path::PathBuf;

use anyhow::{Result, bail};
use imgsearch::backbone::Architecture;
use imgsearch::descriptor::{DescriptorSpec, Provenance};
use imgsearch::gallery::check_same;
use imgsearch::model::digest::Digests;
use imgsearch::model::{self, FetchOptions};
use imgsearch::photo::Preprocess;
use imgsearch::{Error, Extractor};

use super::ExtractorArgs;
use super::progress::FetchProgress;

/// The model that is taken where none is named: small, quick on a CPU, freely licensed.
const DEFAULT_MODEL: &str = "efficientnet_lite0";

/// What is done to the pictures of an architecture that is no model's, unless told otherwise: what
/// most people train with.
const OWN_PREPROCESS: &str = "resize=256,crop=224,interpolation=bilinear,\
                              mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

/// The file with the model's weights, fetched if need be.
pub fn fetch(model: &model::Model) -> Result<PathBuf, Error> {
    let mut progress = FetchProgress::default();
    model::fetch::weights(model, &FetchOptions::from_env(), &mut |event| {
        progress.on_event(event)
    })
}

/// The spec that was asked for, or the default layer of the model or architecture.
fn requested_spec(args: &ExtractorArgs) -> Result<DescriptorSpec> {
    if let Some(name) = &args.arch {
        return own_spec(Architecture::find(name)?, args.spec.as_deref());
    }
    let text = args.spec.as_deref().unwrap_or(DEFAULT_MODEL);
    if text.contains(':') {
        return Ok(text.parse()?);
    }
    let model = model::find(text)?;
    Ok(DescriptorSpec::gap(model.name, model.default_layer))
}

/// The spec for a network of one's own: `LAYER…`, `ARCHITECTURE:LAYER…`, or nothing.
fn own_spec(architecture: Architecture, text: Option<&str>) -> Result<DescriptorSpec> {
    let name = architecture.name;
    let Some(text) = text.filter(|text| *text != name) else {
        let network = architecture.network();
        let last = network.layers().iter().rfind(|layer| layer.ends_stage);
        let layer = last.map_or("avgpool", |layer| layer.name.as_str());
        return Ok(DescriptorSpec::gap(name, layer));
    };
    let spec: DescriptorSpec = match text.contains(':') {
        true => text.parse()?,
        false => format!("{name}:{text}").parse()?,
    };
    if spec.model != name {
        bail!(
            "the spec is of another network than `--arch {name}`: {}",
            spec.model
        );
    }
    Ok(spec)
}

/// What the model's pictures go through, changed as the arguments say.
fn preprocess(model: &str, args: &ExtractorArgs) -> Result<Preprocess, Error> {
    let known = model::find(model).map_or(OWN_PREPROCESS, |model| model.preprocess);
    let mut preprocess: Preprocess = known.parse()?;
    preprocess = preprocess.with(args.preprocess.as_deref().unwrap_or_default())?;
    for (key, channels) in [("mean", &args.mean), ("std", &args.std)] {
        if let Some(channels) = channels {
            preprocess = preprocess.with(&format!("{key}={}", channels.replace(',', "/")))?;
        }
    }
    Ok(preprocess)
}

/// Loads what the arguments ask for.
pub fn extractor(args: &ExtractorArgs) -> Result<Extractor> {
    let spec = requested_spec(args)?;
    let preprocess = preprocess(&spec.model, args)?;
    let weights = match &args.weights {
        Some(file) => file.clone(),
        None => fetch(model::find(&spec.model)?)?,
    };
    Ok(Extractor::load(spec, preprocess, &weights, &args.device)?)
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
