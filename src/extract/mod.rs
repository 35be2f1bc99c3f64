//! Photo to descriptor: decode, preprocess, batch, forward, pool, project, normalize.

#[cfg(test)]
pub(crate) mod faults;
mod fingerprint;
mod forward;
mod pieces;
mod spare;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::fingerprint::{architecture_of, fingerprint};
use self::fingerprint::{fingerprint_of, heads_of};
use self::forward::{Forward, Joined};
use self::pieces::Room;
use self::spare::Spare;
use crate::backbone::Placement;
use crate::caught::caught;
use crate::descriptor::{Descriptor, DescriptorSpec, Fingerprint, Recipe, Whitening};
use crate::error::{DescriptorError, Error, NetworkError, PhotoError, Result};
use crate::photo::{Facts, Photo, Picture, Pixels, Preprocess};
use crate::weights::{Part, WeightsFile};

/// Pictures that a GPU runs at once, if it has the memory.
const GPU_BATCH: usize = 64;

/// What describes photos: a network, where it is tapped, and what is done to the pictures before.
pub struct Extractor {
    forward: Forward,
    /// What goes on where the device fails, if whoever asked takes any.
    spare: Option<Spare>,
    room: Room,
    whitening: Option<Whitening>,
    fingerprint: Arc<Fingerprint>,
    weights: PathBuf,
    choice: Option<String>,
    found: Option<String>,
}

/// The pooled vectors of a spec's parts behind their projections, as they come: neither normalized nor
/// weighted.
pub type Pooled = Vec<Vec<f32>>;

impl Extractor {
    /// Loads the part of the network that the recipe needs from the weights file, to where it shall
    /// run. The recipe names a model of the catalogue or, for a network of one's own, its
    /// architecture. Layers of the file that it names are put behind its poolings, and stand in
    /// [`Extractor::spec`] by their shortest names; a whitening is not: see [`Extractor::whitened`].
    ///
    /// # Errors
    /// [`FetchError::UnknownModel`], [`NetworkError::UnknownLayer`],
    /// [`DescriptorError::SizeNotFixed`] for direct activations of pictures of any size,
    /// and whatever can be wrong with the weights or the device.
    ///
    /// [`FetchError::UnknownModel`]: crate::error::FetchError::UnknownModel
    pub fn load(recipe: &Recipe, weights: &Path, placement: &Placement) -> Result<Self> {
        Self::load_part(recipe, weights, &Part::default(), placement)
    }

    /// The same from a part of the file, where it has more than one network; or from several files
    /// that are one: see [`WeightsFile::open`].
    ///
    /// # Errors
    /// As [`Extractor::load`]; [`WeightsError::NoPart`](crate::error::WeightsError).
    pub fn load_part(
        recipe: &Recipe,
        weights: &Path,
        part: &Part,
        placement: &Placement,
    ) -> Result<Self> {
        let file = WeightsFile::open_part(weights, part)?;
        let (network, fit) = architecture_of(&recipe.spec.model)?.found_in(&file)?;
        let heads = heads_of(recipe, &network, (&fit, &file))?;
        let fingerprint = fingerprint_of(recipe, &heads, &file)?;
        let load = |placement: &Placement| {
            Forward::load(&fingerprint, (&network, &heads), &file, placement)
        };
        let spare = || Spare::new(&fingerprint, weights, part);
        let (forward, spare) = match load(placement) {
            Ok(forward) => (forward, placement.falls_back().then(spare)),
            Err(error) if placement.falls_back() && is_of_device(&error) => {
                let spare = spare();
                spare.take_over(&error.to_string());
                (load(&Placement::cpu())?, Some(spare))
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            forward,
            spare,
            room: Room::default(),
            whitening: None,
            fingerprint: Arc::new(fingerprint),
            weights: weights.to_owned(),
            choice: fit.choice(),
            found: heads.found(&recipe.spec),
        })
    }

