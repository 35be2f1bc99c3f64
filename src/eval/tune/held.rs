//! What searches are worth on groups that they have not looked at.
//!
//! A search goes on for some steps, and the last may have been one too many. Where the groups that it has not
//! looked at speak against the whole of it, its beginnings are held to the same rule, the longest first, and
//! the first that holds is told and taken: one of few is chosen on those groups, and the report says
//! which were tried.

use super::super::bootstrap::Bootstrap;
use super::fit::Fit;
use super::report::{Beginning, Fold, Half, HeldOut};
use super::rule::{self, Change, Values};
use super::side::{Setting, Side};
use super::steps::Reached;
use crate::descriptor::DescriptorSpec;
use crate::error::Result;

/// All folds of a tuning.
pub struct Folds<'a> {
    default: Setting,
    seed: u64,
    measured: Vec<Measured<'a>>,
}

/// A search, and groups that it has not looked at.
struct Measured<'a> {
    side: Side<'a>,
    /// The groups that it has looked at.
    searched: Side<'a>,
    /// What the others' queries measure by the default.
    plain: Values,
    /// Where the search stood after each of its steps.
    reached: Vec<Reached>,
}

impl<'a> Folds<'a> {
    pub fn new(default: &DescriptorSpec, seed: u64) -> Self {
        Self {
            default: Setting::plain(default),
            seed,
            measured: Vec::new(),
        }
    }

    /// One more search on one side, by groups on another.
    pub fn add(&mut self, searched: Side<'a>, side: Side<'a>, reached: Vec<Reached>) -> Result<()> {
        let plain = side.values(&self.default)?;
        self.measured.push(Measured {
            side,
            searched,
            plain,
            reached,
        });
        Ok(())
    }

    /// The longest search that is better by the rule; the whole where none is.
    pub fn held(&self) -> Result<HeldOut> {
        let steps = self.measured.first().map_or(0, |fold| fold.reached.len());
        let is_as_next = |step: usize| {
            self.measured.iter().all(|fold| {
                let next = fold.reached.get(step + 1);
                next.is_some_and(|next| next.setting == fold.reached[step].setting)
            })
        };
        let different = (0..steps).rev().filter(|step| !is_as_next(*step));
        longest_that_holds(different.map(|step| self.until(step)))
    }

    /// All folds together, of searches that ended with a step.
    fn until(&self, step: usize) -> Result<HeldOut> {
        let (mut plain, mut chosen) = (Values::default(), Values::default());
        let (mut groups, mut folds): (Vec<u32>, Vec<Fold>) = (Vec::new(), Vec::new());
        let mut by = "";
        for fold in &self.measured {
            by = fold.reached[step].by;
            let (told, values) = fold.told(step)?;
            folds.push(told);
            // A group that two folds ask for is two groups.
            let before = groups.iter().max().map_or(0, |last| last + 1);
            groups.extend(fold.side.groups().iter().map(|group| before + group));
            plain.append(&fold.plain);
            chosen.append(&values);
        }
        let bootstrap = Bootstrap::new(groups.len(), self.seed);
        let change = Change::of(&groups, &plain, &chosen);
        let gains = folds.iter().map(|fold| fold.change.gain);
        Ok(HeldOut {
            half: Half {
                queries: groups.len(),
                photos: folds.iter().map(|fold| fold.half.photos).sum(),
            },
            default: bootstrap.estimate(&plain.metric),
            tuned: bootstrap.estimate(&chosen.metric),
            gain: bootstrap.difference(&chosen.metric, &plain.metric),
            is_better: change.is_gain(),
            why_not: change.why_not(),
            worst: gains.reduce(f64::min).unwrap_or(0.0),
            change,
            until: by,
            searches: Vec::new(),
            folds,
        })
    }
}

impl HeldOut {
    /// What a search on all groups found by the step that this tells of. What it fits was measured only if at
    /// least half of the folds fitted such a thing too; otherwise it is what was found without.
    pub(super) fn found(&self, reached: &[Reached]) -> Option<Setting> {
        let at = reached.iter().position(|it| it.by == self.until)?;
        let setting = &reached[at].setting;
        let Some(fit) = setting.fit else {
            return Some(setting.clone());
        };
        let same = |other: Option<Fit>| other.is_some_and(|other| other.is_like(fit));
        let measured = self.folds.iter().filter(|fold| same(fold.projection));
        if 2 * measured.count() >= self.folds.len() {
            return Some(setting.clone());
        }
        // Discriminant axes come last, with a ranking of their own.
        let mut before = reached[..at].iter().rev().map(|it| &it.setting);
        let found = match fit {
            Fit::WithinClasses(_) => Some(setting),
            Fit::Discriminant(_) => {
                before.find(|before| !before.fit.is_some_and(|it| it.is_like(fit)))
            }
        };
        found.map(|found| Setting {
            fit: None,
            ..found.clone()
        })
    }
}

