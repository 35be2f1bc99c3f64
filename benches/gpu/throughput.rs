//! Pictures per second from pixels on the host to descriptors on the host, and where the time goes.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use imgsearch::Extractor;
use imgsearch::backbone::{Architecture, Backbone, Placement};
use imgsearch::descriptor::{Pooling, UnitVector};
use imgsearch::photo::Pixels;
use serde_json::{Value, json};

use super::options::Options;
use super::weighted::Weighted;
use super::{Result, attempt, say};

const NETWORKS: [&str; 4] = ["resnet50", "efficientnet_lite0", "convnext_tiny", "vgg16"];
const SIDE: usize = 224;
const BATCHES: [usize; 3] = [1, 32, 128];
const QUICK_BATCHES: [usize; 2] = [1, 2];
/// Calls before the clock runs: kernels are loaded, algorithms chosen, memory is taken.
const WARM: usize = 3;
/// Calls that are timed part by part.
const PARTED: usize = 5;

pub fn measure(options: &Options) -> Result<()> {
    let usual = NETWORKS.map(|name| Architecture::find(name).unwrap());
    let usual = if options.quick { &usual[1..2] } else { &usual };
    let quick_or_not = if options.quick {
        &QUICK_BATCHES[..]
    } else {
        &BATCHES
    };
    let batches = options.batches.as_deref().unwrap_or(quick_or_not);
    for architecture in options.networks(usual)? {
        let weighted = Weighted::usual(architecture)?;
        for precision in &options.precisions {
            let about = json!({
                "measure": "throughput", "engine": "imgsearch", "device": options.label,
                "network": architecture.name, "precision": precision.to_string(),
            });
            attempt(&about, || {
                let placement = Placement::open(&options.device, *precision)?;
                let (extractor, backbone) =
                    (weighted.extractor(&placement)?, weighted.load(&placement)?);
                for batch in batches {
                    let mut line = about.clone();
                    line["batch"] = json!(batch);
                    attempt(&line.clone(), || {
                        time((&extractor, &backbone), *batch, options.seconds, &mut line)
                    })?;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

fn time(
    (extractor, backbone): (&Extractor, &Backbone),
    batch: usize,
    seconds: f64,
    line: &mut Value,
) -> Result<()> {
    let bytes = |i| (i * 89 % 251) as u8;
    let bytes: Vec<u8> = (0..batch * SIDE * SIDE * 3).map(bytes).collect();
    let times = whole(extractor, &bytes, seconds)?;
    let [copy, forward, pooling] = parts(backbone, &bytes)?;
    let median = times[times.len() / 2];
    line["calls"] = json!(times.len());
    line["images_per_second"] = json!(batch as f64 / median);
    line["median_ms"] = json!(median * 1e3);
    line["best_ms"] = json!(times[0] * 1e3);
    line["copy_ms"] = json!(copy * 1e3);
    line["forward_ms"] = json!(forward * 1e3);
    line["pooling_ms"] = json!(pooling * 1e3);
    say(line)
}

/// Seconds of each call, the shortest first.
fn whole(extractor: &Extractor, bytes: &[u8], seconds: f64) -> Result<Vec<f64>> {
    let pictures = bytes.chunks_exact(SIDE * SIDE * 3).map(|rgb| Pixels {
        height: SIDE,
        width: SIDE,
        rgb: rgb.to_vec(),
    });
    let pictures: Vec<Pixels> = pictures.collect();
    let describe = || {
        let described = extractor.describe_all(&pictures).into_iter();
        described.collect::<imgsearch::Result<Vec<_>>>()
    };
    for _ in 0..WARM {
        describe()?;
    }
    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.is_empty() || begun.elapsed().as_secs_f64() < seconds {
        let call = Instant::now();
        std::hint::black_box(describe()?);
        times.push(call.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// Median seconds of three parts, with the device waited for behind each: bytes to the device and
/// there to numbers; the network; its last map to vectors of length 1 on the host.
fn parts(backbone: &Backbone, bytes: &[u8]) -> Result<[f64; 3]> {
    let device = backbone.placement().device();
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..PARTED {
        let begun = Instant::now();
        let pixels = uploaded(backbone, bytes)?;
        device.synchronize()?;
        let copied = Instant::now();
        let maps = backbone.feature_maps(&pixels)?;
        device.synchronize()?;
        let forwarded = Instant::now();
        pooled(&maps[0].map)?;
        times[0].push((copied - begun).as_secs_f64());
        times[1].push((forwarded - copied).as_secs_f64());
        times[2].push(forwarded.elapsed().as_secs_f64());
    }
    Ok(times.map(|mut part| {
        part.sort_by(f64::total_cmp);
        part[PARTED / 2]
    }))
}

/// Bytes `[N, H, W, 3]` to numbers `[N, 3, H, W]`, about −2 … 2, where the network runs.
fn uploaded(backbone: &Backbone, bytes: &[u8]) -> Result<Tensor> {
    let shape = (bytes.len() / (SIDE * SIDE * 3), SIDE, SIDE, 3);
    let bytes = Tensor::from_slice(bytes, shape, &Device::Cpu)?;
    let bytes = bytes.to_device(backbone.placement().device())?;
    let values = bytes.to_dtype(DType::F32)?.permute((0, 3, 1, 2))?;
    Ok(values.affine(1.0 / 64.0, -2.0)?.contiguous()?)
}

fn pooled(map: &Tensor) -> Result<Vec<UnitVector>> {
    let vectors = Pooling::Gap.pool(map)?.into_iter();
    vectors
        .map(|values| Ok(UnitVector::normalize(values)?))
        .collect()
}
