//! One query, from its examples to its answer.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::answer::{Answer, Asked, PassedOver};
use super::example::{Example, Source};
use super::searcher::Searcher;
use crate::descriptor::Descriptor;
use crate::document::Place;
use crate::error::{DescriptorError, Error, GalleryError, PhotoError, Result};
use crate::gallery::{Filter, Match, MinSize, Period, SearchOptions, Snapshot, Within, tag_name};
use crate::photo::{ContentHash, Exclude, Photo, Picture, Region, absolute, modified_of, walk};
use crate::ranking::{Expansion, Ranking};

/// What an example counts that photos shall be unlike, against 1 for one that they shall be like.
pub const UNLIKE_WEIGHT: f32 = 0.5;

/// A query in the making: examples, and how to answer. [`Query::run`] asks.
///
/// What is asked with is one vector: each example is a vector of length 1 (of a folder, the mean of
/// its pictures' scaled to length 1), multiplied by its weight; those that photos shall be unlike are
/// subtracted; the sum is scaled to length 1 again. So with weights w and u an answer's similarity is
/// proportional to Σ w·cos(photo, like) − Σ u·cos(photo, unlike).
#[derive(Clone)]
#[must_use = "nothing is asked before `run`"]
pub struct Query<'a> {
    searcher: &'a Searcher,
    snapshot: Arc<Snapshot>,
    terms: Vec<(f32, Descriptor)>,
    asked: Vec<Asked>,
    not_itself: bool,
    existing: bool,
    options: SearchOptions,
}

impl Searcher {
    /// Asks for photos like this picture: a path of a file or of a folder (all its pictures), the
    /// bytes of a file, a decoded picture, a descriptor, or part of one ([`Example::region`]). A
    /// photo of the gallery that has not changed is not looked at again.
    ///
    /// # Errors
    /// Whatever is wrong with the picture: see [`Photo::read`] and
    /// [`Extractor::describe`](crate::Extractor::describe); as [`Searcher::extractor`].
    pub fn like(&self, example: impl Into<Example>) -> Result<Query<'_>> {
        self.query().like(example)
    }

    /// A query that asks for nothing yet.
    pub fn query(&self) -> Query<'_> {
        Query::new(self)
    }
}

impl<'a> Query<'a> {
    fn new(searcher: &'a Searcher) -> Self {
        Self {
            snapshot: searcher.snapshot(),
            searcher,
            terms: Vec::new(),
            asked: Vec::new(),
            not_itself: false,
            existing: false,
            options: SearchOptions::default(),
        }
    }

    /// Photos shall be like this one too.
    ///
    /// # Errors
    /// As [`Searcher::like`].
    pub fn like(self, example: impl Into<Example>) -> Result<Self> {
        self.weighted(1.0, example)
    }

    /// Photos shall be unlike this one: it counts −[`UNLIKE_WEIGHT`].
    ///
    /// # Errors
    /// As [`Searcher::like`].
    pub fn unlike(self, example: impl Into<Example>) -> Result<Self> {
        self.weighted(-UNLIKE_WEIGHT, example)
    }

    /// Photos shall be like this one as much as the weight says beside the others', or unlike it
    /// where the weight is below 0.
    ///
    /// # Errors
    /// As [`Searcher::like`].
    pub fn weighted(mut self, weight: f32, example: impl Into<Example>) -> Result<Self> {
        let (descriptor, asked) = self.describe(example.into(), weight)?;
        self.terms.push((weight, descriptor));
        self.asked.push(asked);
        Ok(self)
    }

    /// The most matches wanted; 10 unless it is said.
    pub const fn k(mut self, k: usize) -> Self {
        self.options.k = k;
        self
    }

    /// Leaves out matches below this cosine, −1 … 1.
    pub const fn min_similarity(mut self, lowest: f32) -> Self {
        self.options.min_similarity = Some(lowest);
        self
    }

    /// Says of each match how many unrelated photos would be expected to be as similar, and leaves out those
    /// with more than `most`.
    pub const fn most_expected(mut self, most: f64) -> Self {
        self.options.most_expected = Some(most);
        self
    }

    /// Compares with every photo, however many there are.
    pub const fn exact(mut self) -> Self {
        self.options.exact = true;
        self
    }

