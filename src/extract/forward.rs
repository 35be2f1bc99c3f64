//! Pixels through the network, to what is pooled of its maps.
//!
//! On a CPU pooling and joining are loops over the maps where they lie. On a GPU all of it happens
//! there: pictures go over as bytes, and descriptors alone come back.

use candle_core::{D, DType, Device, Tensor};

use crate::backbone::{Backbone, FeatureMap, Instructions, Placement};
use crate::descriptor::{DescriptorSpec, Fingerprint, Head, Heads, LEAST_SQUARES, UnitVector};
use crate::error::{DescriptorError, NetworkError, Result};
use crate::network::Network;
use crate::photo::{ChannelOrder, Pixels, Preprocess};
use crate::weights::{HeadStep, WeightsFile};

/// A network where it runs, and what is taken of it.
pub struct Forward {
    pub backbone: Backbone,
    /// For each part of the spec which of the backbone's maps it pools.
    maps: Vec<usize>,
    spec: DescriptorSpec,
    /// For each part what is put behind its pooling.
    heads: Vec<Head>,
    preprocess: Preprocess,
    #[cfg(test)]
    pub faults: Option<super::faults::Faults>,
}

/// A descriptor before its projection, or why there is none.
pub type Joined = Result<UnitVector, DescriptorError>;

impl Forward {
    /// Loads as much of the network as the fingerprint's spec needs, and what is put behind it.
    ///
    /// # Errors
    /// Whatever can be wrong with the weights or the device.
    pub fn load(
        fingerprint: &Fingerprint,
        (network, heads): (&Network, &Heads),
        weights: &WeightsFile,
        placement: &Placement,
    ) -> Result<Self> {
        let spec = fingerprint.spec().clone();
        let mut layers: Vec<&str> = Vec::new();
        let mut maps = Vec::new();
        for layer in spec.layers() {
            let known = layers.iter().position(|known| *known == layer);
            maps.push(known.unwrap_or(layers.len()));
            if known.is_none() {
                layers.push(layer);
            }
        }
        let best = Instructions::best();
        Ok(Self {
            heads: heads.read(weights)?,
            backbone: Backbone::load_network(network, &layers, weights, placement, best)?,
            maps,
            spec,
            preprocess: fingerprint.recipe().preprocess.clone(),
            #[cfg(test)]
            faults: None,
        })
    }

    /// For each of the pictures, which are of one size, the vectors of the spec's parts, not yet
    /// scaled.
    pub fn pooled(
        &self,
        group: &[Pixels],
        threads: usize,
    ) -> Result<Vec<Vec<Vec<f32>>>, NetworkError> {
        let maps = self.feature_maps(group, threads)?;
        let mut pooled = vec![Vec::with_capacity(self.maps.len()); group.len()];
        let parts = self.spec.parts.iter().zip(&self.heads);
        for ((part, head), map) in parts.zip(&self.maps) {
            let vectors = part.pooling.pool(&maps[*map].map)?;
            for (parts, vector) in pooled.iter_mut().zip(vectors) {
                parts.push(head.apply(vector));
            }
        }
        Ok(pooled)
    }

    /// For each of the pictures, which are of one size, its descriptor.
    pub fn joined(&self, group: &[Pixels], threads: usize) -> Result<Vec<Joined>, NetworkError> {
        if self.backbone.placement().takes_batches() {
            return self.joined_there(&self.feature_maps(group, threads)?);
        }
        let pooled = self.pooled(group, threads)?.into_iter();
        Ok(pooled.map(|parts| self.spec.combine(parts)).collect())
    }

    fn feature_maps(
        &self,
        group: &[Pixels],
        threads: usize,
    ) -> Result<Vec<FeatureMap>, NetworkError> {
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            faults.meet(group)?;
        }
        let device = self.backbone.placement().device();
        let pixels = if self.backbone.placement().takes_batches() {
            normalized_on(group, &self.preprocess, device)?
        } else {
            normalized(group, &self.preprocess)?
        };
        self.backbone.feature_maps_in(&pixels, threads)
    }

    /// As [`DescriptorSpec::combine`], on the device. Beside a picture's values come the squares of
    /// its parts' lengths, which tell what cannot be normalized.
    fn joined_there(&self, maps: &[FeatureMap]) -> Result<Vec<Joined>, NetworkError> {
        let weights = self.spec.sums().map(|sum| sum[0].weight);
        let length = weights.map(|weight| weight * weight).sum::<f32>().sqrt();
        let (mut joined, mut squares) = (Vec::new(), Vec::new());
        let mut parts = self.heads.iter().zip(&self.maps);
        let mut unit = |pooled: &Tensor| -> Result<Tensor, NetworkError> {
            let square = pooled.sqr()?.sum_keepdim(D::Minus1)?;
            squares.push(square.clone());
            Ok(pooled.broadcast_div(&square.sqrt()?)?)
        };
        for sum in self.spec.sums() {
            let mut total: Option<Tensor> = None;
            for (part, (head, map)) in sum.iter().zip(&mut parts) {
                let pooled = part.pooling.pool_there(&maps[*map].map)?;
                let pooled = unit(&apply_there(head.steps(), pooled)?)?;
                total = Some(match total {
                    None => pooled,
                    Some(total) => (total + (pooled * f64::from(part.weight))?)?,
                });
            }
            let Some(mut total) = total else {
                continue;
            };
            if sum.len() > 1 {
                total = unit(&total)?;
            }
            joined.push((total * f64::from(sum[0].weight / length))?);
        }
        let parts = squares.len();
        joined.extend(squares);
        let rows: Vec<Vec<f32>> = Tensor::cat(&joined, 1)?.to_vec2()?;
        let rows = rows.into_iter().map(|mut row| {
            let squares = row.split_off(row.len() - parts);
            if !squares.iter().all(|square| square.is_finite()) {
                return Err(DescriptorError::NonFiniteDescriptor);
            }
            if squares
                .iter()
                .any(|square| f64::from(*square) < LEAST_SQUARES)
            {
                return Err(DescriptorError::ZeroDescriptor);
            }
            UnitVector::normalize(row)
        });
        Ok(rows.collect())
    }
}

