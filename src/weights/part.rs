//! Which part of a file is meant, where it holds more than one network.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which of the networks in a file is meant; what is not said is found by the network's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The dict that it lies in: `model_ema`, or `checkpoint.model` for one in another.
    pub key: Option<String>,
    /// What its tensors' names begin with there: `module.encoder_q.`, with or without the last dot.
    pub prefix: Option<String>,
}

impl Part {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// What the names of the part begin with, as far as that is said.
    pub(super) fn start(&self) -> String {
        let said = [&self.key, &self.prefix].into_iter().flatten();
        let said = said.map(|text| text.trim_matches('.'));
        said.filter(|text| !text.is_empty())
            .flat_map(|text| [text, "."])
            .collect()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start().trim_end_matches('.'))
    }
}

/// What is trained by following another network, or belongs to its training.
const FOLLOWERS: [&str; 8] = [
    "student",
    "momentum",
    "encoder_k",
    "key_encoder",
    "target",
    "optim",
    "loss",
    "discriminator",
];

/// Of parts that a network fits equally well, the one of least rank is taken: as timm does, what was
/// averaged over the training before what it ended with, and `state_dict` before `model`; DINO's
/// teacher before its student, the query of `MoCo` before its key.
pub(super) fn rank(prefix: &str) -> u8 {
    let parts = || prefix.split('.').filter(|part| !part.is_empty());
    let has = |word: &str| parts().any(|part| part == word);
    let is_average = |part: &str| part.split('_').any(|word| word == "ema");
    if has("state_dict_ema") {
        0
    } else if has("model_ema") {
        1
    } else if parts().any(is_average) {
        2
    } else if has("teacher") {
        3
    } else if parts().any(|part| FOLLOWERS.iter().any(|word| part.contains(word))) {
        9
    } else {
        match parts().next() {
            Some("state_dict") => 4,
            Some("model_state_dict") => 5,
            Some("model") => 6,
            _ => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_come_before_what_training_ended_with_and_that_before_what_followed() {
        let ordered = [
            "state_dict_ema.",
            "model_ema.module.",
            "ema.",
            "teacher.backbone.",
            "state_dict.module.",
            "model.",
            "weights.",
            "student.module.backbone.",
        ];
        let ranks: Vec<u8> = ordered.iter().map(|prefix| rank(prefix)).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
        assert!(rank("module.encoder_q.") < rank("module.encoder_k."));
        assert!(rank("backbone.") < rank("backbone_momentum."));
        // A word, not a part of one.
        assert_eq!(rank("schema."), rank("weights."));
    }

    #[test]
    fn a_part_is_said_with_or_without_its_last_dot() {
        let part = |key: &str, prefix: &str| Part {
            key: Some(key.to_owned()),
            prefix: Some(prefix.to_owned()),
        };
        assert_eq!(part("model", "module.").start(), "model.module.");
        assert_eq!(part("a.b", "module").to_string(), "a.b.module");
        assert_eq!(Part::default().start(), "");
    }
}
