//! The order in which settings are tried, and which are taken.
//!
//! The gallery itself teaches most: neighbours come before layers. What the steps try was found on many
//! sets of photos, groups kept apart; each is taken by the rule on the photos at hand.

use std::ops::ControlFlow;

use super::report::TuneStep;
use super::rule::{Change, Values};
use super::search;
use super::side::{Setting, Side};
use crate::descriptor::{DescriptorSpec, Part, Pooling};
use crate::error::Result;
use crate::network::Network;
use crate::ranking::Ranking;

/// Neighbours in common, with more of them first: of equally good ones the larger is steadier.
const STRONG: [&str; 3] = [
    "centre=0.5,augment=3,k-reciprocal(20,6,0.3),keep-first=1",
    "centre=0.5,augment=3,k-reciprocal(10,3,0.3),keep-first=1",
    "centre=0.5,augment=3,k-reciprocal(5,2,0.3),keep-first=1",
];
/// Shares of the mean that are tried.
const CENTRES: [Option<f32>; 3] = [None, Some(0.5), Some(1.0)];
/// Rankings that are tried at the end, each with the centring found before.
const RANKINGS: [&str; 33] = [
    "none",
    "augment=2",
    "augment=3",
    "augment=5",
    "augment=10",
    "expand=3",
    "expand=5",
    "augment=3,expand=3",
    "augment=3,expand=5",
    "csls=5",
    "csls=20",
    "augment=3,csls=5",
    "augment=3,csls=20",
    "k-reciprocal(5,2,0.3),keep-first=1",
    "k-reciprocal(10,3,0.3),keep-first=1",
    "k-reciprocal(20,6,0.3),keep-first=1",
    "k-reciprocal(40,8,0.3),keep-first=1",
    "k-reciprocal(5,2,0.7),keep-first=1",
    "k-reciprocal(10,3,0.7),keep-first=1",
    "k-reciprocal(20,6,0.7),keep-first=1",
    "k-reciprocal(40,8,0.7),keep-first=1",
    "augment=3,k-reciprocal(5,2,0.3),keep-first=1",
    "augment=3,k-reciprocal(10,3,0.3),keep-first=1",
    "augment=3,k-reciprocal(20,6,0.3),keep-first=1",
    "augment=3,k-reciprocal(40,8,0.3),keep-first=1",
    "augment=5,k-reciprocal(5,2,0.3),keep-first=1",
    "augment=5,k-reciprocal(10,3,0.3),keep-first=1",
    "augment=5,k-reciprocal(20,6,0.3),keep-first=1",
    "augment=5,k-reciprocal(40,8,0.3),keep-first=1",
    "augment=10,k-reciprocal(5,2,0.3),keep-first=1",
    "augment=10,k-reciprocal(10,3,0.3),keep-first=1",
    "augment=10,k-reciprocal(20,6,0.3),keep-first=1",
    "augment=10,k-reciprocal(40,8,0.3),keep-first=1",
];
/// Of two means that differ by less than this the one tried first is taken.
const EQUAL: f64 = 0.0005;

/// Told of each step; when it breaks, the search ends.
pub type OnStep<'a> = &'a mut dyn FnMut(&TuneStep) -> ControlFlow<()>;

/// Where a search stands.
pub struct Reached {
    /// The step that led there, or that led nowhere else.
    pub by: &'static str,
    pub setting: Setting,
}

/// A search on one side.
pub struct Steps<'a> {
    side: &'a Side<'a>,
    groups: Vec<u32>,
    setting: Setting,
    values: Values,
    on_step: OnStep<'a>,
    is_stopped: bool,
    reached: Vec<Reached>,
}

impl<'a> Steps<'a> {
    /// What is best on this side, after each step; nothing if it was stopped.
    pub fn choose(
        side: &'a Side<'a>,
        default: &DescriptorSpec,
        network: &Network,
        on_step: OnStep<'a>,
    ) -> Result<Option<Vec<Reached>>> {
        let setting = Setting {
            spec: default.clone(),
            look: 0,
            ranking: Ranking::NONE,
        };
        let values = side.values(&setting)?;
        let mut steps = Self {
            groups: side.groups(),
            is_stopped: false,
            side,
            values,
            setting,
            on_step,
            reached: Vec::new(),
        };
        let plain = steps.step(
            "default",
            &steps.setting.clone(),
            Change::default(),
            steps.values.mean(),
        );
        steps.tell(&plain);
        let stages = stages(default, network);
        steps.start(&stages)?;
        steps.strong_start()?;
        steps.descriptor(&stages)?;
        steps.layers()?;
        steps.rankings()?;
        Ok((!steps.is_stopped).then_some(steps.reached))
    }

    /// GeM and R-MAC of the last stage added, and each photo moved towards its three nearest.
    fn start(&mut self, stages: &[String]) -> Result<()> {
        let start = |last: &String| Setting {
            spec: self.of_parts(&[(last, 1.0)]),
            ranking: parsed("augment=3"),
            ..self.setting.clone()
        };
        let starts = stages.first().map(start).into_iter().collect();
        self.try_all("start", starts, Change::is_no_loss)
    }

    /// The best of what neighbours in common give, unless it loses.
    fn strong_start(&mut self) -> Result<()> {
        let ranked = |ranking: &str| Setting {
            ranking: parsed(ranking),
            ..self.setting.clone()
        };
        let settings = STRONG.map(ranked);
        self.try_all("neighbours in common", settings.into(), Change::is_no_loss)
    }

