//! Arguments that several commands share.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use clap::Args;

/// Where the gallery is.
#[derive(Args, Clone)]
pub struct GalleryArgs {
    /// Folder of the gallery
    #[arg(
        long,
        value_name = "DIR",
        env = "IMGSEARCH_GALLERY",
        default_value = ".imgsearch"
    )]
    pub gallery: PathBuf,
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
    /// Model, layers and poolings: `MODEL:LAYER[/POOLING][*WEIGHT][+…]`; poolings are gap, max,
    /// gem, gemP, rmac and direct. With --arch, `LAYER…` alone will do. Or a file FILE.json that
    /// `tune` wrote
    #[arg(long)]
    pub spec: Option<String>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Whose weights a network has, what its pictures go through, and where it runs.
#[derive(Args, Clone)]
pub struct NetworkArgs {
    /// Weights of your own (.safetensors, .pth, Keras' .h5) instead of the model's published ones
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Architecture of a network trained by yourself, whose --weights these are, with any number of
    /// classes: `--weights mine.pth --arch resnet50 --spec layer4`
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
    /// Where the network runs: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    pub device: String,
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
