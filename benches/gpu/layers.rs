//! Every layer of every network on a device, beside the same on the CPU by our own operations.

use std::time::Instant;

use candle_core::Tensor;
use imgsearch::backbone::{Architecture, Backbone, FeatureMap, Placement, Precision};
use serde_json::json;

use super::options::Options;
use super::weighted::Weighted;
use super::{Result, attempt, say};

/// Pictures, rows, columns.
type Size = (usize, usize, usize);

/// In what an error shows: a batch, and a picture that is not square, whose sides are odd.
const SIZES: [Size; 2] = [(32, 96, 96), (1, 75, 97)];
const QUICK_SIZES: [Size; 2] = [(2, 64, 64), (1, 75, 97)];

pub fn measure(options: &Options) -> Result<()> {
    let all = Architecture::all();
    let usual = if options.quick { &all[9..10] } else { all };
    let networks = options.networks(usual)?;
    let precisions = options.precisions.iter().map(Precision::to_string);
    say(&json!({
        "measure": "layers", "device": options.label, "networks": networks.len(),
        "precisions": precisions.collect::<Vec<_>>(),
    }))?;
    for architecture in networks {
        let about = json!({
            "measure": "layers", "device": options.label, "network": architecture.name,
        });
        attempt(&about, || compare(architecture, options))?;
    }
    Ok(())
}

fn compare(architecture: Architecture, options: &Options) -> Result<()> {
    let weighted = Weighted::whole(architecture)?;
    let ours = weighted.load(&Placement::cpu())?;
    let sizes = if options.quick { QUICK_SIZES } else { SIZES };
    let batches = sizes.map(pixels);
    let run = |pixels: &Tensor| Ok(ours.feature_maps(pixels)?);
    let expected: Vec<Vec<FeatureMap>> = batches.iter().map(run).collect::<Result<_>>()?;
    drop(ours);
    for precision in &options.precisions {
        let about = json!({
            "measure": "layers", "device": options.label, "network": architecture.name,
            "precision": precision.to_string(),
        });
        attempt(&about, || {
            let placement = Placement::open(&options.device, *precision)?;
            let theirs = weighted.load(&placement)?;
            for ((pixels, expected), size) in batches.iter().zip(&expected).zip(sizes) {
                let begun = Instant::now();
                let found = on_device(&theirs, pixels)?;
                let mut line = about.clone();
                (line["batch"], line["height"], line["width"]) =
                    (json!(size.0), json!(size.1), json!(size.2));
                line["layers"] = json!(found.len());
                judge(&mut line, &found, expected, limit(*precision))?;
                line["seconds"] = json!(begun.elapsed().as_secs_f64());
                say(&line)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The largest deviation that is taken for rounding; of bf16 it is only told.
const fn limit(precision: Precision) -> Option<f64> {
    match precision {
        Precision::F32 => Some(1e-3),
        Precision::F16 => Some(1e-2),
        Precision::Bf16 => None,
    }
}

fn on_device(backbone: &Backbone, pixels: &Tensor) -> Result<Vec<FeatureMap>> {
    let pixels = pixels.to_device(backbone.placement().device())?;
    Ok(backbone.feature_maps(&pixels)?)
}

/// Adds the largest deviation of all layers, and whether it is within the limit.
fn judge(
    line: &mut serde_json::Value,
    found: &[FeatureMap],
    expected: &[FeatureMap],
    limit: Option<f64>,
) -> Result<()> {
    let mut worst = (-1.0, "none");
    for (map, expected) in found.iter().zip(expected) {
        let deviation = deviation(&flat(&map.map)?, &flat(&expected.map)?);
        if !deviation.is_some_and(|it| it <= worst.0) {
            worst = (deviation.unwrap_or(f64::INFINITY), map.layer.as_str());
        }
    }
    line["layer"] = json!(worst.1);
    // Infinity is no number of JSON's: it becomes null.
    line["deviation"] = json!(worst.0);
    line["limit"] = json!(limit);
    line["ok"] = json!(worst.0 < limit.unwrap_or(f64::INFINITY) && found.len() == expected.len());
    Ok(())
}

fn flat(map: &Tensor) -> Result<Vec<f32>> {
    Ok(map.flatten_all()?.to_vec1()?)
}

/// Largest difference over largest magnitude; none where there is no number, or not as many.
fn deviation(found: &[f32], expected: &[f32]) -> Option<f64> {
    if found.len() != expected.len() || !found.iter().all(|value| value.is_finite()) {
        return None;
    }
    let largest = expected
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    let pairs = found.iter().zip(expected);
    let most = pairs.fold(0f32, |most, (a, b)| most.max((a - b).abs()));
    // All of them may be zero, and then nothing else will do.
    Some(if most == 0.0 {
        0.0
    } else {
        f64::from(most / largest)
    })
}

/// A pattern without a repetition, −1 … 1, another for each picture.
pub fn pixels((batch, height, width): Size) -> Tensor {
    let values = (0..batch * 3 * height * width).map(|i| (i as f32 * 0.37).sin());
    let shape = (batch, 3, height, width);
    Tensor::from_vec(values.collect(), shape, &candle_core::Device::Cpu).unwrap()
}