/// Of searches, the longest first, the first that is better by the rule; the first of all where none is.
fn longest_that_holds(searches: impl Iterator<Item = Result<HeldOut>>) -> Result<HeldOut> {
    let mut tried: Vec<Beginning> = Vec::new();
    let mut told: Option<HeldOut> = None;
    for search in searches {
        let search = search?;
        tried.push(Beginning {
            until: search.until,
            why_not: search.why_not.clone(),
            worst: search.worst,
            change: search.change,
        });
        let holds = search.is_better;
        if holds || told.is_none() {
            told = Some(search);
        }
        if holds {
            break;
        }
    }
    Ok(HeldOut {
        searches: tried,
        ..told.unwrap_or_default()
    })
}

impl Measured<'_> {
    /// What the search had found by a step, and what its queries measure by it.
    fn told(&self, step: usize) -> Result<(Fold, Values)> {
        let setting = &self.reached[step].setting;
        let fitted = setting.fit.map(|_| self.searched.within_classes(setting));
        let fitted = fitted.transpose()?.flatten();
        let chosen = self.side.values_by(setting, fitted.as_ref())?;
        let plain = &self.plain;
        let fold = Fold {
            half: Half::of(&self.side.truth),
            spec: setting.spec.clone(),
            preprocess: self.side.looks.preprocessings[setting.look].clone(),
            ranking: setting.ranking,
            projection: setting.fit,
            default: plain.mean(),
            tuned: chosen.mean(),
            default_first: rule::mean(&plain.first),
            tuned_first: rule::mean(&chosen.first),
            change: Change::of(&self.side.groups(), plain, &chosen),
        };
        Ok((fold, chosen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(is_better: [bool; 3]) -> HeldOut {
        let steps = ["ranking", "hybrid", "start"].into_iter().zip(is_better);
        let search = |(until, is_better): (&'static str, bool)| HeldOut {
            until,
            is_better,
            why_not: (!is_better).then(|| "it gains nothing".to_owned()),
            ..HeldOut::default()
        };
        longest_that_holds(steps.map(search).map(Ok)).unwrap()
    }

    #[test]
    fn the_longest_search_that_holds_is_told_with_those_that_did_not() {
        for (is_better, until, tried) in [
            ([true, true, true], "ranking", 1),
            ([false, true, true], "hybrid", 2),
            ([false, false, true], "start", 3),
        ] {
            let held = told(is_better);
            assert!(held.is_better);
            assert_eq!((held.until, held.searches.len()), (until, tried));
            let before = &held.searches[..tried - 1];
            assert!(before.iter().all(|search| search.why_not.is_some()));
        }
    }

    const LOOK: &str =
        "resize=256,crop=224,interpolation=bilinear,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";

    #[test]
    fn what_is_fitted_is_taken_only_where_half_of_the_folds_fitted_such_a_thing() {
        let of = |fit: Option<Fit>, ranking: &str| Setting {
            ranking: ranking.parse().unwrap(),
            fit,
            ..Setting::plain(&"m:a".parse().unwrap())
        };
        let (within, axes) = (Fit::WithinClasses(3.0), Fit::Discriminant(10.0));
        let step = |by: &'static str, setting: Setting| Reached { by, setting };
        let reached = [
            step("whitening", of(Some(within), "augment=3")),
            step("ranking", of(Some(within), "augment=5")),
            step("axes", of(Some(axes), "none")),
        ];
        let found = |until: &'static str, folds: [Option<Fit>; 2]| {
            let fold = |projection: Option<Fit>| Fold {
                half: Half::default(),
                spec: "m:a".parse().unwrap(),
                preprocess: LOOK.parse().unwrap(),
                ranking: crate::ranking::Ranking::NONE,
                projection,
                default: 0.0,
                tuned: 0.0,
                default_first: 0.0,
                tuned_first: 0.0,
                change: Change::default(),
            };
            let held_out = HeldOut {
                until,
                folds: folds.map(fold).into(),
                ..HeldOut::default()
            };
            let found = held_out.found(&reached).unwrap();
            (found.fit, found.ranking.to_string())
        };
        let other = Some(Fit::WithinClasses(30.0));
        assert_eq!(
            found("ranking", [None, other]),
            (Some(within), "augment=5".into())
        );
        assert_eq!(found("ranking", [None, None]), (None, "augment=5".into()));
        assert_eq!(
            found("axes", [Some(axes), None]),
            (Some(axes), "none".into())
        );
        assert_eq!(found("axes", [other, other]), (None, "augment=5".into()));
    }

    #[test]
    fn where_no_search_holds_the_whole_is_told_and_is_not_better() {
        let held = told([false; 3]);
        assert!(!held.is_better);
        assert_eq!((held.until, held.searches.len()), ("ranking", 3));
    }
}
