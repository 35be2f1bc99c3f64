//! From arguments to a loaded network.

use std::path::{Path, PathBuf};

use anyhow::Result;
use imgsearch::backbone::Architecture;
use imgsearch::descriptor::whitening::Origin;
use imgsearch::descriptor::{DescriptorSpec, Provenance, SpecFile, Whitening};
use imgsearch::error::DescriptorError;
use imgsearch::gallery::{check_same, whitening_of};
use imgsearch::model::digest::Digests;
use imgsearch::model::{self, FetchOptions};
use imgsearch::photo::Preprocess;
use imgsearch::{Error, Extractor};

use super::args::{DescriptorArgs, ExtractorArgs};
use super::progress::FetchProgress;

/// The model that is taken where none is named: small, quick on a CPU, freely licensed.
pub const DEFAULT_MODEL: &str = "efficientnet_lite0";

/// What is done to the pictures of an architecture that is no model's, unless told otherwise: what
/// most people train with.
const OWN_PREPROCESS: &str = "resize=256,crop=224,interpolation=bilinear,\
                              mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

/// The file with the model's weights, fetched if need be.
pub fn fetch(model: &model::Model) -> Result<PathBuf, Error> {
    let mut progress = FetchProgress::default();
    model::fetch::weights(model, &FetchOptions::from_env(), &mut |event| {
        progress.on_event(event);
    })
}

/// The spec that was asked for, or the default layer of the model or architecture.
pub fn requested_spec(args: &ExtractorArgs) -> Result<DescriptorSpec, Error> {
    if let Some(name) = &args.network.arch {
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
fn own_spec(architecture: Architecture, text: Option<&str>) -> Result<DescriptorSpec, Error> {
    let name = architecture.name;
    let Some(text) = text.filter(|text| *text != name) else {
        let network = architecture.network();
        let last = network.layers().iter().rfind(|layer| layer.ends_stage);
        let layer = last.map_or("avgpool", |layer| layer.name.as_str());
        return Ok(DescriptorSpec::gap(name, layer));
    };
    let spec: DescriptorSpec = if text.contains(':') {
        text.parse()?
    } else {
        format!("{name}:{text}").parse()?
    };
    if spec.model != name {
        return Err(DescriptorError::InvalidSpec {
            spec: text.to_owned(),
            reason: "it is of another network than `--arch`",
        }
        .into());
    }
    Ok(spec)
}

/// What the model's pictures go through, changed as the arguments say.
pub fn preprocess(model: &str, args: &ExtractorArgs) -> Result<Preprocess, Error> {
    let known = model::find(model).map_or(OWN_PREPROCESS, |model| model.preprocess);
    let mut preprocess: Preprocess = known.parse()?;
    preprocess = preprocess.with(args.network.preprocess.as_deref().unwrap_or_default())?;
    for (key, channels) in [("mean", &args.network.mean), ("std", &args.network.std)] {
        if let Some(channels) = channels {
            preprocess = preprocess.with(&format!("{key}={}", channels.replace(',', "/")))?;
        }
    }
    Ok(preprocess)
}

/// What the arguments ask for, with the spec file's contents in place of its name.
struct Request {
    extractor: ExtractorArgs,
    whitening: Option<Whitening>,
    /// Whether a spec file said which whitening there is, or that there is none.
    says_all: bool,
}

impl Request {
    fn read(args: &ExtractorArgs, whitening: Option<&Path>) -> Result<Self, Error> {
        let mut extractor = args.clone();
        let file = extractor.spec.as_deref().filter(|spec| is_file(spec));
        let file = file
            .map(|file| SpecFile::read(Path::new(file)))
            .transpose()?;
        let says_all = file.is_some();
        let mut path = whitening.map(Path::to_owned);
        if let Some(file) = file {
            extractor.spec = Some(file.spec);
            extractor.network.preprocess.get_or_insert(file.preprocess);
            path = path.or(file.whitening);
        }
        Ok(Self {
            extractor,
            whitening: path.map(|path| Whitening::load(&path)).transpose()?,
            says_all,
        })
    }

    /// What the arguments leave open is as it was when the descriptors were made.
    fn fill(&mut self, spec: &str, preprocess: &str, weights: &str) {
        let args = &mut self.extractor;
        args.spec.get_or_insert_with(|| spec.to_owned());
        args.network
            .preprocess
            .get_or_insert_with(|| preprocess.to_owned());
        if args.network.weights.is_none() {
            args.network.weights =
                Digests::in_folder(&FetchOptions::from_env().cache).find(weights);
        }
    }
}

fn is_file(spec: &str) -> bool {
    Path::new(spec).extension().is_some_and(|end| end == "json")
}

/// Loads what the arguments ask for, without a whitening.
pub fn extractor(args: &ExtractorArgs) -> Result<Extractor, Error> {
    load(&Request::read(args, None)?.extractor)
}

fn load(args: &ExtractorArgs) -> Result<Extractor, Error> {
    let spec = requested_spec(args)?;
    let preprocess = preprocess(&spec.model, args)?;
    let weights = match &args.network.weights {
        Some(file) => file.clone(),
        None => fetch(model::find(&spec.model)?)?,
    };
    Extractor::load(spec, preprocess, &weights, &args.network.device)
}

/// Loads what the arguments ask for. What they leave open the whitening says, if there is one.
pub fn whitened(args: &DescriptorArgs) -> Result<Extractor> {
    let mut request = Request::read(&args.extractor, args.whitening.as_deref())?;
    let Some(whitening) = request.whitening.take() else {
        return Ok(load(&request.extractor)?);
    };
    let Origin {
        spec,
        preprocess,
        weights,
        ..
    } = whitening.origin();
    request.fill(spec, preprocess, weights);
    Ok(load(&request.extractor)?.whitened(whitening)?)
}

/// Loads what the gallery in `dir` was made with. What the arguments ask for besides must agree with
/// it.
pub fn extractor_of(dir: &Path, gallery: &Provenance, args: &DescriptorArgs) -> Result<Extractor> {
    let mut request = Request::read(&args.extractor, args.whitening.as_deref())?;
    request.fill(&gallery.spec, &gallery.preprocess, &gallery.weights);
    let extractor = load(&request.extractor)?;
    let unwhitened = Provenance {
        whitening: None,
        ..gallery.clone()
    };
    check_same(&unwhitened, extractor.provenance())?;
    let whitening = match request.whitening {
        None if !request.says_all => whitening_of(dir, gallery)?,
        whitening => whitening,
    };
    let extractor = match whitening {
        Some(whitening) => extractor.whitened(whitening)?,
        None => extractor,
    };
    check_same(gallery, extractor.provenance())?;
    Ok(extractor)
}
