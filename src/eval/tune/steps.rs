//! The order in which settings are tried, and which are taken.
//!
//! The gallery itself teaches most: neighbours come before layers. What the steps try was found on many
//! sets of photos, groups kept apart; each is taken by the rule on the photos at hand.

use std::ops::ControlFlow;

use super::fit::Fit;
use super::report::TuneStep;
use super::rule::{Change, Values};
use super::search;
use super::side::{Setting, Side};
use super::splits::{self, Split};
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
/// The same of plain similarities: no first answer changes, so recall@1 does not.
const FIRST_KEPT: [&str; 4] = [
    "k-reciprocal(20,6,0.3),keep-first=1",
    "k-reciprocal(10,3,0.3),keep-first=1",
    "k-reciprocal(5,2,0.3),keep-first=1",
    "k-reciprocal(40,8,0.3),keep-first=1",
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
/// How far directions within groups are drawn in, where that is tried: less and less.
const WITHIN: [f32; 3] = [3.0, 10.0, 30.0];
/// The same where groups are told apart.
const DISCRIMINANT: f32 = 10.0;
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

/// What a search starts from, and what it may try.
pub struct Scope<'a> {
    /// What everything is compared with.
    pub default: &'a DescriptorSpec,
    pub network: &'a Network,
    /// What folds have not in common.
    pub split: Split,
    /// Whether there are groups enough to try what they fit.
    pub may_fit: bool,
    pub seed: u64,
}

/// A search on one side.
pub struct Steps<'a> {
    side: &'a Side<'a>,
    scope: &'a Scope<'a>,
    groups: Vec<u32>,
    setting: Setting,
    /// What the queries measure by the setting without what it fits.
    values: Values,
    on_step: OnStep<'a>,
    is_stopped: bool,
    /// Whether what is taken now is put aside.
    is_aside: bool,
    reached: Vec<Reached>,
}

/// A setting that was looked at.
struct Tried {
    setting: Setting,
    change: Change,
    mean: f64,
    /// What the queries measure by it without what it fits.
    values: Values,
}

impl<'a> Steps<'a> {
    /// What is best on this side, after each step; nothing if it was stopped.
    pub fn choose(
        side: &'a Side<'a>,
        scope: &'a Scope<'a>,
        on_step: OnStep<'a>,
    ) -> Result<Option<Vec<Reached>>> {
        let setting = Setting::plain(scope.default);
        let values = side.values(&setting)?;
        let mut steps = Self {
            groups: side.groups(),
            is_stopped: false,
            is_aside: false,
            side,
            scope,
            values,
            setting,
            on_step,
            reached: Vec::new(),
        };
        let plain = Tried {
            setting: steps.setting.clone(),
            change: Change::default(),
            mean: steps.values.mean(),
            values: Values::default(),
        };
        steps.tell("default", &plain, None);
        let stages = stages(scope.default, scope.network);
        steps.first_kept()?;
        steps.start(&stages)?;
        steps.strong_start()?;
        steps.descriptor(&stages)?;
        steps.layers()?;
        steps.within_classes()?;
        steps.rankings()?;
        if scope.split == Split::Photos {
            steps.discriminant()?;
        }
        Ok((!steps.is_stopped).then_some(steps.reached))
    }

