//! From a recipe, and where its numbers come from, to an extractor that runs.
//!
//! What a gallery or a whitening was made with is known by its [`Fingerprint`]; what somebody asks
//! for beside it is an [`Overrides`]. The two together say which weights are loaded, and an extractor
//! that would make other descriptors than the gallery's is never returned.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::backbone::{Architecture, Placement, Precision};
use crate::descriptor::{DescriptorSpec, Fingerprint, Projection, Recipe, Whitening, default_spec};
use crate::error::{DescriptorError, Error, GalleryError, Result};
use crate::extract::{self, Extractor, architecture_of};
use crate::gallery::{Gallery, check_same, check_unprojected, whitening_of};
use crate::model::digest::Digests;
use crate::model::{self, FetchOptions, OnFetch};
use crate::ranking::{Expansion, Ranking};
use crate::spec_file::SpecFile;
use crate::weights::Part;

/// The model that is taken where none is named: small, quick on a CPU, freely licensed.
pub const DEFAULT_MODEL: &str = "efficientnet_lite0";

/// How a new gallery's photos are ranked where neither a spec nor a ranking is named: with the default
/// model's descriptors each photo is moved towards its three nearest. Of what was measured on photos of
/// objects, textures and landmarks, alone and in one gallery, that is what gains on all and loses on none
/// (README, "Which layer?").
pub const DEFAULT_RANKING: Ranking = Ranking {
    augment: Some(Expansion {
        neighbors: 3,
        alpha: Expansion::ALPHA,
    }),
    ..Ranking::NONE
};

/// With how many values of each of the default model's descriptors a gallery is searched, along axes of its
/// own ([`Gallery::set_axes`]), where nothing is said: more find no more, fewer lose first answers.
pub const DEFAULT_AXES: usize = 384;

/// What is asked for. What is not said is as in the gallery or the whitening, or the model's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// A recipe in its one-line form, a model's name, or a spec file (`.json`); with an architecture
    /// the layers alone will do.
    pub recipe: Option<String>,
    /// The architecture of a network of one's own, whose weights are given too; or a known model's name,
    /// whose architecture and pictures it has.
    pub architecture: Option<String>,
    /// Layers of the file of weights that are put behind the pooling of the recipe's only layer, by their
    /// names: `embeddings.1`, `neck.bn,fc`, or `auto` for what is called as they usually are.
    pub projection_from: Option<String>,
    /// What changes of the preprocessing, e.g. `resize=320,crop=none`.
    pub preprocess: Option<String>,
    /// A file of weights instead of the model's published ones.
    pub weights: Option<PathBuf>,
    /// The part of that file that is meant, where it has several networks.
    pub part: Part,
    /// A file with a whitening.
    pub whitening: Option<PathBuf>,
    /// Where the network runs, as [`Placement::open`] takes it; nothing is `auto`.
    pub device: Option<String>,
    /// In which numbers; nothing is f32.
    pub precision: Option<Precision>,
}

/// What was asked for, with the files read that it names.
struct Request {
    overrides: Overrides,
    /// Before changes of the preprocessing.
    recipe: Option<Recipe>,
    /// Whether the recipe came with a preprocessing of its own.
    says_preprocess: bool,
    whitening: Option<Whitening>,
    /// The digest of the weights that a spec file was found with.
    tuned_with: Option<String>,
    /// Whether a spec file said which whitening there is, or that there is none.
    says_all: bool,
}

impl Overrides {
    /// Those that name a recipe only.
    #[must_use]
    pub fn of(recipe: &Recipe) -> Self {
        Self {
            recipe: Some(recipe.to_string()),
            ..Self::default()
        }
    }

    /// Whether nothing is asked for that decides a descriptor.
    #[must_use]
    pub fn leave_all_as_it_is(&self) -> bool {
        *self
            == Self {
                device: self.device.clone(),
                precision: self.precision,
                ..Self::default()
            }
    }

    /// The ranking that a spec file says.
    ///
    /// # Errors
    /// Whatever is wrong with the file.
    pub fn ranking(&self) -> Result<Option<Ranking>> {
        let file = self.recipe.as_deref().filter(|text| is_file(text));
        let file = file.map(|file| SpecFile::read(Path::new(file)));
        Ok(file.transpose()?.and_then(|file| file.ranking))
    }

