//! Weights that anyone can make anew, so that no file of them need be kept: every number follows
//! from its tensor's name and its place. `data/seeded_weights.py` makes the same ones.

use std::borrow::Cow;
use std::path::Path;

use imgsearch::network::{Branch, Convolution, Network, Operation, Value};
use rayon::prelude::*;
use safetensors::{Dtype, View, serialize_to_file};

/// A tensor that is computed when it is written.
#[derive(Clone)]
struct Seeded {
    /// Its name in the reference implementation, whatever it is called in the file.
    name: String,
    shape: Vec<usize>,
}

impl Seeded {
    /// Small enough that activations keep their magnitude through the network: He et al., "Delving
    /// Deep into Rectifiers", 2015, for kernels; near what trained networks have for norms.
    fn bytes(&self) -> Vec<u8> {
        let spread = |low: f64, high: f64| move |unit: f64| (low + (high - low) * unit) as f32;
        let value = if self.shape.len() > 1 {
            let fan_in: usize = self.shape[1..].iter().product();
            let bound = (6.0 / fan_in as f64).sqrt();
            spread(-bound, bound)
        } else if self.name.ends_with(".running_var") {
            spread(0.5, 1.5)
        } else if self.name.ends_with(".weight") {
            spread(0.6, 1.1)
        } else {
            spread(-0.1, 0.1)
        };
        let seed = fnv1a(&self.name);
        let mut bytes = vec![0; self.data_len()];
        let numbers = bytes.par_chunks_exact_mut(4).enumerate();
        numbers.for_each(|(place, bytes)| {
            bytes.copy_from_slice(&value(unit(seed, place as u64)).to_le_bytes());
        });
        bytes
    }
}

impl View for Seeded {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.bytes().into()
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}

/// The hash FNV-1a of 64 bits.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Between 0 and 1, in steps of 2⁻²⁴: the generator splitmix64, at any place without those before.
fn unit(seed: u64, place: u64) -> f64 {
    let mut z = seed.wrapping_add((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
}

/// Writes all of the network's tensors, called as in the `naming`-th of its family's namings.
pub fn write(network: &Network, naming: usize, path: &Path) {
    let values = (1..).map(|value| network.channels(Value(value)));
    let steps = network.steps().iter().zip(values);
    let tensors = steps.flat_map(|(step, channels)| tensors(&step.operation, channels, naming));
    serialize_to_file(tensors, None, path).unwrap();
}

/// A step's tensors, each with its name in that naming.
fn tensors(operation: &Operation, channels: usize, naming: usize) -> Vec<(String, Seeded)> {
    let named = |names: &'_ [String]| [0, naming.min(names.len() - 1)].map(|i| names[i].clone());
    match operation {
        Operation::Convolution(convolution) => of_convolution(convolution, naming),
        Operation::BatchNorm(norm) => parts(named(&norm.names), &BATCH_NORM, &[channels]),
        Operation::LayerNorm(norm) => parts(named(&norm.names), &LAYER_NORM, &[channels]),
        _ => Vec::new(),
    }
}

const LAYER_NORM: [&str; 2] = ["weight", "bias"];
const BATCH_NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Tensors of one shape, called by the reference's prefix and by the one in the file.
fn parts([own, called]: [String; 2], parts: &[&str], shape: &[usize]) -> Vec<(String, Seeded)> {
    let part = |part: &&str| {
        let seeded = Seeded {
            name: format!("{own}.{part}"),
            shape: shape.to_vec(),
        };
        (format!("{called}.{part}"), seeded)
    };
    parts.iter().map(part).collect()
}

/// A convolution's tensors; those of its branches where it was trained as a sum.
fn of_convolution(convolution: &Convolution, naming: usize) -> Vec<(String, Seeded)> {
    if !convolution.branches.is_empty() {
        let branches = convolution.branches.iter();
        return branches
            .flat_map(|branch| match branch {
                Branch::Convolution(part) => of_convolution(part, naming),
                Branch::Identity { norm, .. } => {
                    let names = [norm.clone(), norm.clone()];
                    parts(names, &BATCH_NORM, &[convolution.outputs])
                }
            })
            .collect();
    }
    let own = &convolution.names[0];
    let called = &convolution.names[naming.min(convolution.names.len() - 1)];
    let channels = [convolution.outputs];
    let both = || [own.convolution.clone(), called.convolution.clone()];
    let mut tensors = parts(both(), &["weight"], &convolution.weight_shape());
    if convolution.bias {
        tensors.extend(parts(both(), &["bias"], &channels));
    }
    if let (Some(own), Some(called)) = (&own.norm, &called.norm) {
        tensors.extend(parts([own.clone(), called.clone()], &BATCH_NORM, &channels));
    }
    let scales = &convolution.layer_scale;
    if let Some(own) = scales.first() {
        let seeded = Seeded {
            name: own.clone(),
            shape: vec![convolution.outputs, 1, 1],
        };
        let called = &scales[naming.min(scales.len() - 1)];
        tensors.push((called.clone(), seeded));
    }
    tensors
}
