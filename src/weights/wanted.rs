//! The tensors that a network wants, by their names under one of its family's namings.

use super::file::View;
use crate::network::{Branch, Convolution, Network, Operation, Value, WeightNames};

/// A tensor that a network wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub name: String,
    pub shape: Vec<usize>,
    /// Whether it is of the classifier, which may tell any number of classes apart and may be left
    /// away.
    pub is_last: bool,
}

impl Wanted {
    /// Whether a tensor of this shape is it: a linear layer's weights are a matrix, and a layer scale
    /// may have the axes of a map.
    pub fn is_fit_by(&self, found: &[usize]) -> bool {
        let skipped = usize::from(self.is_last);
        let own = self.shape.get(skipped..).unwrap_or_default();
        let Some(rest) = found.get(skipped..) else {
            return false;
        };
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        match (self.shape.len(), found.len()) {
            (own_axes, axes) if own_axes == axes => own == rest,
            (4, 2) => {
                product(&self.shape[1..]) == found[1] && (self.is_last || self.shape[0] == found[0])
            }
            (3, 1) => self.shape[0] == found[0],
            _ => false,
        }
    }
}

/// One of several values, by naming; where namings agree, it is given once.
pub fn named<T>(names: &[T], naming: usize) -> &T {
    &names[naming.min(names.len() - 1)]
}

/// The convolution's names in a naming.
pub fn under(convolution: &Convolution, naming: usize) -> &WeightNames {
    named(&convolution.names, naming)
}

/// How many namings the network's family knows.
pub fn namings(network: &Network) -> usize {
    let of_step = |operation: &Operation| match operation {
        Operation::Convolution(convolution) => convolution.names.len(),
        Operation::BatchNorm(norm) => norm.names.len(),
        Operation::LayerNorm(norm) => norm.names.len(),
        _ => 0,
    };
    let steps = network.steps().iter();
    steps
        .map(|step| of_step(&step.operation))
        .max()
        .unwrap_or(0)
}

/// What each of the network's steps wants, in their order; a sum of branches either its own tensors or
/// those of its branches.
pub fn wanted(network: &Network, naming: usize) -> Vec<Vec<Vec<Wanted>>> {
    let steps = network.steps().iter().enumerate();
    let last = network.steps().len().saturating_sub(1);
    steps
        .map(|(step, it)| {
            let channels = network.channels(Value(step + 1));
            match &it.operation {
                Operation::Convolution(convolution) => {
                    let own = of_convolution(convolution, naming, step == last);
                    if convolution.branches.is_empty() {
                        vec![own]
                    } else {
                        vec![own, of_branches(convolution, naming)]
                    }
                }
                Operation::BatchNorm(norm) => {
                    let name = named::<String>(&norm.names, naming);
                    vec![parts(name, &BATCH_NORM, channels)]
                }
                Operation::LayerNorm(norm) => {
                    let name = named::<String>(&norm.names, naming);
                    vec![parts(name, &BATCH_NORM[..2], channels)]
                }
                _ => Vec::new(),
            }
        })
        .collect()
}

const BATCH_NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Whether a batch norm is there without factors of its own (torch's `affine=False`): it has seen what
/// came to it, and is no missing layer.
pub fn learns_nothing(norm: &str, file: &View<'_>) -> bool {
    let has = |part: &&str| file.shape(&format!("{norm}.{part}")).is_some();
    BATCH_NORM[2..].iter().all(&has) && !BATCH_NORM[..2].iter().any(has)
}

fn parts(prefix: &str, parts: &[&str], channels: usize) -> Vec<Wanted> {
    let of_part = |part: &&str| Wanted {
        name: format!("{prefix}.{part}"),
        shape: vec![channels],
        is_last: false,
    };
    parts.iter().map(of_part).collect()
}

fn of_convolution(convolution: &Convolution, naming: usize, is_last: bool) -> Vec<Wanted> {
    let names = under(convolution, naming);
    let tensor = |name: String, shape: &[usize]| Wanted {
        name,
        shape: shape.to_vec(),
        is_last,
    };
    let weight = format!("{}.weight", names.convolution);
    let mut all = vec![tensor(weight, &convolution.weight_shape())];
    if convolution.bias {
        let bias = format!("{}.bias", names.convolution);
        all.push(tensor(bias, &[convolution.outputs]));
    }
    if let (Some(_), Some(norm)) = (convolution.norm_epsilon, &names.norm) {
        all.extend(parts(norm, &BATCH_NORM, convolution.outputs));
    }
    if !convolution.layer_scale.is_empty() {
        let name = named(&convolution.layer_scale, naming).clone();
        all.push(tensor(name, &[convolution.outputs, 1, 1]));
    }
    all
}

fn of_branches(convolution: &Convolution, naming: usize) -> Vec<Wanted> {
    let of_branch = |branch: &Branch| match branch {
        Branch::Convolution(part) => of_convolution(part, naming, false),
        Branch::Identity { norm, .. } => parts(norm, &BATCH_NORM, convolution.outputs),
    };
    convolution.branches.iter().flat_map(of_branch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_a_kernel_and_a_classifier_has_any_number_of_classes() {
        let wanted = |shape: &[usize], is_last| Wanted {
            name: "x".to_owned(),
            shape: shape.to_vec(),
            is_last,
        };
        assert!(wanted(&[8, 4, 1, 1], false).is_fit_by(&[8, 4]));
        assert!(!wanted(&[8, 4, 1, 1], false).is_fit_by(&[7, 4]));
        assert!(wanted(&[8, 4, 1, 1], true).is_fit_by(&[7, 4]));
        assert!(wanted(&[8], true).is_fit_by(&[7]));
        assert!(wanted(&[8, 1, 1], false).is_fit_by(&[8]));
        assert!(!wanted(&[8], false).is_fit_by(&[]));
        assert!(!wanted(&[8, 3, 7, 7], false).is_fit_by(&[8, 3, 3, 3]));
    }
}
