//! Heads found in a file that nobody named: layers beside a network, or in place of its classifier, that
//! take as many values as a pooling makes, and numbers that are GeM's exponent.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::file::WeightsFile;
use super::fit::Fit;
use super::head::Places;
use super::wanted::wanted;
use crate::error::{Result, WeightsError};
use crate::network::Network;

/// The word for what is to be found.
pub const AUTO: &str = "auto";
/// What people call what a descriptor comes out of, the surest first. In `neck` and `head` there is often
/// more than one layer; `fc` is what is put in a classifier's place.
const USUAL: [&[&str]; 5] = [
    &["embed", "whiten"],
    &["projection", "projector", "proj"],
    &["bottleneck", "neck"],
    &["head"],
    &["fc", "linear"],
];
/// Candidates that an error names.
const MOST_NAMED: usize = 8;

/// A layer that may be put behind a pooling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeadCandidate {
    /// Its name, as `--projection-from` takes it.
    pub name: String,
    /// `linear layer` or `batch norm`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How many values it takes.
    pub inputs: usize,
    /// How many it makes.
    pub outputs: usize,
}

/// All layers that are not the network's own, but for its classifier.
#[must_use]
pub fn candidates(network: &Network, fit: &Fit, file: &WeightsFile) -> Vec<HeadCandidate> {
    let places = Places::of(fit, file);
    let own = own_names(network, fit);
    // Of several networks in a file, what lies in the dict of this one.
    let groups = file.groups().map(|(key, _)| key);
    let groups: Vec<&str> = groups.filter(|key| !key.is_empty()).collect();
    let is_of = |key: &&&str| fit.prefix.starts_with(&format!("{key}."));
    let group = groups.iter().filter(is_of).max_by_key(|key| key.len());
    let inside =
        |name: &str, key: &str| name.strip_prefix(key).is_some_and(|it| it.starts_with('.'));
    let is_near = |name: &str| {
        let others = groups
            .iter()
            .filter(|key| group.is_none_or(|own| key.len() > own.len()));
        group.is_none_or(|key| inside(name, key))
            && !others.into_iter().any(|key| inside(name, key))
    };
    let ends = ["weight", "running_mean"];
    let modules = file.all().filter_map(|(whole, _)| {
        let (module, last) = whole.rsplit_once('.')?;
        (ends.contains(&last) && is_near(whole) && !own.contains(module)).then_some(module)
    });
    let mut seen = HashSet::new();
    let modules = modules.filter(|module| seen.insert(*module));
    let found = modules.filter_map(|module| {
        let layer = places.module(&places.shortened(module))?;
        (layer.inputs > 0).then(|| HeadCandidate {
            kind: layer.kind(),
            name: layer.name,
            inputs: layer.inputs,
            outputs: layer.outputs,
        })
    });
    found.collect()
}

/// The head for `inputs` values that is called as heads usually are.
///
/// # Errors
/// [`WeightsError::HeadNotFound`], which names those that fit, if there is none or more than one.
pub fn find(
    network: &Network,
    fit: &Fit,
    file: &WeightsFile,
    inputs: usize,
) -> Result<Vec<String>> {
    let all = candidates(network, fit, file);
    let is_fit = |it: &&HeadCandidate| it.inputs == inputs;
    // Of a module with several layers the first decides, and the others follow it.
    let mut modules: BTreeMap<&str, Vec<&HeadCandidate>> = BTreeMap::new();
    for it in &all {
        modules.entry(parent(&it.name)).or_default().push(it);
    }
    let chains = modules.values().filter_map(|chain| chained(chain, inputs));
    let mut ranked: Vec<(usize, Vec<String>)> = chains
        .filter_map(|chain| Some((rank(parent(&chain[0]))?, chain)))
        .collect();
    ranked.sort();
    match ranked.as_slice() {
        [(_, only)] => return Ok(only.clone()),
        [(first, best), (second, _), ..] if first < second => return Ok(best.clone()),
        _ => {}
    }
    let fitting = all.iter().filter(is_fit).map(|it| it.name.clone());
    Err(WeightsError::HeadNotFound {
        path: file.path().to_owned(),
        inputs,
        candidates: fitting.take(MOST_NAMED).collect(),
    }
    .into())
}

