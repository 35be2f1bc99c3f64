//! The small network of `data/make_weight_kinds.py` in every kind of file in which people have networks:
//! each gives the descriptor that torch computes, or is refused for what it is.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Backbone, Instructions, Placement};
use imgsearch::network::{
    Activation, Convolution, Network, NetworkBuilder, Value, WeightNames, Window,
};
use imgsearch::weights::{Fit, Part, WeightsFile};

fn data(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/weights/kinds");
    folder.join(name)
}

/// A row of the table.
struct Kind {
    file: String,
    part: Part,
    refused: String,
}

fn table() -> Vec<Kind> {
    let text = fs::read_to_string(data("table.csv")).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let columns: Vec<&str> = line.split(',').collect();
        let said = |column: usize| Some(columns[column].to_owned()).filter(|text| !text.is_empty());
        Kind {
            file: columns[0].to_owned(),
            part: Part {
                key: said(1),
                prefix: said(2),
            },
            refused: columns[3].to_owned(),
        }
    });
    rows.collect()
}

/// The names that torch has, and Keras', in which there are no dots.
fn names(convolution: &str, norm: &str) -> Vec<WeightNames> {
    let keras = [convolution, norm].map(|name| name.replace('.', "_"));
    vec![
        WeightNames::normed([convolution, norm]),
        WeightNames::normed([&keras[0], &keras[1]]),
    ]
}

/// A ResNet with two blocks of 6 and 8 channels, and five classes.
pub fn network() -> Network {
    let mut net = NetworkBuilder::new("narrow_resnet");
    let convolution = |names, inputs, outputs, kernel, stride| {
        Convolution::new(names, inputs, outputs, Window::centred(kernel, stride)).norm(1e-5)
    };
    let stem = convolution(names("conv1", "bn1"), 3, 6, 3, 2);
    let mut x = net.convolution(Value::INPUT, stem.activation(Activation::Relu));
    for (block, inputs, outputs, stride) in [("layer1.0", 6, 6, 1), ("layer2.0", 6, 8, 2)] {
        let part =
            |conv: &str, norm: &str| names(&format!("{block}.{conv}"), &format!("{block}.{norm}"));
        let mut around = x;
        if stride > 1 {
            let names = part("downsample.0", "downsample.1");
            around = net.convolution(x, convolution(names, inputs, outputs, 1, stride));
        }
        let first = convolution(part("conv1", "bn1"), inputs, outputs, 3, stride);
        x = net.convolution(x, first.activation(Activation::Relu));
        let second = convolution(part("conv2", "bn2"), outputs, outputs, 3, 1);
        x = net.convolution(x, second.plus(Some(around)).activation(Activation::Relu));
    }
    net.layer("layer2", Vec::new(), x, true);
    x = net.global_average_pool(x);
    net.layer("avgpool", Vec::new(), x, false);
    let fc = Convolution::new(vec![WeightNames::bare("fc")], 8, 5, Window::centred(1, 1));
    x = net.convolution(x, fc.biased());
    net.layer("fc", Vec::new(), x, false);
    net.build().unwrap()
}

/// What both networks are given, `[3, 17, 19]`.
pub fn pixels() -> Vec<f32> {
    let pixels = (0..3 * 17 * 19_u32).map(|place| (place * 37 % 101) as f32 / 50.0 - 1.0);
    pixels.collect()
}

fn described(kind: &Kind) -> imgsearch::Result<Vec<f32>> {
    let file = WeightsFile::open_part(data(&kind.file), &kind.part)?;
    let (placement, best) = (Placement::cpu(), Instructions::best());
    let backbone = Backbone::load_network(&network(), &["avgpool"], &file, &placement, best)?;
    let pixels = Tensor::from_vec(pixels(), (1, 3, 17, 19), &Device::Cpu).unwrap();
    let maps = backbone.feature_maps(&pixels)?;
    Ok(maps[0].map.flatten_all().unwrap().to_vec1().unwrap())
}

#[test]
fn every_kind_of_file_gives_torchs_descriptor_or_is_refused_for_what_it_is() {
    let reference = fs::read_to_string(data("reference.csv")).unwrap();
    let reference: Vec<f32> = reference
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    let mut wrong = Vec::new();
    let mut loaded = 0;
    for kind in table() {
        let file = &kind.file;
        match (described(&kind), kind.refused.as_str()) {
            (Ok(numbers), "") => {
                let pairs = numbers.iter().zip(&reference);
                let most = pairs
                    .map(|(own, its)| (own - its).abs())
                    .fold(0.0, f32::max);
                loaded += 1;
                if numbers.len() != reference.len() || most > 1e-6 {
                    wrong.push(format!("{file}: off by {most}"));
                }
            }
            (Ok(_), refused) => wrong.push(format!("{file} was loaded, not refused: {refused}")),
            (Err(error), refused) if refused.is_empty() || !error.to_string().contains(refused) => {
                wrong.push(format!("{file}: {error}"));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loaded >= 55, "{loaded}");
}

#[test]
fn where_two_networks_fit_it_is_said_which_was_taken() {
    let choice = |file: &str, part: &Part| {
        let file = WeightsFile::open_part(data(file), part).unwrap();
        Fit::of(&network(), &file).choice()
    };
    let said = choice("timm_train.pth", &Part::default()).unwrap();
    assert_eq!(
        said,
        "took `state_dict_ema`, where `state_dict` would fit as well"
    );
    let said = choice("moco.pth", &Part::default()).unwrap();
    assert!(
        said.starts_with("took `state_dict.module.encoder_q`, where"),
        "{said}"
    );
    let plain = Part {
        key: Some("state_dict".to_owned()),
        prefix: None,
    };
    assert_eq!(choice("timm_train.pth", &plain), None);
    assert_eq!(choice("imagenet_example.pth", &Part::default()), None);
}

#[test]
fn a_part_that_is_not_there_is_an_error_with_the_key_most_like_it() {
    let part = Part {
        key: Some("state_dict_em".to_owned()),
        prefix: None,
    };
    let error = WeightsFile::open_part(data("timm_train.pth"), &part).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("nothing called `state_dict_em`") && said.contains("`state_dict_ema`"),
        "{said}"
    );
}
