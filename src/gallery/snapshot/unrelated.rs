//! How similar photos of the gallery are that have nothing to do with each other.

use std::path::PathBuf;
use std::sync::PoisonError;

use rayon::prelude::*;

use super::{Around, Asking, SearchOptions, Snapshot};
use crate::descriptor::{dot, normalize_in_place};
use crate::ranking::{Neighborhood, Ranking, Unrelated};

/// Photos that are compared with each other.
const SAMPLE: usize = 640;
/// The share of pairs from different folders from which on those alone count, as unrelated ones.
const APART: f64 = 0.1;
/// Shares of the pairs that lie below the tail's ends: of different folders', and of all, among which related
/// ones are.
const TAIL: (f64, f64) = (0.9, 0.999);
const TAIL_OF_ALL: (f64, f64) = (0.5, 0.9);

/// A photo of the sample.
struct Sampled {
    vector: u32,
    folder: PathBuf,
    /// Its own, centred where the ranking centres.
    own: Vec<f32>,
    /// Moved towards its neighbours where the ranking augments.
    moved: Vec<f32>,
    /// What moved it.
    by: Vec<u32>,
    /// The mean of its first similarities where the ranking compares with them.
    near: f32,
}

impl Snapshot {
    /// The similarities of unrelated photos by a ranking, without what it does behind similarities
    /// ([`Ranking::plain`]); nothing where there are too few photos. What is asked again is told from a
    /// snapshot that was asked before.
    #[must_use]
    pub fn unrelated(&self, ranking: &Ranking) -> Option<Unrelated> {
        let ranking = ranking.plain();
        let known = self.unrelated.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = known.iter().find(|(of, _)| *of == ranking) {
            return *known;
        }
        let fitted = self.fit_unrelated(&ranking);
        known.push((ranking, fitted));
        fitted
    }

    fn fit_unrelated(&self, ranking: &Ranking) -> Option<Unrelated> {
        let sample = self.sample(ranking);
        let (mut apart, mut all) = (Vec::new(), Vec::new());
        let rows: Vec<Vec<(bool, f32)>> = sample
            .par_iter()
            .map(|query| self.row(ranking, query, &sample))
            .collect();
        for (is_apart, similarity) in rows.into_iter().flatten() {
            all.push(similarity);
            if is_apart {
                apart.push(similarity);
            }
        }
        let share = apart.len() as f64 / all.len().max(1) as f64;
        let others = self.len().saturating_sub(1) as f64;
        if share >= APART {
            Unrelated::fit(apart, TAIL, others * share)
        } else {
            Unrelated::fit(all, TAIL_OF_ALL, others)
        }
    }

    /// A photo's similarities to the others, each with whether they lie in different folders.
    fn row(&self, ranking: &Ranking, query: &Sampled, sample: &[Sampled]) -> Vec<(bool, f32)> {
        let others = sample.iter().filter(|other| other.vector != query.vector);
        let similarity = |other: &Sampled| {
            let plain = if other.by.contains(&query.vector) {
                // The query moves nothing towards itself.
                let without = self.moved(ranking, other.vector, Some(query.vector));
                dot(&query.own, &without?.0)
            } else {
                dot(&query.own, &other.moved)
            };
            Some(match ranking.csls {
                Some(_) => 2.0 * plain - other.near,
                None => plain,
            })
        };
        others
            .filter_map(|other| Some((other.folder != query.folder, similarity(other)?)))
            .collect()
    }

    fn sample(&self, ranking: &Ranking) -> Vec<Sampled> {
        let all = self.vector_count();
        let places: Vec<u32> = (0..all.min(SAMPLE))
            .map(|place| (place * all / all.min(SAMPLE)) as u32)
            .collect();
        let sampled = places.into_par_iter().filter_map(|vector| {
            let path = self.owners(vector as usize).next()?.path;
            let (moved, by) = self.moved(ranking, vector, None)?;
            let options = SearchOptions::default();
            let around = self.around(ranking, &options);
            let near = ranking.csls.map(|count| {
                let near = around.nearest(vector, count);
                let sum: f32 = near.iter().map(|it| it.similarity).sum();
                sum / near.len().max(1) as f32
            });
            Some(Sampled {
                vector,
                folder: path.parent()?.to_owned(),
                own: around.vector(vector)?,
                moved,
                by,
                near: near.unwrap_or(0.0),
            })
        });
        sampled.collect()
    }

    /// A photo's vector, moved towards its neighbours where the ranking augments, but for one; and these.
    fn moved(
        &self,
        ranking: &Ranking,
        vector: u32,
        without: Option<u32>,
    ) -> Option<(Vec<f32>, Vec<u32>)> {
        let options = SearchOptions::default();
        let around = self.around(ranking, &options);
        let Some(augment) = &ranking.augment else {
            return Some((around.vector(vector)?, Vec::new()));
        };
        let mut near = around.nearest(vector, augment.neighbors + usize::from(without.is_some()));
        near.retain(|it| Some(it.index) != without);
        let terms = augment.terms(vector, &near);
        let mut sum = around.sum(&terms);
        normalize_in_place(&mut sum).ok()?;
        Some((sum, terms[1..].iter().map(|(index, _)| *index).collect()))
    }

    fn around<'a>(&'a self, ranking: &Ranking, options: &'a SearchOptions) -> Around<'a> {
        let centre = ranking.centre.map(|share| self.centre(share));
        let query = vec![0.0; self.dimension()];
        let asking = Asking::of_everything(*ranking, options);
        Around::new(self, &asking, query, centre)
    }
}
