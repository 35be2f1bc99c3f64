//! Photo to descriptor: decode, preprocess, batch, forward, pool, normalize.

use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::backbone::{Architecture, Backbone};
use crate::descriptor::{Descriptor, DescriptorSpec, Fingerprint, Recipe, Whitening};
use crate::error::{DescriptorError, NetworkError, PhotoError, Result};
use crate::model::digest::Digests;
use crate::model::{self, FetchOptions};
use crate::photo::{Photo, Picture, Pixels, Preprocess};
use crate::weights::WeightsFile;

/// Pictures that a GPU runs at once; a CPU is fastest one by one, with the maps still in its cache.
const GPU_BATCH: usize = 32;

/// What describes photos: a network, where it is tapped, and what is done to the pictures before.
pub struct Extractor {
    backbone: Backbone,
    whitening: Option<Whitening>,
    fingerprint: Arc<Fingerprint>,
    /// For each part of the spec which of the backbone's maps it pools.
    maps: Vec<usize>,
}

impl Extractor {
    /// Loads the part of the network that the recipe needs from the weights file. `device` is `cpu`,
    /// `cuda` or `cuda:N`. The recipe names a model of the catalogue or, for a network of one's own,
    /// its architecture. A projection is not put behind it: see [`Extractor::whitened`].
    ///
    /// # Errors
    /// [`FetchError::UnknownModel`], [`NetworkError::UnknownLayer`],
    /// [`DescriptorError::SizeNotFixed`] for direct activations of pictures of any size,
    /// [`NetworkError::Device`], and whatever can be wrong with the weights.
    ///
    /// [`FetchError::UnknownModel`]: crate::error::FetchError::UnknownModel
    pub fn load(recipe: &Recipe, weights: &Path, device: &str) -> Result<Self> {
        let architecture = architecture_of(&recipe.spec.model)?;
        let file = WeightsFile::open(weights)?;
        let fingerprint = fingerprint_of(recipe, weights, &file)?;
        let mut layers: Vec<&str> = Vec::new();
        let mut maps = Vec::new();
        for layer in fingerprint.spec().layers() {
            let known = layers.iter().position(|known| *known == layer);
            maps.push(known.unwrap_or(layers.len()));
            if known.is_none() {
                layers.push(layer);
            }
        }
        let backbone = Backbone::load(architecture, &layers, &file, &open_device(device)?)?;
        Ok(Self {
            maps,
            backbone,
            whitening: None,
            fingerprint: Arc::new(fingerprint),
        })
    }

    /// The same, whitening its descriptors at the end.
    ///
    /// # Errors
    /// [`DescriptorError::WhiteningMismatch`], [`DescriptorError::WrongDimension`] for a whitening
    /// fitted on other descriptors.
    pub fn whitened(mut self, whitening: Whitening) -> Result<Self, DescriptorError> {
        whitening.check(&self.fingerprint)?;
        let plain = Fingerprint::clone(&self.fingerprint);
        self.fingerprint = plain
            .whitened(whitening.digest(), whitening.dimension())
            .into();
        self.whitening = Some(whitening);
        Ok(self)
    }

    /// The whitening at the end, if there is one.
    #[must_use]
    pub const fn whitening(&self) -> Option<&Whitening> {
        self.whitening.as_ref()
    }

    /// All that decides what the descriptors are.
    #[must_use]
    pub const fn fingerprint(&self) -> &Arc<Fingerprint> {
        &self.fingerprint
    }

    /// The spec, with the network's own layer names.
    #[must_use]
    pub fn spec(&self) -> &DescriptorSpec {
        self.fingerprint.spec()
    }

    /// What is done to pictures before the network.
    #[must_use]
    pub fn preprocess(&self) -> &Preprocess {
        &self.fingerprint.recipe().preprocess
    }

    /// How many pictures are best given to [`Extractor::describe_all`] at once.
    #[must_use]
    pub fn batch(&self) -> usize {
        if self.backbone.device().is_cpu() {
            1
        } else {
            GPU_BATCH
        }
    }

    /// Decodes a photo as far as its descriptor needs it: a JPEG much larger than the network's
    /// input at reduced size.
    ///
    /// # Errors
    /// Whatever is wrong with the photo: see [`Photo::decode_for`].
    pub fn decode(&self, photo: &Photo) -> Result<Picture, PhotoError> {
        photo.decode_for(self.preprocess().wanted_side())
    }

    /// The picture as the network takes it.
    ///
    /// # Errors
    /// [`PhotoError::CropTooLarge`], [`PhotoError::PictureTooLong`].
    pub fn pixels(&self, picture: &Picture) -> Result<Pixels, PhotoError> {
        self.preprocess().apply_to(picture)
    }

    /// The descriptor of one photo.
    ///
    /// # Errors
    /// Whatever is wrong with the photo: see [`Photo::decode_for`];
    /// [`DescriptorError::ZeroDescriptor`] for a picture in which the network sees nothing.
    pub fn describe(&self, photo: &Photo) -> Result<Descriptor> {
        // Decoding too takes a core, and one at a time is enough of a caller.
        let _core = self.backbone.take_core();
        self.describe_pixels(self.pixels(&self.decode(photo)?)?)
    }

    /// The descriptor of a decoded picture.
    ///
    /// # Errors
    /// As [`Extractor::pixels`] and [`Extractor::describe`].
    pub fn describe_picture(&self, picture: &Picture) -> Result<Descriptor> {
        let _core = self.backbone.take_core();
        self.describe_pixels(self.pixels(picture)?)
    }

