//! What is in a file of weights, and which of the known networks it fits.
//!
//! Names and shapes are compared, which do not say everything: networks that differ in what has no
//! numbers (padding, strides, the ε of their norms, what their pictures go through) may fit one file.
//! What is known of such twins is said beside.

use std::path::Path;

use serde::Serialize;

use crate::backbone::Architecture;
use crate::document::Document;
use crate::network::Network;
use crate::weights::heads::{HeadCandidate, candidates, exponents};
use crate::weights::{Fit, TensorInfo, WeightsFile};

/// Lacking tensors that are named.
const MAX_LACKING: usize = 5;

/// What is in a file of weights.
#[derive(Clone, Debug, Serialize)]
pub struct Contents {
    /// The file or folder.
    pub path: String,
    /// What kind of file it is, in words.
    pub format: &'static str,
    /// The dicts that tensors lie in.
    pub groups: Vec<Group>,
    /// Keys beside the tensors, such as `epoch`.
    pub beside: Vec<String>,
    /// All tensors, sorted by their names.
    pub tensors: Vec<TensorInfo>,
    /// The known networks of which at least half is there, best first.
    pub networks: Vec<Fitting>,
}

impl Document for Contents {
    const KIND: &'static str = "weights";
}

/// A dict with tensors.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The keys that lead to it, joined by dots; empty for the outermost.
    pub key: String,
    /// How many tensors lie in it.
    pub tensors: usize,
}

/// How well a known network fits.
#[derive(Clone, Debug, Serialize)]
pub struct Fitting {
    /// The architecture, as `--arch` takes it.
    pub architecture: &'static str,
    /// What stands in the file before its names.
    pub prefix: String,
    /// How many of its tensors are there, with their shapes.
    pub fits: usize,
    /// How many it wants.
    pub wanted: usize,
    /// How many classes it tells apart; null where the classifier was left away.
    pub classes: Option<usize>,
    /// The first few tensors that are not there or have other shapes; a classifier that was left away
    /// does not count.
    pub lacking: Vec<String>,
    /// Other places in the file where it would fit as well.
    pub others: Vec<String>,
    /// What to know of networks that have the same names and mean something else.
    pub warnings: Vec<&'static str>,
    /// Layers of the file that can be put behind the pooling of one of its layers.
    pub heads: Vec<HeadCandidate>,
    /// Numbers that may be GeM's exponent.
    pub exponents: Vec<Exponent>,
}

/// A number that may be GeM's exponent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exponent {
    /// Its name, as `gem=NAME` takes it.
    pub name: String,
    /// The number.
    pub p: f32,
}

impl Contents {
    /// What is in an opened file.
    #[must_use]
    pub fn of(file: &WeightsFile) -> Self {
        let group = |(key, tensors): (&str, usize)| Group {
            key: key.to_owned(),
            tensors,
        };
        let all = Architecture::all().iter();
        let mut networks: Vec<Fitting> = all.filter_map(|known| fitting(*known, file)).collect();
        networks.sort_by_key(|it| (!it.lacking.is_empty(), it.wanted - it.fits.min(it.wanted)));
        Self {
            path: shown(file.path()),
            format: file.kind(),
            groups: file.groups().map(group).collect(),
            beside: file.beside().to_vec(),
            tensors: file.tensors().collect(),
            networks,
        }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// How `known` fits, if at least half of it is there.
fn fitting(known: Architecture, file: &WeightsFile) -> Option<Fitting> {
    let network = known.network();
    let fit = Fit::of(&network, file);
    if 2 * fit.fits < fit.wanted || fit.fits == 0 {
        return None;
    }
    let mut lacking = fit.lacks(&network, file);
    lacking.truncate(MAX_LACKING);
    Some(Fitting {
        architecture: known.name,
        classes: fit.classes(&network, file),
        fits: fit.fits,
        wanted: fit.wanted,
        lacking,
        warnings: warnings(known.name, file.channels_last()),
        heads: heads(&network, &fit, file),
        exponents: exponents(&fit, file)
            .into_iter()
            .map(|(name, p)| Exponent { name, p })
            .collect(),
        prefix: fit.prefix,
        others: fit.others,
    })
}

/// Layers that take as many values as one of the network's has channels.
fn heads(network: &Network, fit: &Fit, file: &WeightsFile) -> Vec<HeadCandidate> {
    let channels = network
        .layers()
        .iter()
        .map(|layer| network.channels(layer.value));
    let channels: Vec<usize> = channels.collect();
    let all = candidates(network, fit, file).into_iter();
    all.filter(|it| channels.contains(&it.inputs)).collect()
}

/// Networks of the same names that mean something else.
fn warnings(architecture: &str, is_of_keras: bool) -> Vec<&'static str> {
    let begins = |start: &str| architecture.starts_with(start);
    let mut known = Vec::new();
    if is_of_keras {
        known.push(
            "Keras' networks want other pictures than torch's: of its own networks say \
             `--preprocess order=bgr,scale=255,mean=103.939/116.779/123.68,std=1/1/1`",
        );
    }
    if begins("efficientnet_lite") {
        known.push(
            "this is TensorFlow's (timm's tf_efficientnet_lite), which pads at the right and bottom; \
             timm's own efficientnet_lite has the same names, pads on all sides and does not fit",
        );
    } else if begins("efficientnet_b") {
        known.push(
            "timm's tf_efficientnet has the same names, pads at the right and bottom and does not fit",
        );
    } else if begins("vgg") {
        known.push(
            "weights that come from Caffe want blue first and no division: \
             `--preprocess order=bgr,scale=255,mean=103.939/116.779/123.68,std=1/1/1`",
        );
    } else if matches!(architecture, "resnet50" | "resnet101" | "resnet152") && !is_of_keras {
        known.push(
            "this is v1.5, which strides in the 3x3 convolution; the paper's has the same names and \
             does not fit. timm's a1 and torchvision's V2 weights fit, and were trained on pictures \
             prepared otherwise: say so by `--preprocess`",
        );
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_that_share_names_are_warned_of() {
        let said = |name: &str, is_of_keras| warnings(name, is_of_keras).join(" ");
        assert!(said("efficientnet_lite0", false).contains("timm's own"));
        assert!(said("efficientnet_b0", false).contains("tf_efficientnet"));
        assert!(said("resnet50", false).contains("v1.5"));
        assert!(said("vgg16", false).contains("order=bgr"));
        assert!(said("resnet50_keras", true).contains("Keras"));
        assert!(said("mobilenet_v2", false).is_empty());
    }
}