    /// The default by neighbours in common, every first answer kept. It is put aside for where unseen groups
    /// speak against all that is longer, and the search goes on from the default.
    fn first_kept(&mut self) -> Result<()> {
        let ranked = |ranking: &str| Setting {
            ranking: parsed(ranking),
            ..self.setting.clone()
        };
        let settings = FIRST_KEPT.map(ranked);
        let before = (self.setting.clone(), self.values.clone());
        self.is_aside = true;
        self.try_all("first answers kept", settings.into(), Change::is_gain)?;
        self.is_aside = false;
        (self.setting, self.values) = before;
        Ok(())
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

    /// What photos of one group differ in counts less.
    fn within_classes(&mut self) -> Result<()> {
        let fitted = |lambda: f32| Setting {
            fit: Some(Fit::WithinClasses(lambda)),
            ..self.setting.clone()
        };
        let settings = WITHIN.map(fitted);
        self.fit_all("within-class whitening", settings.into())
    }

    /// The axes that tell these groups apart, where it is they that are sought.
    fn discriminant(&mut self) -> Result<()> {
        let centre = self.setting.ranking.centre;
        let mut rankings = vec![self.setting.ranking];
        for ranking in ["none", "augment=3", STRONG[0], STRONG[1]] {
            rankings.push(Ranking {
                centre: None,
                ..parsed(ranking)
            });
        }
        if centre.is_some() {
            rankings.push(Ranking {
                centre: None,
                ..self.setting.ranking
            });
        }
        let fitted = |ranking: Ranking| Setting {
            fit: Some(Fit::Discriminant(DISCRIMINANT)),
            ranking,
            ..self.setting.clone()
        };
        let settings = rankings.into_iter().map(fitted).collect();
        self.fit_all("discriminant axes", settings)
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
                fit: self.setting.fit,
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
        let mut tried = Vec::new();
        for setting in settings {
            if self.is_stopped || setting == self.setting {
                continue;
            }
            let values = self.side.values(&setting)?;
            tried.push(Tried {
                change: Change::of(&self.groups, &self.values, &values),
                mean: values.mean(),
                setting,
                values,
            });
        }
        self.settle(what, tried, may_be_taken);
        Ok(())
    }

    /// The same of what is fitted: on one part of these photos, and measured on the other.
    fn fit_all(&mut self, what: &'static str, settings: Vec<Setting>) -> Result<()> {
        let mut groups: Vec<u32> = Vec::new();
        let mut before = Values::default();
        let mut after = vec![Values::default(); settings.len()];
        let Scope { split, seed, .. } = *self.scope;
        let parts = if self.is_stopped || !self.scope.may_fit {
            Vec::new()
        } else {
            splits::inner(&self.side.truth, split, seed)
        };
        for part in parts {
            let others: Vec<bool> = part.iter().map(|is_in| !is_in).collect();
            let (fitted_on, measured) = (self.side.part(&part), self.side.part(&others));
            let Some(fitted) = fitted_on.within_classes(&self.setting)? else {
                continue;
            };
            let last = groups.iter().max().map_or(0, |last| last + 1);
            groups.extend(measured.groups().iter().map(|group| last + group));
            before.append(&measured.values_by(&self.setting, Some(&fitted))?);
            for (values, setting) in after.iter_mut().zip(&settings) {
                values.append(&measured.values_by(setting, Some(&fitted))?);
            }
            let tried = self.side.tried.get();
            self.side.tried.set(tried + measured.tried.get());
        }
        let tried = settings.into_iter().zip(after);
        let tried = tried.filter(|_| !groups.is_empty());
        let tried = tried.map(|(setting, values)| Tried {
            setting,
            change: Change::of(&groups, &before, &values),
            mean: values.mean(),
            values: self.values.clone(),
        });
        let tried = tried.collect();
        self.settle(what, tried, Change::is_gain);
        Ok(())
    }

    /// Takes the best of what was tried, if any may be taken; otherwise tells why the nearest is not.
    fn settle(&mut self, what: &'static str, tried: Vec<Tried>, may_be_taken: fn(&Change) -> bool) {
        let (may, may_not): (Vec<Tried>, Vec<Tried>) =
            tried.into_iter().partition(|one| may_be_taken(&one.change));
        let best = |tried: Vec<Tried>| {
            tried.into_iter().reduce(|best, one| {
                if one.change.gain > best.change.gain + EQUAL {
                    one
                } else {
                    best
                }
            })
        };
        if let Some(taken) = best(may) {
            let aside = "put aside for where nothing longer holds";
            self.tell(what, &taken, self.is_aside.then(|| aside.to_owned()));
            (self.setting, self.values) = (taken.setting, taken.values);
        } else if let Some(nearest) = best(may_not) {
            self.tell(what, &nearest, nearest.change.why_not());
        }
        self.reached.push(Reached {
            by: what,
            setting: self.setting.clone(),
        });
    }

    fn tell(&mut self, what: &'static str, tried: &Tried, dropped: Option<String>) {
        let setting = &tried.setting;
        let step = TuneStep {
            what,
            spec: setting.spec.clone(),
            preprocess: self.side.looks.preprocessings[setting.look].clone(),
            ranking: setting.ranking,
            projection: setting.fit,
            mean: tried.mean,
            change: tried.change,
            dropped,
        };
        self.is_stopped |= (self.on_step)(&step).is_break();
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
        for ranking in RANKINGS.iter().chain(&STRONG).chain(&FIRST_KEPT) {
            assert_eq!(parsed(ranking).to_string(), *ranking);
        }
    }
}