    fn describe_pixels(&self, pixels: Pixels) -> Result<Descriptor> {
        let mut described = self.describe_all(&[pixels]);
        let none = || Err(DescriptorError::ZeroDescriptor.into());
        described.pop().unwrap_or_else(none)
    }

    /// One result per picture, in order; those of equal size go through the network together.
    #[must_use]
    pub fn describe_all(&self, pixels: &[Pixels]) -> Vec<Result<Descriptor>> {
        self.describe_all_in(pixels, self.backbone.threads())
    }

    /// The same in so many threads on a CPU: one, for those that describe in several at once.
    #[must_use]
    pub fn describe_all_in(&self, pixels: &[Pixels], threads: usize) -> Vec<Result<Descriptor>> {
        let combine = |pooled: Result<_, NetworkError>| Ok(self.combine(pooled?)?);
        let pooled = self.pool_all_in(pixels, threads);
        pooled.into_iter().map(combine).collect()
    }

    /// For each picture the pooled vectors of the spec's parts, as they come: neither normalized nor
    /// weighted.
    #[must_use]
    pub fn pool_all_in(
        &self,
        pixels: &[Pixels],
        threads: usize,
    ) -> Vec<Result<Vec<Vec<f32>>, NetworkError>> {
        let same_size = |a: &Pixels, b: &Pixels| (a.height, a.width) == (b.height, b.width);
        let groups = pixels.chunk_by(same_size);
        groups
            .flat_map(|group| self.pool_group(group, threads))
            .collect()
    }

    fn pool_group(
        &self,
        group: &[Pixels],
        threads: usize,
    ) -> Vec<Result<Vec<Vec<f32>>, NetworkError>> {
        match self.forward(group, threads) {
            Ok(pooled) => pooled.into_iter().map(Ok).collect(),
            // An error of the whole batch may be one picture's: each is tried alone to find out.
            Err(_) if group.len() > 1 => group
                .iter()
                .flat_map(|one| self.pool_group(std::slice::from_ref(one), threads))
                .collect(),
            Err(error) => vec![Err(error)],
        }
    }

    fn combine(&self, parts: Vec<Vec<f32>>) -> Result<Descriptor, DescriptorError> {
        let combined = self.spec().combine(parts)?;
        let vector = match &self.whitening {
            Some(whitening) => whitening.apply(combined.as_slice())?,
            None => combined,
        };
        Descriptor::new(vector, &self.fingerprint)
    }

    /// For each picture the pooled vectors of the spec's parts.
    fn forward(
        &self,
        group: &[Pixels],
        threads: usize,
    ) -> Result<Vec<Vec<Vec<f32>>>, NetworkError> {
        let Some(Pixels { height, width, .. }) = group.first() else {
            return Ok(Vec::new());
        };
        let values: Vec<f32> = group
            .iter()
            .flat_map(|pixels| &pixels.values)
            .copied()
            .collect();
        let shape = (group.len(), 3, *height, *width);
        let batch = Tensor::from_vec(values, shape, self.backbone.device())?;
        let maps = self.backbone.feature_maps_in(&batch, threads)?;
        let mut pooled = vec![Vec::with_capacity(self.maps.len()); group.len()];
        for (part, map) in self.spec().parts.iter().zip(&self.maps) {
            let vectors = part.pooling.pool(&maps[*map].map)?;
            for (parts, vector) in pooled.iter_mut().zip(vectors) {
                parts.push(vector);
            }
        }
        Ok(pooled)
    }
}

/// The fingerprint of what the recipe makes with these weights, before a projection: from the file's
/// list of tensors, without loading them.
///
/// # Errors
/// As [`Extractor::load`], but for the device.
pub fn fingerprint(recipe: &Recipe, weights: &Path) -> Result<Fingerprint> {
    fingerprint_of(recipe, weights, &WeightsFile::open(weights)?)
}

fn fingerprint_of(recipe: &Recipe, weights: &Path, file: &WeightsFile) -> Result<Fingerprint> {
    let network = architecture_of(&recipe.spec.model)?.network_of(file)?;
    let recipe = Recipe {
        spec: recipe.spec.clone().resolve(&network)?,
        ..recipe.clone()
    };
    if recipe.spec.needs_fixed_size() && !recipe.preprocess.has_fixed_size() {
        let spec = recipe.spec.to_string();
        return Err(DescriptorError::SizeNotFixed { spec }.into());
    }
    // With no fixed size only the channels count, so any size large enough will do.
    let (height, width) = recipe.preprocess.output_size(512, 512)?;
    let digest = Digests::in_folder(&FetchOptions::from_env().cache).sha256(weights)?;
    let spec = &recipe.spec;
    let dimension = spec.dimension(&network, height as usize, width as usize)?;
    Ok(Fingerprint::new(recipe, digest, dimension))
}

/// The architecture of a model of the catalogue or, for a network of one's own, the one of that
/// name.
///
/// # Errors
/// [`FetchError::UnknownModel`](crate::error::FetchError), which suggests the nearest name.
pub fn architecture_of(model: &str) -> Result<Architecture> {
    match model::find(model) {
        Ok(model) => Ok(Architecture::find(model.architecture)?),
        Err(unknown) => Ok(Architecture::find(model).map_err(|_| unknown)?),
    }
}

fn open_device(name: &str) -> Result<Device, NetworkError> {
    let failed = |reason: String| NetworkError::Device {
        device: name.to_owned(),
        reason,
    };
    let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
    match (kind, number.parse()) {
        ("cpu", Ok(0)) => Ok(Device::Cpu),
        ("cuda", Ok(number)) => Device::new_cuda(number).map_err(|error| failed(error.to_string())),
        _ => Err(failed("devices are cpu, cuda and cuda:N".to_owned())),
    }
}
