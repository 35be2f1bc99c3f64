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
    /// Reads what `network` needs from `file`, and nothing else.
    ///
    /// The file may use any one of the namings that the family knows.
    ///
    /// # Errors
    /// [`MissingTensor`] or [`WrongTensor`] if the file is not one of this network;
    /// [`Read`] if it cannot be read.
    ///
    /// [`MissingTensor`]: crate::error::Error::MissingTensor
    /// [`WrongTensor`]: crate::error::Error::WrongTensor
    /// [`Read`]: crate::error::Error::Read
    pub fn load(network: &Network, file: &WeightsFile) -> Result<Self> {
        let naming = naming_of(network, file);
        let load_step = |operation: &Operation| match operation {
            Operation::Convolution(convolution) => fold(convolution, naming, file).map(Some),
            _ => Ok(None),
        };
        let steps = network
            .steps()
            .iter()
            .map(|step| load_step(&step.operation));
        Ok(Self(steps.collect::<Result<_>>()?))
    }
}

/// Which of the family's namings the file uses: the one whose first convolution it holds, or the
/// reference's, so that the message about what is missing uses the reference's names.
fn naming_of(network: &Network, file: &WeightsFile) -> usize {
    let first = network
        .steps()
        .iter()
        .find_map(|step| match &step.operation {
            Operation::Convolution(convolution) => Some(&convolution.names),
            _ => None,
        });
    let held = |names: &WeightNames| {
        file.shape(&format!("{}.weight", names.convolution))
            .is_some()
    };
    first
        .and_then(|names| names.iter().position(held))
        .unwrap_or(0)
}

/// Reads one convolution and folds its batch norm in: `w ← w·γ/√(σ² + ε)`,
/// `b ← β + (b − μ)·γ/√(σ² + ε)`, computed in f64 so that folding costs no accuracy.
fn fold(convolution: &Convolution, naming: usize, file: &WeightsFile) -> Result<Folded> {
    let names = &convolution.names[naming.min(convolution.names.len() - 1)];
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

/// A linear layer's weights are stored as a matrix; as a convolution they get a 1×1 kernel.
fn read_weight(convolution: &Convolution, prefix: &str, file: &WeightsFile) -> Result<Vec<f32>> {
    let name = format!("{prefix}.weight");
    let shape = convolution.weight_shape();
    let is_matrix = file.shape(&name).is_some_and(|found| found.len() == 2);
    if is_matrix && convolution.window.kernel == 1 {
        return file.tensor(&name, &shape[..2]);
    }
    file.tensor(&name, &shape)
}
