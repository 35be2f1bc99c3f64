//! One engine of the peer bench: loads a network once, then times forward passes when told to.
//!
//! ```text
//! forward --model resnet50 --weights FILE --batch 1 --threads 2 --seconds 2
//! ```
//!
//! prints one line of JSON with the time of every call. Without `--seconds` it says that it is
//! ready and answers lines on standard input, so that the start does not count and many engines can
//! take turns: `run SECONDS`, `output FILE` (raw f32, `[N, C]`), `peak SECONDS` (the machine's f32
//! multiply-adds, as GFLOP/s), each answered by a line of JSON. What is timed is what `imgsearch`
//! does with pixels: the network as far as the model's default layer, and its global average.
//! `--engine candle` runs the same network on Candle's own operations instead.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

mod peak;
mod stock_candle;

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Architecture, Backbone, Placement};
use imgsearch::descriptor::Pooling;
use imgsearch::weights::WeightsFile;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Side of the pictures.
const SIDE: usize = 224;

/// What makes descriptors of the pixels it was given.
trait Engine {
    fn forward(&self) -> Result<Vec<Vec<f32>>>;
}

struct Ours {
    backbone: Backbone,
    pixels: Tensor,
}

impl Engine for Ours {
    fn forward(&self) -> Result<Vec<Vec<f32>>> {
        let maps = self.backbone.feature_maps(&self.pixels)?;
        Ok(Pooling::Gap.pool(&maps[0].map)?)
    }
}

struct Options {
    engine: String,
    model: String,
    weights: String,
    input: Option<String>,
    batch: usize,
    threads: usize,
    seconds: Option<f64>,
}

impl Options {
    fn from_arguments() -> Result<Self> {
        // `cargo bench` adds `--bench`.
        let arguments = std::env::args().skip(1).filter(|a| a != "--bench");
        let arguments: Vec<String> = arguments.collect();
        let mut given = HashMap::new();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("{} needs a value", pair[0]).into());
            };
            given.insert(name.trim_start_matches('-').to_owned(), value.clone());
        }
        let mut take = |name: &str| given.remove(name);
        let options = Self {
            engine: take("engine").unwrap_or_else(|| "imgsearch".into()),
            model: take("model").ok_or("--model is missing")?,
            weights: take("weights").ok_or("--weights is missing")?,
            input: take("input"),
            batch: take("batch").map_or(Ok(1), |text| text.parse())?,
            threads: take("threads").map_or(Ok(1), |text| text.parse())?,
            seconds: take("seconds").map(|text| text.parse()).transpose()?,
        };
        match given.keys().next() {
            Some(name) => Err(format!("there is no --{name}").into()),
            None => Ok(options),
        }
    }

    /// `[batch, 3, 224, 224]`: the first pictures of the input file, or a pattern.
    fn pixels(&self) -> Result<Tensor> {
        let len = self.batch * 3 * SIDE * SIDE;
        let values: Vec<f32> = match &self.input {
            Some(path) => {
                let bytes = std::fs::read(path)?;
                let bytes = bytes.get(..4 * len).ok_or("the input is too short")?;
                bytemuck::pod_collect_to_vec(bytes)
            }
            None => (0..len).map(|i| (i as f32 * 0.37).sin()).collect(),
        };
        Ok(Tensor::from_vec(
            values,
            (self.batch, 3, SIDE, SIDE),
            &Device::Cpu,
        )?)
    }

    fn engine(&self) -> Result<Box<dyn Engine>> {
        let architecture = Architecture::find(&self.model)?;
        let layer = &self.layer()?;
        let weights = WeightsFile::open(&self.weights)?;
        let pixels = self.pixels()?;
        if self.engine == "candle" {
            let network = architecture.network();
            let end = network.find_layer(layer)?.value;
            let engine =
                stock_candle::StockCandle::load(network.cut_after(&[end]), &weights, pixels)?;
            return Ok(Box::new(engine));
        }
        let backbone = Backbone::load(architecture, &[layer], &weights, &Placement::cpu())?;
        let backbone = backbone.with_threads(self.threads);
        Ok(Box::new(Ours { backbone, pixels }))
    }

    /// The model's default layer, or of a network that is no model the last that ends a stage.
    fn layer(&self) -> Result<String> {
        if let Ok(model) = imgsearch::model::find(&self.model) {
            return Ok(model.default_layer.to_owned());
        }
        let network = Architecture::find(&self.model)?.network();
        let last = network.layers().iter().rfind(|layer| layer.ends_stage);
        Ok(last.ok_or("no layer ends a stage")?.name.clone())
    }

    /// Multiply-adds of one picture, as far as the network is run.
    fn multiply_adds(&self) -> Result<u64> {
        let network = Architecture::find(&self.model)?.network();
        let layer = network.find_layer(&self.layer()?)?;
        let cut = network.cut_after(&[layer.value]);
        Ok(cut.multiply_adds(SIDE, SIDE).iter().sum())
    }
}

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build_global()?;
    let engine = options.engine()?;
    // The first calls touch memory for the first time.
    engine.forward()?;
    let about = json!({
        "ready": options.model, "batch": options.batch, "threads": options.threads,
        "multiply_adds": options.multiply_adds()?,
    });
    if let Some(seconds) = options.seconds {
        let mut about = about;
        about["seconds"] = json!(run(&*engine, seconds)?);
        return say(&about);
    }
    say(&about)?;
    for line in std::io::stdin().lock().lines() {
        say(&answer(&line?, &*engine, options.threads)?)?;
    }
    Ok(())
}

fn answer(line: &str, engine: &dyn Engine, threads: usize) -> Result<Value> {
    match line.split_once(' ') {
        Some(("run", seconds)) => Ok(json!({ "seconds": run(engine, seconds.parse()?)? })),
        Some(("peak", seconds)) => Ok(json!({
            "gflops": peak::gflops(threads, Duration::from_secs_f64(seconds.parse()?)),
        })),
        Some(("output", path)) => {
            let values = engine.forward()?.concat();
            std::fs::write(path, bytemuck::cast_slice(&values))?;
            Ok(json!({ "values": values.len() }))
        }
        _ => Err(format!("what is `{line}`?").into()),
    }
}

/// The time of each call, for at least `seconds` and one call.
fn run(engine: &dyn Engine, seconds: f64) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    let start = Instant::now();
    while times.is_empty() || start.elapsed().as_secs_f64() < seconds {
        let call = Instant::now();
        std::hint::black_box(engine.forward()?);
        times.push(call.elapsed().as_secs_f64());
    }
    Ok(times)
}

fn say(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}