    /// How a new gallery is ranked unless a ranking is asked for: as a spec file says; where nothing is said
    /// of a descriptor, [`DEFAULT_RANKING`].
    ///
    /// # Errors
    /// Whatever is wrong with the file.
    pub fn ranking_of_new(&self) -> Result<Ranking> {
        if self.say_nothing_of_descriptors() {
            return Ok(DEFAULT_RANKING);
        }
        Ok(self.ranking()?.unwrap_or_default())
    }

    /// With how many values a new gallery is searched unless it is asked for: [`DEFAULT_AXES`] where nothing
    /// is said of a descriptor, all otherwise.
    #[must_use]
    pub fn axes_of_new(&self) -> Option<usize> {
        self.say_nothing_of_descriptors().then_some(DEFAULT_AXES)
    }

    const fn say_nothing_of_descriptors(&self) -> bool {
        self.recipe.is_none()
            && self.architecture.is_none()
            && self.projection_from.is_none()
            && self.whitening.is_none()
    }

    /// The recipe that is asked for, or the default model's where none is.
    ///
    /// # Errors
    /// Whatever is wrong with a line of text or a spec file;
    /// [`FetchError::UnknownModel`](crate::error::FetchError).
    pub fn recipe(&self) -> Result<Recipe> {
        Request::read(self)?.recipe()
    }
}

impl Request {
    fn read(overrides: &Overrides) -> Result<Self> {
        let text = overrides.recipe.as_deref();
        let own = overrides.architecture.as_deref();
        let own = own.map(default_of_own).transpose()?;
        let mut request = Self {
            recipe: None,
            whitening: None,
            says_preprocess: text.is_some_and(|text| text.contains('@') || is_file(text)),
            tuned_with: None,
            says_all: text.is_some_and(is_file),
            overrides: overrides.clone(),
        };
        let mut whitening = overrides.whitening.clone();
        if let Some(file) = text.filter(|text| is_file(text)) {
            let file = SpecFile::read(Path::new(file))?;
            let plain = Recipe {
                projection: Projection::None,
                ..file.recipe
            };
            request.recipe = Some(of_text(own.as_ref(), &plain.to_string())?);
            request.tuned_with = file.weights;
            whitening = whitening.or(file.whitening);
        } else if let Some(text) = text {
            request.recipe = Some(of_text(own.as_ref(), text)?);
        } else {
            request.recipe = own;
        }
        request.whitening = whitening.map(|path| Whitening::load(&path)).transpose()?;
        Ok(request)
    }

    /// What the overrides leave open is as it was when the descriptors were made.
    fn fill(&mut self, known: &Fingerprint) {
        let made = known.recipe();
        match &mut self.recipe {
            Some(asked) if !self.says_preprocess => asked.preprocess = made.preprocess.clone(),
            Some(_) => {}
            none => *none = Some(made.clone()),
        }
        if self.overrides.weights.is_none() {
            let digests = Digests::in_folder(&FetchOptions::from_env().cache);
            if let Some((path, part)) = digests.find_weights(known.weights()) {
                self.overrides.weights = Some(path);
                self.overrides.part = part;
            }
        }
    }

    fn recipe(&self) -> Result<Recipe> {
        let recipe = match &self.recipe {
            Some(recipe) => recipe.clone(),
            None => Recipe::default_of(DEFAULT_MODEL)?,
        };
        let recipe = match &self.overrides.projection_from {
            Some(names) => projected_from(recipe, names)?,
            None => recipe,
        };
        match &self.overrides.preprocess {
            Some(keys) => recipe.with_preprocess(keys),
            None => Ok(recipe),
        }
    }

    fn weights(&self, recipe: &Recipe, on_fetch: OnFetch<'_>) -> Result<(PathBuf, Part)> {
        if let Some(file) = &self.overrides.weights {
            return Ok((file.clone(), self.overrides.part.clone()));
        }
        let digests = Digests::in_folder(&FetchOptions::from_env().cache);
        let tuned_with = self.tuned_with.as_deref();
        if let Some(known) = tuned_with.and_then(|digest| digests.find_weights(digest)) {
            return Ok(known);
        }
        let model = model::find(&recipe.spec.model)?;
        let fetched = model::fetch::weights(model, &FetchOptions::from_env(), on_fetch)?;
        Ok((fetched, Part::default()))
    }

