//! A whitening on disk: one safetensors file, which Python reads too.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::Whitening;
use super::origin::StoredOrigin;
use crate::bounded;
use crate::descriptor::vectors::Matrix;
use crate::error::{DescriptorError, FileError, Result};
use crate::replace::replace;

/// Where the origin stands in the file's metadata, as JSON: one entry, so that equal whitenings make
/// equal files.
const KEY: &str = "imgsearch_whitening";
/// The largest file that is read: 16,384 of 16,384 values make as much.
const MAX_BYTES: u64 = 1 << 30;
const MEAN: &str = "mean";
const PROJECTION: &str = "projection";
const SCALES: &str = "scales";

impl Whitening {
    /// Writes the whitening: tensors `mean` `[input]`, `projection` `[output, input]` and `scales`
    /// `[output]`, and in the metadata, under `imgsearch_whitening`, its [`Origin`](super::Origin) as JSON.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let failed = FileError::write_at(path);
        let (output, input) = (self.dimension(), self.input_dimension());
        let projection = self.projection.as_vectors().values();
        let tensors = [
            (MEAN, vec![input], &self.mean[..]),
            (PROJECTION, vec![output, input], projection),
            (SCALES, vec![output], &self.scales),
        ];
        let views = tensors.into_iter().map(|(name, shape, values)| {
            let view = TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values))?;
            Ok((name, view))
        });
        let metadata = HashMap::from([(KEY.to_owned(), self.origin_json.clone())]);
        let views = views.collect::<Result<Vec<_>, _>>();
        let bytes = views.and_then(|views| safetensors::serialize(views, Some(metadata)));
        let bytes = bytes.map_err(|error| failed(io::Error::other(error)))?;
        replace(path, &bytes).map_err(failed)
    }

    /// Reads what [`Whitening::save`] wrote.
    ///
    /// # Errors
    /// [`FileError::Read`]; [`DescriptorError::DamagedWhitening`].
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = bounded::read(path, MAX_BYTES).map_err(FileError::read_at(path))?;
        Ok(Self::from_bytes(&bytes).map_err(DescriptorError::damaged_whitening_at(path))?)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        const DAMAGED: &str = "it is cut off or changed";
        const MISFIT: &str = "its tensors do not fit each other";
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|_| DAMAGED)?;
        let origin = metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(KEY));
        let origin_json = origin.ok_or("it is of something else")?;
        let origin: StoredOrigin = serde_json::from_str(origin_json).map_err(|_| DAMAGED)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|_| DAMAGED)?;
        let (mean, scales) = (values(&tensors, MEAN)?, values(&tensors, SCALES)?);
        let projection = Matrix::new(values(&tensors, PROJECTION)?, mean.len());
        let projection = projection.map_err(|_| MISFIT)?;
        if scales.is_empty() || projection.as_vectors().len() != scales.len() {
            return Err(MISFIT);
        }
        Ok(Self {
            origin: origin.read(mean.len()).map_err(|_| DAMAGED)?,
            origin_json: origin_json.clone(),
            mean,
            projection,
            scales,
        })
    }
}

fn values(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, &'static str> {
    let tensor = tensors.tensor(name).map_err(|_| "a tensor is missing")?;
    if tensor.dtype() != Dtype::F32 {
        return Err("a tensor is not of f32");
    }
    let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err("a value is not a finite number")
    }
}
