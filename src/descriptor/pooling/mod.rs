//! How a layer's map `[N, C, H, W]` becomes one vector per picture.
//!
//! On a CPU over the values where they lie (`planes`), so that many poolings of many layers cost
//! little beside the network; elsewhere by Candle's operations (`tensor`), so that only the result
//! leaves the device.

mod kind;
mod planes;
mod regions;
mod tensor;

use candle_core::{Storage, Tensor};

pub use self::kind::Pooling;
use crate::error::{NetworkError, Result};

impl Pooling {
    /// `[N, C, H, W]` → one vector per picture.
    ///
    /// # Errors
    /// [`NetworkError::Tensor`] if the device fails.
    pub fn pool(self, map: &Tensor) -> Result<Vec<Vec<f32>>, NetworkError> {
        let (images, _, height, width) = map.dims4()?;
        let (storage, layout) = map.storage_and_layout();
        let Storage::Cpu(values) = &*storage else {
            return Ok(self.pool_there(map)?.to_vec2()?);
        };
        let values = values.as_slice::<f32>()?;
        match layout.contiguous_offsets() {
            Some((start, end)) if end > start => {
                let image = (end - start) / images;
                let each = values[start..end].chunks_exact(image);
                Ok(each
                    .map(|image| planes::pool(self, image, height, width))
                    .collect())
            }
            _ => Ok(self.pool_there(map)?.to_vec2()?),
        }
    }

    /// `[N, C, H, W]` → `[N, dimension]`, on the device where the map lies.
    ///
    /// # Errors
    /// As [`Pooling::pool`].
    pub(crate) fn pool_there(self, map: &Tensor) -> Result<Tensor, NetworkError> {
        tensor::pool(self, map)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Two channels of 2×3: not square, so that swapped axes show.
    fn map() -> Tensor {
        let values = vec![1f32, 2.0, 3.0, 4.0, 5.0, 9.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0];
        Tensor::from_vec(values, (1, 2, 2, 3), &Device::Cpu).unwrap()
    }

    #[test]
    fn gap_max_and_direct_are_what_they_say() {
        assert_eq!(Pooling::Gap.pool(&map()).unwrap(), vec![vec![4.0, 1.0]]);
        assert_eq!(Pooling::Max.pool(&map()).unwrap(), vec![vec![9.0, 6.0]]);
        let direct = Pooling::Direct.pool(&map()).unwrap();
        assert_eq!(direct[0][..6], [1.0, 2.0, 3.0, 4.0, 5.0, 9.0]);
    }

    #[test]
    fn gem_lies_between_mean_and_maximum() {
        let gem = Pooling::Gem { p: 3.0 }.pool(&map()).unwrap();
        // ((1 + 8 + 27 + 64 + 125 + 729) / 6)^(1/3)
        assert!((gem[0][0] - 159f32.cbrt()).abs() < 1e-4, "{gem:?}");
        assert!((gem[0][1] - 36f32.cbrt()).abs() < 1e-4, "{gem:?}");
    }

    #[test]
    fn both_ways_give_the_same() {
        let values: Vec<f32> = (0..2 * 5 * 63)
            .map(|i| ((i * 37) % 101) as f32 / 20.0 - 1.5)
            .collect();
        let map = Tensor::from_vec(values, (2, 5, 7, 9), &Device::Cpu).unwrap();
        let gem = [0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 11.3].map(|p| Pooling::Gem { p });
        let others = [Pooling::Direct, Pooling::Gap, Pooling::Max, Pooling::RMac];
        for pooling in gem.into_iter().chain(others) {
            let (planes, tensor) = (
                pooling.pool(&map).unwrap(),
                pooling.pool_there(&map).unwrap().to_vec2().unwrap(),
            );
            let tensor: Vec<Vec<f32>> = tensor;
            for (a, b) in planes.iter().flatten().zip(tensor.iter().flatten()) {
                assert!((a - b).abs() < 1e-5, "{pooling}: {a} {b}");
            }
            assert_eq!(planes.concat().len(), tensor.concat().len());
        }
    }
}
