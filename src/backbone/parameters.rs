//! A network's trained numbers, with each batch norm folded into its convolution.

use super::network::{Convolution, Network, Operation, WeightNames};
use super::weights::WeightsFile;
use crate::error::Result;

/// A convolution's weights and bias after folding: all that running it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// `[outputs, inputs / groups, kernel, kernel]`, row-major.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// One entry for each step of a network; `None` for steps without trained numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters(pub Vec<Option<Folded>>);

impl Parameters {
    /// Reads what a network needs from `source`, and nothing else.
    ///
    /// # Errors
    /// As [`Source::step`].
    pub fn load(source: &Source) -> Result<Self> {
        let steps = 0..source.network.steps().len();
        Ok(Self(
            steps.map(|step| source.step(step)).collect::<Result<_>>()?,
        ))
    }
}

/// A file that holds a network's trained numbers, to be read step by step: who packs them for a
/// kernel needs no second copy of all.
pub struct Source<'a> {
    network: &'a Network,
    file: &'a WeightsFile,
    naming: usize,
}

impl<'a> Source<'a> {
    /// The file may use any one of the namings that the family knows.
    pub fn new(network: &'a Network, file: &'a WeightsFile) -> Self {
        Self {
            network,
            file,
            naming: naming_of(network, file),
        }
    }

    /// Reads what one step needs; `None` if that is nothing.
    ///
    /// # Errors
    /// [`MissingTensor`] or [`WrongTensor`] if the file is not one of this network;
    /// [`Read`] if it cannot be read.
    ///
    /// [`MissingTensor`]: crate::error::Error::MissingTensor
    /// [`WrongTensor`]: crate::error::Error::WrongTensor
    /// [`Read`]: crate::error::Error::Read
    pub fn step(&self, step: usize) -> Result<Option<Folded>> {
        match &self.network.steps()[step].operation {
            Operation::Convolution(convolution) => {
                fold(convolution, self.naming, self.file).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Which of the family's namings the file uses: the one under which it holds the most convolutions,
/// and the reference's among equals, so that the message about what is missing uses its names.
fn naming_of(network: &Network, file: &WeightsFile) -> usize {
    let steps = network.steps().iter();
    let convolutions: Vec<&Convolution> = steps
        .filter_map(|step| match &step.operation {
            Operation::Convolution(convolution) => Some(convolution),
            _ => None,
        })
        .collect();
    let namings = convolutions.iter().map(|c| c.names.len()).max();
    let held = |naming: &usize| {
        let name = |c: &Convolution| format!("{}.weight", under(c, *naming).convolution);
        let is_held = |c: &&&Convolution| file.shape(&name(c)).is_some();
        convolutions.iter().filter(is_held).count()
    };
    // Of equals `max_by_key` takes the last.
    (0..namings.unwrap_or(0))
        .rev()
        .max_by_key(held)
        .unwrap_or(0)
}

/// The convolution's names in a naming; where two namings agree on them, they are given once.
fn under(convolution: &Convolution, naming: usize) -> &WeightNames {
    &convolution.names[naming.min(convolution.names.len() - 1)]
}

/// Reads one convolution and folds its batch norm in: `w ← w·γ/√(σ² + ε)`,
/// `b ← β + (b − μ)·γ/√(σ² + ε)`, computed in f64 so that folding costs no accuracy.
fn fold(convolution: &Convolution, naming: usize, file: &WeightsFile) -> Result<Folded> {
    let names = under(convolution, naming);
    let outputs = convolution.outputs;
    let mut weight = read_weight(convolution, &names.convolution, file)?;
    let mut bias = match convolution.bias {
        true => file.tensor(&format!("{}.bias", names.convolution), &[outputs])?,
        false => vec![0.0; outputs],
    };
    let (Some(epsilon), Some(norm)) = (convolution.norm_epsilon, &names.norm) else {
        return Ok(Folded { weight, bias });
    };
    let read = |part: &str| file.tensor(&format!("{norm}.{part}"), &[outputs]);
    let (gamma, beta) = (read("weight")?, read("bias")?);
    let (mean, variance) = (read("running_mean")?, read("running_var")?);
    let per_output = weight.len() / outputs;
    for (output, weights) in weight.chunks_exact_mut(per_output).enumerate() {
        let scale = f64::from(gamma[output]) / (f64::from(variance[output]) + epsilon).sqrt();
        for value in weights {
            *value = (f64::from(*value) * scale) as f32;
        }
        let centred = f64::from(bias[output]) - f64::from(mean[output]);
        bias[output] = (f64::from(beta[output]) + centred * scale) as f32;
    }
    Ok(Folded { weight, bias })
}

/// A linear layer's weights are stored as a matrix. As a convolution they get a kernel of the size
/// of the map, 1×1 behind a global pooling: torch flattens maps as C × H × W, so the numbers stay
/// in order.
fn read_weight(convolution: &Convolution, prefix: &str, file: &WeightsFile) -> Result<Vec<f32>> {
    let name = format!("{prefix}.weight");
    let shape = convolution.weight_shape();
    let matrix = [shape[0], shape[1..].iter().product()];
    let is_matrix = file.shape(&name).is_some_and(|found| *found == matrix);
    if is_matrix && convolution.groups == 1 {
        return file.tensor(&name, &matrix);
    }
    file.tensor(&name, &shape)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use safetensors::tensor::{Dtype, TensorView};

    use super::*;
    use crate::backbone::network::{Padding, Value, Window};

    fn names(names: [&str; 2]) -> Vec<WeightNames> {
        let name = |name: &str| WeightNames {
            convolution: name.to_owned(),
            norm: None,
        };
        names.map(name).to_vec()
    }

    /// A convolution of which both namings agree, and a linear layer of which they do not.
    fn network() -> Network {
        let window = |kernel| Window {
            kernel,
            stride: 1,
            padding: Padding::Symmetric(0),
        };
        let mut net = Network::new("two");
        let first = names(["features.0", "features.0"]);
        let x = net.convolution(
            Value::INPUT,
            Convolution::new(first[..1].to_vec(), 3, 2, window(1)),
        );
        let linear = Convolution::new(names(["classifier.0", "head.fc"]), 2, 1, window(2));
        net.convolution(x, linear.biased());
        net
    }

    #[test]
    fn a_matrix_is_read_as_a_kernel_that_covers_the_map_under_either_naming() {
        let bytes: Vec<u8> = (0..8u8).flat_map(|i| f32::from(i).to_le_bytes()).collect();
        let view = |shape: &[usize]| {
            let len = 4 * shape.iter().product::<usize>();
            TensorView::new(Dtype::F32, shape.to_vec(), &bytes[..len]).unwrap()
        };
        for linear in ["classifier.0", "head.fc"] {
            let tensors = HashMap::from([
                ("features.0.weight".to_owned(), view(&[2, 3, 1, 1])),
                (format!("{linear}.weight"), view(&[1, 8])),
                (format!("{linear}.bias"), view(&[1])),
            ]);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("two.safetensors");
            safetensors::serialize_to_file(tensors, None, &path).unwrap();
            let file = WeightsFile::open(path).unwrap();
            let linear = Source::new(&network(), &file).step(1).unwrap().unwrap();
            assert_eq!(linear.weight, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        }
    }
}
