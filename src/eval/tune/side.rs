//! Photos that settings are compared on: all of a set, or a part of its groups.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::super::features::Features;
use super::super::ground_truth::GroundTruth;
use super::super::metrics::Metric;
use super::super::ranking::outcomes;
use super::super::rerank::Reranked;
use super::fit::Fit;
use super::rule::Values;
use crate::descriptor::{DescriptorSpec, Matrix, WithinClasses};
use crate::error::{DescriptorError, Result};
use crate::photo::Preprocess;
use crate::ranking::Ranking;

/// What a tuning chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub spec: DescriptorSpec,
    /// Which of the looks.
    pub look: usize,
    pub ranking: Ranking,
    /// What descriptors go through; fitted where it was chosen.
    pub fit: Option<Fit>,
}

impl Setting {
    /// What everything is compared with.
    pub fn plain(default: &DescriptorSpec) -> Self {
        Self {
            spec: default.clone(),
            look: 0,
            ranking: Ranking::NONE,
            fit: None,
        }
    }
}

/// The photos of a set by one network, each way of preprocessing a look.
pub struct Looks<'a> {
    pub preprocessings: &'a [Preprocess],
    pub features: Vec<Features<'a>>,
    joined: RefCell<HashMap<(usize, String), Rc<Matrix>>>,
}

impl<'a> Looks<'a> {
    pub fn new(preprocessings: &'a [Preprocess], features: Vec<Features<'a>>) -> Self {
        Self {
            preprocessings,
            features,
            joined: RefCell::default(),
        }
    }

    /// The descriptors of all photos.
    pub fn joined(&self, look: usize, spec: &DescriptorSpec) -> Result<Rc<Matrix>> {
        let key = (look, spec.to_string());
        if let Some(known) = self.joined.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let joined = Rc::new(self.features[look].joined(spec)?);
        self.joined.borrow_mut().insert(key, Rc::clone(&joined));
        Ok(joined)
    }
}

/// Some of the photos, with their queries.
pub struct Side<'a> {
    pub truth: GroundTruth,
    pub metric: Metric,
    pub looks: &'a Looks<'a>,
    /// Which of all photos are in it.
    pub rows: Vec<u32>,
    /// Settings that were looked at.
    pub tried: Cell<usize>,
}

impl<'a> Side<'a> {
    pub fn new(
        all: &GroundTruth,
        keep: &[bool],
        (metric, queries, seed): (Metric, usize, u64),
        looks: &'a Looks<'a>,
    ) -> Self {
        let rows = (0u32..).zip(keep).filter(|(_, keep)| **keep);
        Self {
            truth: all.restrict(keep).sample(queries, seed),
            metric,
            looks,
            rows: rows.map(|(row, _)| row).collect(),
            tried: Cell::new(0),
        }
    }

    pub fn groups(&self) -> Vec<u32> {
        self.truth.queries.iter().map(|query| query.group).collect()
    }

    /// Some of these photos.
    pub fn part(&self, keep: &[bool]) -> Self {
        let rows = self.rows.iter().zip(keep).filter(|(_, keep)| **keep);
        Self {
            truth: self.truth.restrict(keep),
            metric: self.metric,
            looks: self.looks,
            rows: rows.map(|(row, _)| *row).collect(),
            tried: Cell::new(0),
        }
    }

    /// How its photos differ within their groups; nothing where that cannot be said.
    pub fn within_classes(&self, setting: &Setting) -> Result<Option<WithinClasses>> {
        let items = self.truth.items.iter().zip(&self.rows);
        let labelled = items.filter_map(|(item, row)| Some((item.group?, *row)));
        let (groups, rows): (Vec<u32>, Vec<u32>) = labelled.unzip();
        let all = self.looks.joined(setting.look, &setting.spec)?;
        let descriptors = all.as_vectors().select(&rows);
        match WithinClasses::of(descriptors.as_vectors(), &groups) {
            Ok(fitted) => Ok(Some(fitted)),
            Err(DescriptorError::TooFewToWhiten { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What its queries measure by descriptors as they are, whatever the setting fits.
    pub fn values(&self, setting: &Setting) -> Result<Values> {
        self.values_by(setting, None)
    }

    /// What its queries measure through what the setting fits, fitted elsewhere.
    pub fn values_by(&self, setting: &Setting, fitted: Option<&WithinClasses>) -> Result<Values> {
        self.tried.set(self.tried.get() + 1);
        let all = self.looks.joined(setting.look, &setting.spec)?;
        let mut descriptors = all.as_vectors().select(&self.rows);
        if let Some((fit, fitted)) = setting.fit.zip(fitted) {
            descriptors = fit.apply(fitted, descriptors.as_vectors())?;
        }
        let reranked = Reranked::new(&self.truth, descriptors.as_vectors(), setting.ranking);
        let outcomes = outcomes(&self.truth, &reranked);
        let of = |metric: Metric| outcomes.iter().map(|it| metric.of(it)).collect();
        Ok(Values {
            metric: of(self.metric),
            first: of(Metric::Recall(1)),
        })
    }
}
