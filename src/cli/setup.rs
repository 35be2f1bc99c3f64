//! From arguments to what is asked of the library.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use imgsearch::descriptor::Fingerprint;
use imgsearch::error::GalleryError;
use imgsearch::gallery::{Snapshot, open_for_search_telling};
use imgsearch::model::{self, FetchOptions};
use imgsearch::resolve::{self, Overrides};
use imgsearch::{Error, Extractor};

use super::args::{DescriptorArgs, ExtractorArgs, WaitArgs};
use super::output::{clean, clean_line};
use super::progress::{FetchProgress, REBUILDING, StepProgress, go_on};
use super::tell::{detail, note};

impl ExtractorArgs {
    /// What they ask for.
    pub fn overrides(&self) -> Overrides {
        let network = &self.network;
        let mut keys: Vec<String> = network.preprocess.iter().cloned().collect();
        for (key, channels) in [("mean", &network.mean), ("std", &network.std)] {
            if let Some(channels) = channels {
                keys.push(format!("{key}={}", channels.replace(',', "/")));
            }
        }
        Overrides {
            recipe: self.spec.clone(),
            architecture: network.arch.clone(),
            projection_from: self.projection_from.clone(),
            preprocess: (!keys.is_empty()).then(|| keys.join(",")),
            weights: network.weights.clone(),
            part: network.part.part(),
            whitening: None,
            device: Some(network.device.clone()),
            precision: Some(network.precision),
        }
    }
}

impl DescriptorArgs {
    /// What they ask for.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            whitening: self.whitening.clone(),
            ..self.extractor.overrides()
        }
    }
}

/// The newest snapshot of a gallery; what was damaged and mended is told.
pub fn snapshot(dir: &Path) -> Result<Snapshot, Error> {
    let mut progress = StepProgress::new(REBUILDING);
    let opened = open_for_search_telling(dir, &mut |done, total| progress.on_step(done, total));
    progress.finish();
    let (snapshot, repairs) = opened?;
    for repair in repairs {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    Ok(snapshot)
}

/// The file with the model's weights, fetched if need be.
pub fn fetch(model: &model::Model) -> Result<PathBuf, Error> {
    let mut progress = FetchProgress::default();
    model::fetch::weights(model, &FetchOptions::from_env(), &mut |event| {
        progress.on_event(event)
    })
}

/// How often it is looked whether another process has ended.
const TICK: Duration = Duration::from_millis(100);

/// What `open` opens; while another process writes to it, that is waited for if it is asked for.
pub fn waiting<T>(wait: &WaitArgs, open: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let mut is_told = false;
    loop {
        match open() {
            Err(Error::Gallery(GalleryError::GalleryLocked { dir }))
                if wait.wait && go_on().is_continue() =>
            {
                if !is_told {
                    let dir = clean_line(&dir.display().to_string());
                    note!("waiting for another imgsearch that is writing to {dir}");
                    is_told = true;
                }
                thread::sleep(TICK);
            }
            opened => return opened,
        }
    }
}

/// Loads what the arguments ask for, without a whitening.
pub fn extractor(args: &ExtractorArgs) -> Result<Extractor, Error> {
    let mut progress = FetchProgress::default();
    told(resolve::plain(&args.overrides(), &mut |event| {
        progress.on_event(event)
    }))
}

/// Loads what the arguments ask for. What they leave open the whitening says, if there is one.
pub fn whitened(args: &DescriptorArgs) -> Result<Extractor, Error> {
    let mut progress = FetchProgress::default();
    told(resolve::extractor(&args.overrides(), &mut |event| {
        progress.on_event(event)
    }))
}

/// Loads what the gallery in `dir` was made with. What the arguments ask for besides must agree with
/// it.
pub fn extractor_of(
    dir: &Path,
    gallery: &Fingerprint,
    args: &DescriptorArgs,
) -> Result<Extractor, Error> {
    let mut progress = FetchProgress::default();
    let mut on_fetch = |event| progress.on_event(event);
    told(resolve::extractor_of(
        dir,
        gallery,
        &args.overrides(),
        &mut on_fetch,
    ))
}

/// Says what was loaded.
fn told(loaded: Result<Extractor, Error>) -> Result<Extractor, Error> {
    if let Ok(extractor) = &loaded {
        tell_loaded(extractor);
        if let Some(choice) = extractor.choice() {
            note!(
                "note: {}; `--key` and `--prefix` say which",
                clean_line(choice)
            );
        }
        if let Some(found) = extractor.found() {
            note!("note: {}", clean_line(found));
        }
    }
    loaded
}

/// Says which network it is, whose weights it has and where it runs; and where a GPU was looked for and
/// not found.
pub fn tell_loaded(extractor: &Extractor) {
    let weights = extractor.weights().display().to_string();
    let placement = extractor.placement();
    detail!("descriptors: {}", clean_line(&extractor.spec().to_string()));
    detail!("weights: {}", clean_line(&weights));
    detail!("device: {} in {}", placement.name(), placement.precision());
    if let Some(reason) = placement.without_gpu().or(extractor.lost_device()) {
        note!("note: {}: running on the CPU", clean(reason));
    }
}

/// Says how many threads work; 0 means one per core.
pub fn tell_threads(jobs: usize) {
    let threads = match jobs {
        0 => rayon::current_num_threads(),
        jobs => jobs,
    };
    detail!("threads: {threads}");
}