/// A numbered layer's module: `embeddings` of `embeddings.1`; another's own name.
fn parent(name: &str) -> &str {
    let numbered = name
        .rsplit_once('.')
        .filter(|(_, last)| number(last).is_some());
    numbered.map_or(name, |(module, _)| module)
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok()
}

/// The names of a module's layers where each takes what the one before makes, and nothing without numbers
/// lies between them, which might be a ReLU.
fn chained(layers: &[&HeadCandidate], inputs: usize) -> Option<Vec<String>> {
    let last = |name: &str| name.rsplit('.').next().and_then(number).unwrap_or(0);
    let mut layers = layers.to_vec();
    layers.sort_by_key(|it| last(&it.name));
    let mut given = inputs;
    for it in &layers {
        if it.inputs != given {
            return None;
        }
        given = it.outputs;
    }
    let follows = |pair: &[&HeadCandidate]| last(&pair[0].name) + 1 == last(&pair[1].name);
    let is_whole = layers.windows(2).all(follows);
    is_whole.then(|| layers.iter().map(|it| it.name.clone()).collect())
}

/// How sure a module's name is that of a head, if it is one's.
fn rank(name: &str) -> Option<usize> {
    let parts: Vec<String> = name.split('.').map(str::to_lowercase).collect();
    // Deeper ones belong to something else that is in the file.
    let outer = parts.get(parts.len().saturating_sub(2)..)?;
    let is_called = |word: &&str| {
        let words = |part: &String| {
            part.contains(word) && (word.len() > 4 || part.split('_').any(|it| it == *word))
        };
        outer.iter().any(words)
    };
    USUAL.iter().position(|words| words.iter().any(&is_called))
}

/// The modules of the network's own tensors but for the classifier, by their whole names.
fn own_names(network: &Network, fit: &Fit) -> HashSet<String> {
    let all = wanted(network, fit.naming).into_iter().flatten().flatten();
    let own = all.filter(|it| !it.is_last).filter_map(|it| {
        let whole = fit.whole(&it.name)?;
        Some(whole.rsplit_once('.')?.0.to_owned())
    });
    own.collect()
}

/// Single numbers that may be GeM's exponent, called `p` or the like, by their names.
#[must_use]
pub fn exponents(fit: &Fit, file: &WeightsFile) -> Vec<(String, f32)> {
    let places = Places::of(fit, file);
    let is_called = |whole: &str| {
        let last = whole.rsplit('.').next().unwrap_or_default();
        last == "p" || last.ends_with("_p") || last.starts_with("p_")
    };
    let called = file.all().filter(|(whole, _)| is_called(whole));
    let short = called.map(|(whole, _)| places.shortened(whole));
    short
        .filter_map(|name| Some((exponent(fit, file, &name).ok()?, name)))
        .map(|(p, name)| (name, p))
        .collect()
}

/// GeM's exponent from the file: the number called `name`, or the only one called as exponents are.
///
/// # Errors
/// [`WeightsError::MissingTensor`]; [`WeightsError::NoExponent`] for what is not one number in 0 … 100;
/// [`WeightsError::NotFinite`], [`WeightsError::TensorType`].
pub fn exponent(fit: &Fit, file: &WeightsFile, name: &str) -> Result<f32> {
    let places = Places::of(fit, file);
    let none = |shape: &[usize], candidates| WeightsError::NoExponent {
        path: file.path().to_owned(),
        name: name.to_owned(),
        shape: shape.to_vec(),
        candidates,
    };
    let Some(whole) = places.tensor(name) else {
        if name != AUTO {
            return Err(places.missing(name).into());
        }
        let mut all = exponents(fit, file);
        return match (all.len(), all.pop()) {
            (1, Some((_, p))) => Ok(p),
            (_, last) => {
                let named = all.into_iter().chain(last).map(|(name, _)| name);
                Err(none(&[], named.take(MOST_NAMED).collect()).into())
            }
        };
    };
    let shape = file.shape_of(&whole).unwrap_or_default();
    if shape.iter().any(|side| *side != 1) {
        return Err(none(shape, Vec::new()).into());
    }
    let p = file.whole(&whole, shape)?.first().copied().unwrap_or(0.0);
    if p > 0.0 && p <= 100.0 {
        Ok(p)
    } else {
        Err(none(shape, Vec::new()).into())
    }
}
