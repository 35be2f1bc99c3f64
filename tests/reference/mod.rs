//! Each network held against its reference implementation: same pixels, same weights, same maps.

mod candle;
#[cfg(feature = "cuda")]
mod gpu;
mod networks;
mod table;
mod trained;

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use imgsearch::descriptor::Pooling;
use imgsearch::network::Network;
use imgsearch::photo::{Photo, Preprocess};
use imgsearch::weights::WeightsFile;

use crate::common;

/// ImageNet's, of torchvision's networks.
const COLOURS: &str = "mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

fn goldens_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/goldens")
}

fn picture_path(name: &str) -> PathBuf {
    goldens_folder()
        .join("pictures")
        .join(format!("{name}.png"))
}

/// The reference's values for one picture.
fn goldens(architecture: &str, name: &str) -> WeightsFile {
    let folder = goldens_folder().join(architecture);
    WeightsFile::open(folder.join(format!("{name}.safetensors"))).unwrap()
}

fn golden(file: &WeightsFile, name: &str) -> Vec<f32> {
    let shape = file.shape(name).unwrap().to_vec();
    file.tensor(name, &shape).unwrap()
}

/// The larger one; `f32::max` would pass over a NaN.
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// Largest difference over largest magnitude.
fn deviation(ours: &[f32], golden: &[f32]) -> f32 {
    assert_eq!(ours.len(), golden.len());
    let largest = golden
        .iter()
        .fold(0f32, |largest, value| largest.max(value.abs()));
    let difference = |(a, b): (&f32, &f32)| (a - b).abs();
    let most = ours.iter().zip(golden).map(difference).fold(0f32, larger);
    // All of them may be zero, and then nothing else will do.
    if most == 0.0 { 0.0 } else { most / largest }
}

/// The deviation of a picture's map `[1, C, h, w]` from the reference's channel means and samples,
/// of as many as there are.
fn map_deviation(map: &Tensor, file: &WeightsFile, layer: &str) -> f32 {
    let of = |values: &[f32], kind: &str| {
        let golden = golden(file, &format!("{layer}.{kind}"));
        deviation(&spaced(values, golden.len()), &golden)
    };
    let gap = Pooling::Gap.pool(map).unwrap().remove(0);
    larger(of(&gap, "gap"), of(&flat(map), "sample"))
}

/// So many of the values, at equal distances.
fn spaced(values: &[f32], count: usize) -> Vec<f32> {
    let value = |index| values[index * values.len() / count];
    (0..count).map(value).collect()
}

fn flat(map: &Tensor) -> Vec<f32> {
    map.flatten_all().unwrap().to_vec1().unwrap()
}

/// A picture as it is, `[1, 3, H, W]`, with its colours scaled as `colours` says.
fn pixels_of(picture: &str, colours: &str) -> Tensor {
    let preprocess: Preprocess = format!("none,{colours}").parse().unwrap();
    let photo = Photo::read(picture_path(picture)).unwrap();
    let pixels = preprocess.apply(&photo.decode().unwrap().image).unwrap();
    let shape = (1, 3, pixels.height, pixels.width);
    Tensor::from_vec(preprocess.normalized(&pixels), shape, &Device::Cpu).unwrap()
}

/// The upper left corner of pixels `[1, 3, H, W]`.
fn corner(pixels: &Tensor, height: usize, width: usize) -> Tensor {
    let rows = pixels.narrow(2, 0, height).unwrap();
    rows.narrow(3, 0, width).unwrap().contiguous().unwrap()
}

/// The same of a picture with ImageNet's colours.
fn crop(picture: &str, height: usize, width: usize) -> Tensor {
    corner(&pixels_of(picture, COLOURS), height, width)
}

/// The network's seeded weights, called as in the `naming`-th of its namings.
fn seeded_file(network: &Network, naming: usize) -> WeightsFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seeded.safetensors");
    common::seeded::write(network, naming, &path);
    WeightsFile::open(path).unwrap()
}

fn layer_names(network: &Network) -> Vec<&str> {
    let layers = network.layers().iter();
    layers.map(|layer| layer.name.as_str()).collect()
}
