//! Weights that anyone can make anew, so that no file of them need be kept: every number follows
//! from its tensor's name and its place. `data/seeded_weights.py` makes the same ones.

use std::borrow::Cow;
use std::path::Path;

use imgsearch::backbone::network::{Branch, Convolution, Network, Operation};
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
    fn values(&self) -> Vec<f32> {
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
        let count: usize = self.shape.iter().product();
        let places = (0..count as u64).into_par_iter();
        places.map(|place| value(unit(seed, place))).collect()
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
        bytemuck::cast_slice(&self.values()).to_vec().into()
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
    let convolutions = network.steps().iter().filter_map(|step| {
        let Operation::Convolution(convolution) = &step.operation else {
            return None;
        };
        Some(convolution)
    });
    let tensors = convolutions.flat_map(|convolution| tensors(convolution, naming));
    serialize_to_file(tensors, None, path).unwrap();
}

/// A convolution's tensors; those of its branches where it was trained as a sum.
fn tensors(convolution: &Convolution, naming: usize) -> Vec<(String, Seeded)> {
    if !convolution.branches.is_empty() {
        let branches = convolution.branches.iter();
        return branches
            .flat_map(|branch| match branch {
                Branch::Convolution(part) => tensors(part, naming),
                Branch::Identity { norm, .. } => norm_tensors(norm, norm, convolution.outputs),
            })
            .collect();
    }
    let own = &convolution.names[0];
    let called = &convolution.names[naming.min(convolution.names.len() - 1)];
    let tensor = |part: &str, shape: Vec<usize>| {
        let name = format!("{}.{part}", own.convolution);
        (
            format!("{}.{part}", called.convolution),
            Seeded { name, shape },
        )
    };
    let mut tensors = vec![tensor("weight", convolution.weight_shape().to_vec())];
    if convolution.bias {
        tensors.push(tensor("bias", vec![convolution.outputs]));
    }
    if let (Some(own), Some(called)) = (&own.norm, &called.norm) {
        tensors.extend(norm_tensors(own, called, convolution.outputs));
    }
    tensors
}

fn norm_tensors(own: &str, called: &str, channels: usize) -> Vec<(String, Seeded)> {
    ["weight", "bias", "running_mean", "running_var"]
        .map(|part| {
            let name = format!("{own}.{part}");
            let shape = vec![channels];
            (format!("{called}.{part}"), Seeded { name, shape })
        })
        .to_vec()
}