    /// Earlier stages beside the last, each as it is and centred.
    fn descriptor(&mut self, stages: &[String]) -> Result<()> {
        let mut hybrids = vec![self.setting.spec.clone()];
        if let [last, before, ..] = stages {
            hybrids.push(self.of_parts(&[(last, 1.0), (before, 0.5)]));
            hybrids.push(self.of_parts(&[(last, 1.0), (before, 1.0)]));
        }
        if let [last, before, first, ..] = stages {
            hybrids.push(self.of_parts(&[(last, 1.0), (first, 0.5)]));
            hybrids.push(self.of_parts(&[(last, 1.0), (first, 0.7)]));
            hybrids.push(self.of_parts(&[(last, 1.0), (before, 0.7), (first, 0.5)]));
        }
        self.try_all(
            "hybrid",
            self.centred(hybrids, self.setting.look),
            Change::is_gain,
        )
    }

    /// Whatever layers, poolings, weights and sizes are best by themselves.
    fn layers(&mut self) -> Result<()> {
        if self.is_stopped {
            return Ok(());
        }
        let mut settings = Vec::new();
        for (look, spec) in search::best_of_looks(self.side, &self.setting.spec.model)? {
            settings.extend(self.centred(vec![spec], look));
        }
        self.try_all("layers, poolings and sizes", settings, Change::is_gain)
    }

    fn rankings(&mut self) -> Result<()> {
        let ranked = |ranking: &str| Setting {
            ranking: Ranking {
                centre: self.setting.ranking.centre,
                ..parsed(ranking)
            },
            ..self.setting.clone()
        };
        let settings = RANKINGS.iter().map(|ranking| ranked(ranking));
        self.try_all("ranking", settings.collect(), Change::is_gain)
    }

    /// Specs with the ranking as it is, by each centring.
    fn centred(&self, specs: Vec<DescriptorSpec>, look: usize) -> Vec<Setting> {
        let each = |spec: DescriptorSpec| {
            CENTRES.map(|centre| Setting {
                spec: spec.clone(),
                look,
                ranking: Ranking {
                    centre,
                    ..self.setting.ranking
                },
            })
        };
        specs.into_iter().flat_map(each).collect()
    }

    fn of_parts(&self, parts: &[(&String, f32)]) -> DescriptorSpec {
        let sum = |(layer, weight): &(&String, f32)| {
            let gem = Part {
                weight: *weight,
                ..Part::new(layer, Pooling::Gem { p: 1.5 })
            };
            let rmac = Part {
                weight: 0.7,
                added: true,
                ..Part::new(layer, Pooling::RMac)
            };
            [gem, rmac]
        };
        DescriptorSpec {
            parts: parts.iter().flat_map(sum).collect(),
            ..self.setting.spec.clone()
        }
    }

    /// Takes the best of these that may be taken.
    fn try_all(
        &mut self,
        what: &'static str,
        settings: Vec<Setting>,
        may_be_taken: fn(&Change) -> bool,
    ) -> Result<()> {
        let mut best: Option<(Setting, Values, Change)> = None;
        let mut nearest: Option<(Setting, Values, Change)> = None;
        for setting in settings {
            if self.is_stopped || setting == self.setting {
                continue;
            }
            let values = self.side.values(&setting)?;
            let change = Change::of(&self.groups, &self.values, &values);
            let place = if may_be_taken(&change) {
                &mut best
            } else {
                &mut nearest
            };
            let is_better = place
                .as_ref()
                .is_none_or(|(_, _, known)| change.gain > known.gain + EQUAL);
            if is_better {
                *place = Some((setting, values, change));
            }
        }
        if let Some((setting, values, change)) = best {
            let step = self.step(what, &setting, change, values.mean());
            (self.setting, self.values) = (setting, values);
            self.tell(&step);
        } else if let Some((setting, values, change)) = nearest {
            let mut step = self.step(what, &setting, change, values.mean());
            step.dropped = change.why_not();
            self.tell(&step);
        }
        self.reached.push(Reached {
            by: what,
            setting: self.setting.clone(),
        });
        Ok(())
    }

    fn step(&self, what: &'static str, setting: &Setting, change: Change, mean: f64) -> TuneStep {
        TuneStep {
            what,
            spec: setting.spec.clone(),
            preprocess: self.side.looks.preprocessings[setting.look].clone(),
            ranking: setting.ranking,
            mean,
            change,
            dropped: None,
        }
    }

    fn tell(&mut self, step: &TuneStep) {
        self.is_stopped |= (self.on_step)(step).is_break();
    }
}

fn parsed(ranking: &str) -> Ranking {
    ranking.parse().unwrap_or(Ranking::NONE)
}

/// The network's stages that may be joined, the last first: up to three, from the default's layer on.
fn stages(default: &DescriptorSpec, network: &Network) -> Vec<String> {
    let stages = network.layers().iter().filter(|layer| layer.ends_stage);
    let mut names: Vec<String> = stages.map(|layer| layer.name.clone()).collect();
    names.reverse();
    let last = default.parts.first().map(|part| &part.layer);
    let from = names
        .iter()
        .position(|name| Some(name) == last)
        .unwrap_or(0);
    names.into_iter().skip(from).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ranking_that_is_tried_is_one() {
        for ranking in RANKINGS.iter().chain(&STRONG) {
            assert_eq!(parsed(ranking).to_string(), *ranking);
        }
    }
}
