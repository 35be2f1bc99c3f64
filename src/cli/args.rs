//! Arguments that several commands share.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use imgsearch::backbone::Precision;
use imgsearch::error::Result;
use imgsearch::gallery;
use imgsearch::photo::absolute;
use imgsearch::weights::Part;

use super::output::clean_line;
use super::tell::detail;

/// Where the gallery is.
#[derive(Args, Clone)]
pub struct GalleryArgs {
    /// Folder of the gallery; if left away, `.imgsearch` in the current folder or one above it, else
    /// in the photos' folder or one above that
    #[arg(long, value_name = "DIR", env = "IMGSEARCH_GALLERY")]
    gallery: Option<PathBuf>,
}

impl GalleryArgs {
    /// The gallery's folder; where none is named, the one found for these photos.
    pub fn find(&self, photos: &[PathBuf]) -> Result<PathBuf> {
        let found = self.named().map_or_else(|| gallery::find(photos), Ok)?;
        Ok(told(found))
    }

    /// The same; where none is found, one that is to be made in the current folder.
    pub fn find_or_here(&self, photos: &[PathBuf]) -> Result<PathBuf> {
        let found = self.named();
        let found = found.map_or_else(|| gallery::find_or_here(photos), Ok)?;
        Ok(told(found))
    }

    /// What was named, if anything was. An empty variable counts as unset.
    pub fn named(&self) -> Option<PathBuf> {
        self.gallery.clone().filter(|dir| dir != Path::new(""))
    }
}

/// Says which gallery it is.
fn told(dir: PathBuf) -> PathBuf {
    let whole = absolute(&dir).unwrap_or_else(|_| dir.clone());
    detail!("gallery: {}", clean_line(&whole.display().to_string()));
    dir
}

/// What to do where another process writes to the gallery.
#[derive(Args, Clone)]
pub struct WaitArgs {
    /// Wait for another imgsearch that is writing to the gallery, instead of failing
    #[arg(long)]
    pub wait: bool,
}

/// More than any machine has cores, and each costs memory.
const MOST_JOBS: usize = 1024;

/// Threads that decode and describe, as many as the system gives: where it refused one in the middle
/// of the work, that would end it.
pub fn jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| *jobs <= MOST_JOBS);
    let jobs = jobs.ok_or_else(|| format!("jobs are a number from 0 to {MOST_JOBS}"))?;
    let threads = match jobs {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        jobs => jobs,
    };
    let tried = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let refused = |error| format!("the system gives no {threads} threads: {error}");
    tried.map(|_| jobs).map_err(refused)
}

/// What descriptors are made of.
#[derive(Args, Clone)]
pub struct ExtractorArgs {
    /// Model, layers and poolings: `MODEL:LAYER[/POOLING[/PROJECTION]][*WEIGHT][+…]`; poolings are gap,
    /// max, gem, gemP, rmac, direct, and `gem=NAME` for an exponent in the weights' file. With --arch,
    /// `LAYER…` alone will do. Or a file FILE.json that `tune` wrote
    #[arg(long)]
    pub spec: Option<String>,
    /// Layers that you trained behind the pooling, by their names in the file of weights: linear layers
    /// and batch norms in their order; auto: found by its name
    #[arg(long, value_name = "NAME,…")]
    pub projection_from: Option<String>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Whose weights a network has, what its pictures go through, and where it runs.
#[derive(Args, Clone)]
pub struct NetworkArgs {
    /// Weights of your own (.safetensors, .pth, Keras' .h5 or .keras, an index or a folder of several)
    /// instead of the model's published ones
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    #[command(flatten)]
    pub part: PartArgs,
    /// Architecture of a network trained by yourself, whose --weights these are, with any number of
    /// classes: `--weights mine.pth --arch resnet50 --spec layer4`; or a known model, timm's too, that
    /// you trained further: `--arch resnet50.a1_in1k`
    #[arg(long, value_name = "NAME", requires = "weights")]
    pub arch: Option<String>,
    /// Mean of each channel that your network was trained with, red, green, blue, of values 0 to 1
    #[arg(long, value_name = "R/G/B")]
    pub mean: Option<String>,
    /// Standard deviation of each channel likewise
    #[arg(long, value_name = "R/G/B")]
    pub std: Option<String>,
    /// What is done to pictures, e.g. `resize=256,crop=224,interpolation=bicubic`; `none`: the
    /// picture exactly as it is
    #[arg(long, value_name = "KEYS")]
    pub preprocess: Option<String>,
    /// Where the network runs: cpu, cuda, cuda:N, or auto: a GPU where there is one that this build
    /// can use, and the CPU otherwise
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Numbers in which a network runs on a GPU: f32, f16 or bf16. Descriptors made in either may meet
    #[arg(long, value_name = "NUMBERS", default_value = "f32",
          value_parser = |text: &str| text.parse::<Precision>())]
    pub precision: Precision,
}

/// The part of a file of weights that is meant.
#[derive(Args, Clone, Default)]
pub struct PartArgs {
    /// Key of that file under which the network is, where it has several: `--key model_ema`
    #[arg(long, value_name = "KEY", requires = "weights")]
    pub key: Option<String>,
    /// What the network's names begin with there, where it has several: `--prefix module.encoder_q.`
    #[arg(long, value_name = "PREFIX", requires = "weights")]
    pub prefix: Option<String>,
}

impl PartArgs {
    pub fn part(&self) -> Part {
        Part {
            key: self.key.clone(),
            prefix: self.prefix.clone(),
        }
    }
}

/// What descriptors are made of, and what is done to them at the end.
#[derive(Args, Clone)]
pub struct DescriptorArgs {
    #[command(flatten)]
    pub extractor: ExtractorArgs,
    /// Whitening that `imgsearch whiten` made; it says spec, preprocessing and weights too
    #[arg(long, value_name = "FILE")]
    pub whitening: Option<PathBuf>,
}