    /// The extractor, without a whitening.
    fn load(&self, on_fetch: OnFetch<'_>) -> Result<Extractor> {
        let recipe = self.recipe()?;
        let (weights, part) = self.weights(&recipe, on_fetch)?;
        let device = self.overrides.device.as_deref().unwrap_or("auto");
        let precision = self.overrides.precision.unwrap_or_default();
        let placement = Placement::open(device, precision)?;
        let extractor = Extractor::load_part(&recipe, &weights, &part, &placement)?;
        // Whoever names a file means it.
        if let (Some(tuned_with), None) = (&self.tuned_with, &self.overrides.weights) {
            let found = extractor.fingerprint().weights();
            if found != tuned_with {
                return Err(DescriptorError::TunedOtherwise {
                    tuned: tuned_with.clone(),
                    found: found.to_owned(),
                }
                .into());
            }
        }
        Ok(extractor)
    }
}

/// The recipe of an architecture; or of a known model, timm's too, whose weights are one's own.
fn default_of_own(name: &str) -> Result<Recipe> {
    match (Architecture::find(name), model::find(name)) {
        (Ok(architecture), _) => Recipe::of(default_spec(architecture)),
        (Err(_), Ok(model)) => Recipe::default_of(model.name),
        (Err(unknown), Err(_)) => Err(unknown.into()),
    }
}

/// A recipe's line; of a network of one's own `LAYER…` alone too.
fn of_text(own: Option<&Recipe>, text: &str) -> Result<Recipe> {
    let Some(own) = own else {
        return text.parse();
    };
    let model = &own.spec.model;
    let (spec, keys) = text.split_once('@').unwrap_or((text, ""));
    let recipe = if spec == model {
        own.clone()
    } else if spec.contains(':') {
        Recipe::of(spec.parse()?)?
    } else {
        Recipe::of(format!("{model}:{spec}").parse()?)?
    };
    if recipe.spec.model != *model {
        return Err(DescriptorError::InvalidSpec {
            spec: text.to_owned(),
            reason: "it is of another network than `--arch`",
        }
        .into());
    }
    recipe.with_stored_preprocess(keys)
}

fn is_file(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|end| end == "json")
}

/// Loads what is asked for, without a whitening.
///
/// # Errors
/// As [`Extractor::load`] and [`model::fetch::weights`]; whatever is wrong with what is asked for.
pub fn plain(overrides: &Overrides, on_fetch: OnFetch<'_>) -> Result<Extractor> {
    let overrides = Overrides {
        whitening: None,
        ..overrides.clone()
    };
    Request::read(&overrides)?.load(on_fetch)
}

/// Loads what is asked for. What is left open the whitening says, if there is one.
///
/// # Errors
/// As [`plain`]; [`DescriptorError::NoProjection`] if the recipe names a whitening and none is given;
/// as [`Extractor::whitened`].
pub fn extractor(overrides: &Overrides, on_fetch: OnFetch<'_>) -> Result<Extractor> {
    let mut request = Request::read(overrides)?;
    let Some(whitening) = request.whitening.take() else {
        return match request.recipe()?.projection {
            Projection::None => request.load(on_fetch),
            Projection::Whitening => Err(DescriptorError::NoProjection.into()),
        };
    };
    if let Some(fitted_on) = &whitening.origin().fingerprint {
        request.fill(fitted_on);
    }
    Ok(request.load(on_fetch)?.whitened(whitening)?)
}

/// Loads what the gallery in `dir` was made with. What is asked for besides must agree with it.
///
/// # Errors
/// As [`extractor`]; [`GalleryError::SpecMismatch`], which names what differs;
/// [`GalleryError::LostWhitening`].
pub fn extractor_of(
    dir: &Path,
    gallery: &Fingerprint,
    overrides: &Overrides,
    on_fetch: OnFetch<'_>,
) -> Result<Extractor> {
    let mut request = Request::read(overrides)?;
    request.fill(gallery);
    // Before any weights are loaded: those of another network do not fit at all.
    let mut recipe = canonical(&request.recipe()?)?;
    leave_to_the_file(&mut recipe.spec, gallery.spec());
    check_unprojected(gallery, &gallery.by(recipe))?;
    let extractor = request.load(on_fetch)?;
    check_unprojected(gallery, extractor.fingerprint())?;
    let whitening = match request.whitening {
        None if !request.says_all => whitening_of(dir, gallery)?,
        whitening => whitening,
    };
    let extractor = match whitening {
        Some(whitening) => extractor.whitened(whitening)?,
        None => extractor,
    };
    check_same(gallery, extractor.fingerprint())?;
    Ok(extractor)
}