    /// Candidates of the approximate search: more find more and take longer.
    pub const fn ef_search(mut self, candidates: usize) -> Self {
        self.options.ef_search = Some(candidates);
        self
    }

    /// Ranks otherwise than the gallery does.
    pub const fn ranking(mut self, ranking: Ranking) -> Self {
        self.options.ranking = Some(ranking);
        self
    }

    /// Ranks as the gallery does, with the query moved towards its nearest besides.
    pub fn expand(mut self, expansion: Expansion) -> Self {
        let ranking = self.ranking_used();
        self.options.ranking = Some(Ranking {
            expand: Some(expansion),
            ..ranking
        });
        self
    }

    fn ranking_used(&self) -> Ranking {
        let own = self.options.ranking;
        own.unwrap_or_else(|| self.snapshot.ranking())
    }

    /// Leaves out the examples themselves: photos with the bytes of one.
    pub const fn not_itself(mut self) -> Self {
        self.not_itself = true;
        self
    }

    /// Finds photos that pass this filter alone; there are as many answers as without.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.options.filter = filter;
        self
    }

    /// Finds photos alone that lie there, or at one of the places said before.
    pub fn within(mut self, place: Within) -> Self {
        self.options.filter.within.push(place);
        self
    }

    /// Finds photos alone that were taken in this period or later.
    pub const fn since(mut self, period: Period) -> Self {
        self.options.filter.since = Some(period);
        self
    }

    /// Finds photos alone that were taken in this period or earlier.
    pub const fn until(mut self, period: Period) -> Self {
        self.options.filter.until = Some(period);
        self
    }

    /// Finds photos alone that are at least so large.
    pub const fn min_size(mut self, size: MinSize) -> Self {
        self.options.filter.min_size = Some(size);
        self
    }

    /// Finds photos alone that have this tag, and all that were said before.
    ///
    /// # Errors
    /// [`GalleryError::InvalidFilter`] for what no tag is called.
    pub fn tag(mut self, name: impl AsRef<str>) -> Result<Self> {
        self.options.filter.tags.push(tag_name(name.as_ref())?);
        Ok(self)
    }

    /// Leaves out photos that are gone from the disk; there are as many answers as without.
    pub const fn existing(mut self) -> Self {
        self.existing = true;
        self
    }

    /// Asks.
    ///
    /// # Errors
    /// [`DescriptorError::CancelledOut`], if there are no examples too.
    pub fn run(mut self) -> Result<Answer> {
        if self.not_itself {
            let contents = self.asked.iter().flat_map(|asked| &asked.contents);
            self.options.without = contents.copied().collect();
        }
        let terms: Vec<_> = self.terms.iter().map(|(w, one)| (*w, one)).collect();
        let query = Descriptor::weighted_sum(&terms).map_err(|error| match error {
            DescriptorError::ZeroDescriptor => DescriptorError::CancelledOut,
            error => error,
        })?;
        let matches = match self.matches(&query) {
            // A block is checked when it is first touched.
            Err(damage @ Error::Gallery(GalleryError::DamagedSnapshot { .. })) => {
                self.snapshot = self.searcher.mended(&damage)?;
                self.matches(&query)?
            }
            matches => matches?,
        };
        Ok(Answer {
            matches,
            ranking: self.ranking_used(),
            queries: self.asked,
        })
    }

    fn matches(&self, query: &Descriptor) -> Result<Vec<Match>> {
        let mut options = self.options.clone();
        loop {
            let mut matches = self.snapshot.search(query, &options)?;
            if !self.existing {
                return Ok(matches);
            }
            let found = matches.len();
            matches.retain(Match::exists);
            if matches.len() >= self.options.k || found < options.k {
                matches.truncate(self.options.k);
                return Ok(matches);
            }
            options.k = options.k.saturating_mul(2);
        }
    }

    fn describe(&self, example: Example, weight: f32) -> Result<(Descriptor, Asked)> {
        if !self.searcher.overrides.leave_all_as_it_is() {
            // What is asked for must agree with the gallery, be it needed or not.
            self.searcher.extractor_of(&self.snapshot)?;
        }
        let mut asked = Asked {
            place: Place::nowhere("-"),
            weight,
            present: 1.0,
            contents: Vec::new(),
            skipped: Vec::new(),
        };
        let region = example.region;
        let descriptor = match example.source {
            Source::Path(path) => {
                asked.place = Place::of(&path);
                if path.is_dir() {
                    self.describe_folder(&path, region, &mut asked)?
                } else {
                    self.describe_file(&path, region, &mut asked)?
                }
            }
            Source::Photo(photo) => {
                if photo.path() != Path::new("-") {
                    asked.place = Place::of(photo.path());
                }
                self.describe_photo(&photo, region, &mut asked)?
            }
            Source::Picture(picture) => self.describe_picture(&picture, region)?,
            Source::Descriptor(descriptor) => descriptor,
        };
        descriptor.check(self.snapshot.fingerprint())?;
        Ok((descriptor, asked))
    }

    /// The mean of the folder's pictures. Those that have no descriptor are told.
    fn describe_folder(
        &self,
        folder: &Path,
        region: Option<Region>,
        asked: &mut Asked,
    ) -> Result<Descriptor> {
        let walked = walk(&[folder.to_owned()], &Exclude::default());
        let mut skipped: Vec<(PathBuf, Error)> = Vec::new();
        let mut descriptors = Vec::new();
        for found in walked.found {
            match self.describe_file(&found.path, region, asked) {
                Ok(descriptor) => descriptors.push(descriptor),
                Err(error) => skipped.push((found.path, error)),
            }
        }
        let problems = walked.problems.into_iter();
        skipped.extend(problems.map(|(path, error)| (path, error.into())));
        if descriptors.is_empty() {
            let path = folder.to_owned();
            let none = || PhotoError::NoPictures { path }.into();
            return Err(skipped
                .into_iter()
                .next()
                .map_or_else(none, |(_, error)| error));
        }
        let told = skipped.into_iter().map(|(path, error)| PassedOver {
            place: Place::of(&path),
            reason: error.to_string(),
        });
        asked.skipped.extend(told);
        let terms: Vec<_> = descriptors.iter().map(|one| (1.0, one)).collect();
        Ok(Descriptor::weighted_sum(&terms)?)
    }

    fn describe_file(
        &self,
        path: &Path,
        region: Option<Region>,
        asked: &mut Asked,
    ) -> Result<Descriptor> {
        if region.is_none()
            && let Some((content, descriptor)) = self.known(path)
        {
            asked.contents.push(content);
            return Ok(descriptor);
        }
        self.describe_photo(&Photo::read_any(path)?, region, asked)
    }

    /// The descriptor that the gallery has of the photo at this path, if the file has not changed
    /// since or is gone.
    fn known(&self, path: &Path) -> Option<(ContentHash, Descriptor)> {
        let state = match fs::metadata(path) {
            Ok(metadata) => Some((metadata.len(), modified_of(&metadata))),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => return None,
        };
        let full = absolute(path).or_else(|_| std::path::absolute(path)).ok()?;
        let (record, vector) = self.snapshot.find(&full, state)?;
        let descriptor = self.snapshot.descriptor(vector)?;
        Some((record.hash, descriptor))
    }

    fn describe_photo(
        &self,
        photo: &Photo,
        region: Option<Region>,
        asked: &mut Asked,
    ) -> Result<Descriptor> {
        asked.contents.push(photo.hash());
        match region {
            None => {
                let extractor = self.searcher.extractor_of(&self.snapshot)?;
                let (descriptor, present) = extractor.describe_present(photo)?;
                asked.present = asked.present.min(present);
                Ok(descriptor)
            }
            Some(region) => {
                let extractor = self.searcher.extractor_of(&self.snapshot)?;
                let whole = extractor.preprocess().rendering().in_full();
                let picture = photo.decode_for(&whole)?;
                asked.present = asked.present.min(picture.present);
                let part = region.cut(&picture);
                let part = part.map_err(|error| error.of_file(photo.path()))?;
                self.describe_picture(&part, None)
            }
        }
    }

    fn describe_picture(&self, picture: &Picture, region: Option<Region>) -> Result<Descriptor> {
        let extractor = self.searcher.extractor_of(&self.snapshot)?;
        match region {
            None => extractor.describe_picture(picture),
            Some(region) => extractor.describe_picture(&region.cut(picture)?),
        }
    }
}
