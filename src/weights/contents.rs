//! What a file of weights has in it, by the names under which it lies there.

use super::numbers::Tensors;
use super::part::rank;

/// What wrapping a network in Python puts before every name: `DataParallel`, `compile`, and the
/// usual names of a network within a training script's module.
const PREFIXES: [&str; 6] = [
    "module.",
    "_orig_mod.",
    "model.",
    "net.",
    "network.",
    "backbone.",
];

/// What one file has.
#[derive(Debug, Default)]
pub struct Contents {
    /// By their whole names: the keys of the dicts around them, joined by dots.
    pub tensors: Tensors,
    /// The dicts that tensors lie in themselves.
    pub groups: Vec<Group>,
    /// Keys of the outermost dict under which no tensor lies: `epoch`, `args`.
    pub beside: Vec<String>,
    /// The class of a pickled module, whose tensors are not to be had without its code.
    pub module: Option<String>,
}

/// A dict with tensors.
#[derive(Debug)]
pub struct Group {
    /// The keys that lead to it, each followed by a dot.
    pub prefix: String,
    /// How many tensors.
    pub tensors: usize,
}

impl Contents {
    /// Tensors in one dict.
    pub fn of(tensors: Tensors) -> Self {
        let group = Group {
            prefix: String::new(),
            tensors: tensors.len(),
        };
        Self {
            tensors,
            groups: vec![group],
            ..Self::default()
        }
    }

    /// Where a network's names begin, as far as that can be told without the network: in a dict with
    /// many of the tensors, behind what all names in it share.
    pub fn base(&self) -> String {
        let most = self.groups.iter().map(|group| group.tensors).max();
        let is_large = |group: &&Group| 2 * group.tensors >= most.unwrap_or(0);
        let large = self.groups.iter().filter(is_large);
        let group = large.min_by_key(|group| rank(&group.prefix));
        let mut base = group.map_or(String::new(), |group| group.prefix.clone());
        while let Some(prefix) = PREFIXES.iter().find(|prefix| self.all_share(&base, prefix)) {
            base.push_str(prefix);
        }
        base
    }

    /// Whether all names that begin with `base` go on with `prefix`.
    fn all_share(&self, base: &str, prefix: &str) -> bool {
        let mut names = self.tensors.keys().filter(|name| name.starts_with(base));
        names.all(|name| name[base.len()..].starts_with(prefix))
    }
}