impl Gallery {
    /// Opens the gallery in `dir`, or makes one for what the recipe describes with the published
    /// weights of its model, which are fetched if need be.
    ///
    /// # Errors
    /// [`GalleryError::SpecMismatch`] if it was made by another recipe;
    /// [`DescriptorError::NoProjection`] for a new one behind a whitening, which
    /// [`Gallery::create_or_open_with`] makes; as [`Gallery::open`] and [`model::fetch::weights`].
    pub fn create_or_open(dir: impl AsRef<Path>, recipe: &Recipe) -> Result<Self> {
        let dir = dir.as_ref();
        let known = match Self::open(dir) {
            Ok(gallery) => {
                let made_with = gallery.fingerprint();
                let asked = made_with.by(canonical(recipe)?);
                check_same(made_with, &asked)?;
                return Ok(gallery);
            }
            Err(Error::Gallery(GalleryError::NoGallery { .. })) => recipe,
            Err(error) => return Err(error),
        };
        if known.projection != Projection::None {
            return Err(DescriptorError::NoProjection.into());
        }
        let model = model::find(&known.spec.model)?;
        let weights = model::fetch::weights(model, &FetchOptions::from_env(), &mut |_| {
            ControlFlow::Continue(())
        })?;
        Self::open_or_create(dir, &extract::fingerprint(known, &weights)?)
    }

    /// Opens the gallery in `dir`, or makes one for what this extractor describes.
    ///
    /// # Errors
    /// [`GalleryError::SpecMismatch`] if it was made otherwise; as
    /// [`Gallery::open_or_create_whitened`].
    pub fn create_or_open_with(dir: impl AsRef<Path>, extractor: &Extractor) -> Result<Self> {
        let (made_with, whitening) = (extractor.fingerprint(), extractor.whitening());
        Self::open_or_create_whitened(dir.as_ref(), made_with, whitening)
    }
}

/// The recipe with these layers behind its pooling; GAP where nothing is said of that, which layers behind
/// it are mostly trained on.
fn projected_from(mut recipe: Recipe, names: &str) -> Result<Recipe> {
    let usual = Recipe::default_of(&recipe.spec.model);
    if let Some(first) = recipe.spec.parts.first()
        && usual.is_ok_and(|usual| usual.spec == recipe.spec)
    {
        recipe.spec = DescriptorSpec::gap(&recipe.spec.model, &first.layer);
    }
    let invalid = |spec: &DescriptorSpec, reason| DescriptorError::InvalidSpec {
        spec: spec.to_string(),
        reason,
    };
    let [part] = recipe.spec.parts.as_slice() else {
        let reason = "of several layers each says its own projection: `LAYER/POOLING/NAME`";
        return Err(invalid(&recipe.spec, reason).into());
    };
    let part = part.clone().projected_from(names);
    recipe.spec.parts = vec![part.map_err(|reason| invalid(&recipe.spec, reason))?];
    Ok(recipe)
}

/// What only the weights can tell, is compared when they are there: names may be said in several ways.
fn leave_to_the_file(asked: &mut DescriptorSpec, made: &DescriptorSpec) {
    for (asked, made) in asked.parts.iter_mut().zip(&made.parts) {
        if !asked.head.is_empty() && !made.head.is_empty() {
            asked.head.clone_from(&made.head);
        }
        if asked.exponent.take().is_some() {
            asked.pooling = made.pooling;
        }
    }
}

/// The recipe with the network's own layer names.
fn canonical(recipe: &Recipe) -> Result<Recipe> {
    let network = architecture_of(&recipe.spec.model)?.network();
    Ok(Recipe {
        spec: recipe.spec.clone().resolve(&network)?,
        ..recipe.clone()
    })
}
