//! Poolings of one picture's map on a CPU, plane by plane.

use pulp::Arch;

use super::kind::{GEM_FLOOR, Pooling};
use super::regions::regions;

/// Running sums or maxima side by side: enough for the widest registers.
const LANES: usize = 16;

/// `[C, H, W]` → the pooled vector.
pub fn pool(pooling: Pooling, map: &[f32], height: usize, width: usize) -> Vec<f32> {
    let planes = || map.chunks_exact(height * width);
    // Inside, loops are compiled for the widest vectors that the machine has.
    Arch::new().dispatch(|| match pooling {
        Pooling::Direct => map.to_vec(),
        Pooling::Gap => planes().map(|plane| mean(plane, |x| x)).collect(),
        Pooling::Max => planes().map(max).collect(),
        Pooling::Gem { p } => planes().map(|plane| gem(plane, p)).collect(),
        Pooling::RMac => rmac(map, height, width),
    })
}

#[inline(always)]
fn mean(plane: &[f32], value: impl Fn(f32) -> f32) -> f32 {
    let (blocks, rest) = plane.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for block in blocks {
        for (sum, x) in sums.iter_mut().zip(block) {
            *sum += value(*x);
        }
    }
    let sum: f32 = sums.iter().sum::<f32>() + rest.iter().map(|x| value(*x)).sum::<f32>();
    sum / plane.len() as f32
}

#[inline(always)]
fn max(plane: &[f32]) -> f32 {
    let (blocks, rest) = plane.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for block in blocks {
        for (largest, x) in largest.iter_mut().zip(block) {
            *largest = if *x > *largest { *x } else { *largest };
        }
    }
    largest
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// Powers of whole and half exponents are products, many times quicker than `powf`.
#[inline(always)]
fn gem(plane: &[f32], p: f32) -> f32 {
    let floor = |x: f32| if x > GEM_FLOOR { x } else { GEM_FLOOR };
    let mean = match p {
        1.0 => mean(plane, floor),
        1.5 => mean(plane, |x| floor(x) * floor(x).sqrt()),
        2.0 => mean(plane, |x| floor(x) * floor(x)),
        2.5 => mean(plane, |x| floor(x) * floor(x) * floor(x).sqrt()),
        3.0 => mean(plane, |x| floor(x) * floor(x) * floor(x)),
        4.0 => mean(plane, |x| (floor(x) * floor(x)) * (floor(x) * floor(x))),
        5.0 => mean(plane, |x| {
            (floor(x) * floor(x)) * (floor(x) * floor(x)) * floor(x)
        }),
        6.0 => mean(plane, |x| {
            let cube = floor(x) * floor(x) * floor(x);
            cube * cube
        }),
        p => mean(plane, |x| floor(x).powf(p)),
    };
    mean.powf(1.0 / p)
}

fn rmac(map: &[f32], height: usize, width: usize) -> Vec<f32> {
    let planes = || map.chunks_exact(height * width);
    let mut sum = vec![0.0; map.len() / (height * width)];
    let mut add = |region: Vec<f32>| {
        let norm = region.iter().map(|x| x * x).sum::<f32>().sqrt() + GEM_FLOOR;
        for (sum, x) in sum.iter_mut().zip(region) {
            *sum += x / norm;
        }
    };
    add(planes().map(max).collect());
    for (side, tops, lefts) in regions(height, width) {
        for &top in &tops {
            for &left in &lefts {
                let of_plane = |plane: &[f32]| {
                    let row = |row: usize| max(&plane[row * width + left..][..side]);
                    (top..top + side).map(row).fold(f32::NEG_INFINITY, f32::max)
                };
                add(planes().map(of_plane).collect());
            }
        }
    }
    sum
}
