//! Photos that settings are compared on: all of a set, or a part of its groups.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::super::features::Features;
use super::super::ground_truth::GroundTruth;
use super::super::metrics::Metric;
use super::super::ranking::outcomes;
use super::super::rerank::Reranked;
use super::rule::Values;
use crate::descriptor::{DescriptorSpec, Matrix};
use crate::error::Result;
use crate::photo::Preprocess;
use crate::ranking::Ranking;

/// What a tuning chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub spec: DescriptorSpec,
    /// Which of the looks.
    pub look: usize,
    pub ranking: Ranking,
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

    /// What its queries measure.
    pub fn values(&self, setting: &Setting) -> Result<Values> {
        self.tried.set(self.tried.get() + 1);
        let all = self.looks.joined(setting.look, &setting.spec)?;
        let descriptors = all.as_vectors().select(&self.rows);
        let reranked = Reranked::new(&self.truth, descriptors.as_vectors(), setting.ranking);
        let outcomes = outcomes(&self.truth, &reranked);
        let of = |metric: Metric| outcomes.iter().map(|it| metric.of(it)).collect();
        Ok(Values {
            metric: of(self.metric),
            first: of(Metric::Recall(1)),
        })
    }
}