/// As [`Head::apply`] of each of `[N, values]`, on the device where they lie.
fn apply_there(steps: &[HeadStep], mut pooled: Tensor) -> Result<Tensor, NetworkError> {
    let device = pooled.device().clone();
    let on_device = |values: &[f32]| Tensor::from_slice(values, values.len(), &device);
    for step in steps {
        pooled = match step {
            HeadStep::Linear { matrix, bias } => {
                let matrix = on_device(matrix)?.reshape((bias.len(), ()))?;
                let product = pooled.matmul(&matrix.t()?)?;
                product.broadcast_add(&on_device(bias)?)?
            }
            HeadStep::Scaled { scale, shift } => {
                let scaled = pooled.broadcast_mul(&on_device(scale)?)?;
                scaled.broadcast_add(&on_device(shift)?)?
            }
        };
    }
    Ok(pooled)
}

/// `[N, 3, H, W]` on the CPU.
fn normalized(group: &[Pixels], preprocess: &Preprocess) -> Result<Tensor, NetworkError> {
    let (height, width) = size_of(group);
    let mut values = Vec::with_capacity(group.len() * 3 * height * width);
    for pixels in group {
        preprocess.normalize_into(pixels, &mut values);
    }
    let shape = (group.len(), 3, height, width);
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// The same on a device, by the same operations in the same order.
fn normalized_on(
    group: &[Pixels],
    preprocess: &Preprocess,
    device: &Device,
) -> Result<Tensor, NetworkError> {
    let (height, width) = size_of(group);
    let bytes: Vec<u8> = group
        .iter()
        .flat_map(|pixels| &pixels.rgb)
        .copied()
        .collect();
    let bytes = Tensor::from_vec(bytes, (group.len(), height, width, 3), device)?;
    let planes = bytes.permute((0, 3, 1, 2))?.contiguous()?;
    let planes = planes.to_dtype(DType::F32)?;
    let planes = match preprocess.order {
        ChannelOrder::Rgb => planes,
        ChannelOrder::Bgr => {
            let [red, green, blue] = [0, 1, 2].map(|channel| planes.narrow(1, channel, 1));
            Tensor::cat(&[blue?, green?, red?], 1)?
        }
    };
    let channels = |values: [f32; 3]| Tensor::from_slice(&values, (1, 3, 1, 1), device);
    let scaled = planes.broadcast_div(&channels([255.0 / preprocess.scale; 3])?)?;
    let centred = scaled.broadcast_sub(&channels(preprocess.mean)?)?;
    Ok(centred.broadcast_div(&channels(preprocess.std)?)?)
}

/// Height and width of the pictures.
fn size_of(group: &[Pixels]) -> (usize, usize) {
    let first = group.first();
    first.map_or((0, 0), |pixels| (pixels.height, pixels.width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_makes_the_same_here_and_there() {
        let number = |i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0;
        let numbers = |start: usize, count: usize| -> Vec<f32> {
            (start..start + count).map(number).collect()
        };
        let head = Head::from(vec![
            HeadStep::Scaled {
                scale: numbers(0, 5),
                shift: numbers(5, 5),
            },
            HeadStep::Linear {
                matrix: numbers(10, 15),
                bias: vec![0.0, 1.0, -1.0],
            },
        ]);
        let pooled = numbers(40, 10);
        let there = Tensor::from_vec(pooled.clone(), (2, 5), &Device::Cpu).unwrap();
        let there: Vec<Vec<f32>> = apply_there(head.steps(), there).unwrap().to_vec2().unwrap();
        for (values, there) in pooled.chunks(5).zip(there) {
            let here = head.apply(values.to_vec());
            assert_eq!(here.len(), 3);
            for (a, b) in here.iter().zip(&there) {
                assert!((a - b).abs() < 1e-6, "{here:?} {there:?}");
            }
        }
    }

    #[test]
    fn pictures_are_normalized_on_a_device_as_on_a_cpu_bit_for_bit() {
        let picture = |seed: usize| Pixels {
            height: 3,
            width: 5,
            rgb: (0..45).map(|i| (i * 37 + seed * 91) as u8).collect(),
        };
        let group = [picture(0), picture(1)];
        for keys in [
            "mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
            "order=bgr,scale=255,mean=103.939/116.779/123.68",
        ] {
            let preprocess: Preprocess = keys.parse().unwrap();
            let here = normalized(&group, &preprocess).unwrap();
            let there = normalized_on(&group, &preprocess, &Device::Cpu).unwrap();
            assert_eq!(here.dims(), there.dims());
            let [here, there] = [here, there].map(|all| all.flatten_all().unwrap());
            assert_eq!(
                here.to_vec1::<f32>().unwrap(),
                there.to_vec1::<f32>().unwrap()
            );
        }
    }
}
