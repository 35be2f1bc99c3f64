//! What people train behind a pooling, by the files of `data/make_weight_heads.py`: each gives the descriptor
//! that torch computes, or is refused for what is wrong with it.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Backbone, Instructions, Placement};
use imgsearch::descriptor::Heads;
use imgsearch::weights::{Fit, WeightsFile};
use imgsearch::{DescriptorSpec, Result};

use crate::kinds::{network, pixels};

fn data(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/weights/heads");
    folder.join(name)
}

/// A row of the table.
struct Row {
    file: String,
    spec: DescriptorSpec,
    becomes: String,
    refused: String,
    descriptor: Vec<f32>,
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(data("table.csv")).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let columns: Vec<&str> = line.split(';').collect();
        let [file, pooling, names, becomes, refused, descriptor] = columns[..] else {
            panic!("{line}");
        };
        let slash = if names.is_empty() { "" } else { "/" };
        let numbers = descriptor.split_whitespace();
        Row {
            file: file.to_owned(),
            spec: format!("n:layer2/{pooling}{slash}{names}").parse().unwrap(),
            becomes: becomes.to_owned(),
            refused: refused.to_owned(),
            descriptor: numbers.map(|number| number.parse().unwrap()).collect(),
        }
    });
    rows.collect()
}

/// The descriptor, its spec as it was found, and how many values were announced.
fn described(row: &Row) -> Result<(Vec<f32>, DescriptorSpec, usize)> {
    let file = WeightsFile::open(data(&row.file))?;
    let network = network();
    let fit = Fit::of(&network, &file);
    let heads = Heads::find(&row.spec, &network, (&fit, &file), (17, 19))?;
    let spec = DescriptorSpec {
        model: "n".to_owned(),
        parts: heads.parts().to_vec(),
    };
    let (placement, best) = (Placement::cpu(), Instructions::best());
    let backbone = Backbone::load_network(&network, &["layer2"], &file, &placement, best)?;
    let pixels = Tensor::from_vec(pixels(), (1, 3, 17, 19), &Device::Cpu).unwrap();
    let map = &backbone.feature_maps(&pixels)?[0].map;
    let pooled = spec.parts[0].pooling.pool(map)?.remove(0);
    let made = heads.read(&file)?.remove(0).apply(pooled);
    let descriptor = spec.combine(vec![made])?;
    Ok((descriptor.as_slice().to_vec(), spec, heads.dimension))
}

#[test]
fn every_projection_gives_torchs_descriptor_or_is_refused_for_what_is_wrong() {
    let (mut wrong, mut right) = (Vec::new(), 0);
    for row in table() {
        let (file, asked, refused) = (&row.file, &row.spec, row.refused.as_str());
        match described(&row) {
            Ok((numbers, spec, dimension)) if refused.is_empty() => {
                right += 1;
                let pairs = numbers.iter().zip(&row.descriptor);
                let most = pairs
                    .map(|(own, its)| (own - its).abs())
                    .fold(0.0, f32::max);
                let expected = row.descriptor.len();
                if (numbers.len(), dimension) != (expected, expected) || most > 1e-6 {
                    wrong.push(format!("{file} {asked}: off by {most}"));
                }
                let found = spec.parts[0].head.join("/");
                if found != row.becomes || spec.parts[0].exponent.is_some() {
                    wrong.push(format!("{file} {asked} became {spec}"));
                }
                // What it became is found again.
                let again = Row {
                    spec: spec.to_string().parse().unwrap(),
                    file: file.clone(),
                    ..row
                };
                assert_eq!(described(&again).unwrap(), (numbers, spec, dimension));
            }
            Ok(_) => wrong.push(format!("{file} {asked} was not refused: {refused}")),
            Err(error) if refused.is_empty() || !error.to_string().contains(refused) => {
                wrong.push(format!("{file} {asked}: {error}"));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right >= 25, "{right}");
}
