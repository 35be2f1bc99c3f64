//! Descriptors of a device beside the CPU's: the cosine of the two that are of one picture.

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Architecture, Backbone, Placement, Precision};
use imgsearch::descriptor::{Pooling, UnitVector};
use serde_json::json;

use super::options::Options;
use super::paint::{Scene, paint};
use super::weighted::Weighted;
use super::{Result, attempt, say};

const POOLINGS: [Pooling; 5] = [
    Pooling::Gap,
    Pooling::Gem { p: 3.0 },
    Pooling::Max,
    Pooling::RMac,
    Pooling::Direct,
];

/// The smallest cosine that is taken for rounding; of bf16 it is only told.
const LIMIT: f64 = 0.9999;

pub fn measure(options: &Options) -> Result<()> {
    let all = Architecture::all();
    let usual = if options.quick { &all[9..10] } else { all };
    let (side, pictures) = if options.quick { (96, 2) } else { (224, 10) };
    let pixels = painted(pictures, side)?;
    let networks = options.networks(usual)?;
    let precisions = options.precisions.iter().map(Precision::to_string);
    say(&json!({
        "measure": "descriptors", "device": options.label, "networks": networks.len(),
        "precisions": precisions.collect::<Vec<_>>(),
    }))?;
    for architecture in networks {
        let about = json!({
            "measure": "descriptors", "device": options.label, "network": architecture.name,
        });
        attempt(&about, || compare(architecture, &pixels, options))?;
    }
    Ok(())
}

fn compare(architecture: Architecture, pixels: &Tensor, options: &Options) -> Result<()> {
    let weighted = Weighted::usual(architecture)?;
    let expected = described(&weighted.load(&Placement::cpu())?, pixels)?;
    for precision in &options.precisions {
        let mut line = json!({
            "measure": "descriptors", "device": options.label, "network": architecture.name,
            "precision": precision.to_string(), "layer": weighted.layers[0],
            "pictures": pixels.dim(0)?,
        });
        attempt(&line.clone(), || {
            let placement = Placement::open(&options.device, *precision)?;
            let found = described(&weighted.load(&placement)?, pixels)?;
            let mut worst = (f32::INFINITY, Pooling::Gap);
            for ((found, expected), pooling) in found.iter().zip(&expected).zip(POOLINGS) {
                let pairs = found.iter().zip(expected);
                let cosine = pairs.map(|(a, b)| a.similarity(b)).fold(1.0, f32::min);
                if cosine < worst.0 {
                    worst = (cosine, pooling);
                }
            }
            let limit = (*precision != Precision::Bf16).then_some(LIMIT);
            line["pooling"] = json!(worst.1.to_string());
            line["cosine"] = json!(worst.0);
            line["limit"] = json!(limit);
            line["ok"] = json!(f64::from(worst.0) >= limit.unwrap_or(-1.0));
            say(&line)
        })?;
    }
    Ok(())
}

/// For each pooling the descriptor of each picture.
fn described(backbone: &Backbone, pixels: &Tensor) -> Result<Vec<Vec<UnitVector>>> {
    let pixels = pixels.to_device(backbone.placement().device())?;
    let maps = backbone.feature_maps(&pixels)?;
    let unit = |values| Ok(UnitVector::normalize(values)?);
    let pooled = |pooling: Pooling| pooling.pool(&maps[0].map)?.into_iter().map(unit).collect();
    POOLINGS.into_iter().map(pooled).collect()
}

/// `[N, 3, side, side]`, −1 … 1.
fn painted(pictures: usize, side: usize) -> Result<Tensor> {
    let of = |(scene, _): &(Scene, &str)| {
        let image = paint(*scene, 1, side as u32, side as u32);
        let values = image.into_raw().into_iter();
        let values = values.map(|byte| f32::from(byte) / 127.5 - 1.0).collect();
        Tensor::from_vec(values, (side, side, 3), &Device::Cpu)?.permute((2, 0, 1))
    };
    let pictures = Scene::ALL.iter().take(pictures).map(of);
    let pictures = pictures.collect::<candle_core::Result<Vec<_>>>()?;
    Ok(Tensor::stack(&pictures, 0)?.contiguous()?)
}