    /// The same on a device that fails when told to.
    #[cfg(test)]
    pub(crate) fn failing(mut self, faults: faults::Faults) -> Self {
        self.forward.faults = Some(faults);
        self
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

    /// The file that its weights came from.
    #[must_use]
    pub fn weights(&self) -> &Path {
        &self.weights
    }

    /// Which of several networks in the file was taken, where others would have fit as well.
    #[must_use]
    pub fn choice(&self) -> Option<&str> {
        self.choice.as_deref()
    }

    /// What the file has where the recipe left that open: projections called `auto`, and exponents.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// Where it runs.
    #[must_use]
    pub const fn placement(&self) -> &Placement {
        self.forward.backbone.placement()
    }

    /// Why the device that was loaded for is used no more, if the CPU goes on in its place.
    #[must_use]
    pub fn lost_device(&self) -> Option<&str> {
        self.spare.as_ref().and_then(Spare::reason)
    }

    /// How many pictures are best given to [`Extractor::describe_all`] at once.
    #[must_use]
    pub fn batch(&self) -> usize {
        if self.placement().takes_batches() {
            GPU_BATCH
        } else {
            1
        }
    }

    /// Threads for each of several callers at once on a CPU: one, since they are the threads. What is
    /// fed in batches is fed by one.
    #[must_use]
    pub fn threads_of_a_worker(&self) -> usize {
        if self.placement().takes_batches() {
            self.forward.backbone.threads()
        } else {
            1
        }
    }

    /// Decodes a photo as far as its descriptor needs it: a JPEG much larger than the network's
    /// input at reduced size, and of a HEIC in tiles those that the network sees; the others are grey.
    ///
    /// # Errors
    /// Whatever is wrong with the photo: see [`Photo::decode_for`].
    pub fn decode(&self, photo: &Photo) -> Result<Picture, PhotoError> {
        photo.decode_for(&self.preprocess().rendering())
    }

    /// The same, and what is known of the photo, from one decoding: the picture is as that of
    /// [`Extractor::decode`], but for what the network does not see.
    ///
    /// # Errors
    /// As [`Extractor::decode`].
    pub fn decode_with_facts(&self, photo: &Photo) -> Result<(Picture, Facts), PhotoError> {
        photo.decode_with_facts(&self.preprocess().rendering())
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
        Ok(self.describe_present(photo)?.0)
    }

    /// The photo's descriptor, and the part of the picture that its file has.
    pub(crate) fn describe_present(&self, photo: &Photo) -> Result<(Descriptor, f32)> {
        // Decoding too takes a core, and one at a time is enough of a caller.
        let _core = self.forward.backbone.take_core();
        let picture = self.decode(photo)?;
        let descriptor = self.describe_pixels(self.pixels(&picture)?)?;
        Ok((descriptor, picture.present))
    }

    /// The descriptor of a decoded picture.
    ///
    /// # Errors
    /// As [`Extractor::pixels`] and [`Extractor::describe`].
    pub fn describe_picture(&self, picture: &Picture) -> Result<Descriptor> {
        let _core = self.forward.backbone.take_core();
        self.describe_pixels(self.pixels(picture)?)
    }

    fn describe_pixels(&self, pixels: Pixels) -> Result<Descriptor> {
        let mut described = self.describe_all(&[pixels]);
        let none = || Err(DescriptorError::ZeroDescriptor.into());
        described.pop().unwrap_or_else(none)
    }

    /// One result per picture, in order; those of equal size go through the network together, and in
    /// pieces where the device has not the memory for all.
    #[must_use]
    pub fn describe_all(&self, pixels: &[Pixels]) -> Vec<Result<Descriptor>> {
        self.describe_all_in(pixels, self.forward.backbone.threads())
    }

    /// The same in so many threads on a CPU: one, for those that describe in several at once.
    #[must_use]
    pub fn describe_all_in(&self, pixels: &[Pixels], threads: usize) -> Vec<Result<Descriptor>> {
        let joined = self.each(pixels, |forward, group| forward.joined(group, threads));
        let finished = |joined: Result<Joined, NetworkError>| Ok(self.finish(joined?)?);
        joined.into_iter().map(finished).collect()
    }

    /// For each picture what is pooled of it.
    #[must_use]
    pub fn pool_all_in(
        &self,
        pixels: &[Pixels],
        threads: usize,
    ) -> Vec<Result<Pooled, NetworkError>> {
        self.each(pixels, |forward, group| forward.pooled(group, threads))
    }

    fn each<T>(
        &self,
        pixels: &[Pixels],
        run: impl Fn(&Forward, &[Pixels]) -> Result<Vec<T>, NetworkError>,
    ) -> Vec<Result<T, NetworkError>> {
        let same_size = |a: &Pixels, b: &Pixels| (a.height, a.width) == (b.height, b.width);
        let groups = pixels.chunk_by(same_size);
        let all = groups.flat_map(|group| {
            self.room.run(group, |piece| {
                let done = caught(|| self.on_device(|forward| run(forward, piece)));
                let gave_up = |reason: String| NetworkError::Tensor {
                    source: reason.into(),
                };
                done.unwrap_or_else(|reason| Err(gave_up(reason)))
            })
        });
        all.collect()
    }

    /// Where the device is lost the spare goes on, if there is one.
    fn on_device<T>(
        &self,
        run: impl Fn(&Forward) -> Result<T, NetworkError>,
    ) -> Result<T, NetworkError> {
        let lost = match &self.spare {
            Some(spare) if spare.reason().is_some() => spare,
            spare => match (run(&self.forward), spare) {
                (Err(NetworkError::DeviceLost { source }), Some(spare)) => {
                    spare.take_over(&source.to_string());
                    spare
                }
                (result, _) => return result,
            },
        };
        if self.placement().takes_batches() {
            run(lost.forward()?)
        } else {
            run(&self.forward)
        }
    }

    fn finish(&self, joined: Joined) -> Result<Descriptor, DescriptorError> {
        let joined = joined?;
        let vector = match &self.whitening {
            Some(whitening) => whitening.apply(joined.as_slice())?,
            None => joined,
        };
        Descriptor::new(vector, &self.fingerprint)
    }
}

/// Whether it is the device's fault, and a CPU would do.
const fn is_of_device(error: &Error) -> bool {
    matches!(
        error,
        Error::Network(
            NetworkError::Tensor { .. }
                | NetworkError::OutOfMemory { .. }
                | NetworkError::DeviceLost { .. }
        )
    )
}
