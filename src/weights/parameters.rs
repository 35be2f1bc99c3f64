//! A network's trained numbers, with each batch norm folded into its convolution.

use super::file::{View, WeightsFile};
use super::fit::Fit;
use super::wanted::{learns_nothing, named, under};
use crate::error::Result;
use crate::network::{BatchNorm, Branch, Convolution, LayerNorm, Network, Operation, Value};

/// A step's weights and bias after folding: all that running it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// A convolution's `[outputs, inputs / groups, kernel, kernel]`, row-major; a norm's factors
    /// `[channels]`.
    pub weight: Vec<f32>,
    /// `[outputs]` or `[channels]`.
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
    file: View<'a>,
    naming: usize,
}

impl<'a> Source<'a> {
    /// The file may use any one of the namings that the family knows, behind any prefix.
    #[must_use]
    pub fn new(network: &'a Network, file: &'a WeightsFile) -> Self {
        let fit = Fit::of(network, file);
        Self {
            network,
            file: fit.view(file),
            naming: fit.naming,
        }
    }

    /// Reads what one step needs; `None` if that is nothing.
    ///
    /// # Errors
    /// [`MissingTensor`] or [`WrongTensor`] if the file is not one of this network;
    /// [`Read`] if it cannot be read.
    ///
    /// [`MissingTensor`]: crate::error::WeightsError::MissingTensor
    /// [`WrongTensor`]: crate::error::WeightsError::WrongTensor
    /// [`Read`]: crate::error::FileError::Read
    pub fn step(&self, step: usize) -> Result<Option<Folded>> {
        let channels = self.network.channels(Value(step + 1));
        let (naming, file) = (self.naming, &self.file);
        match &self.network.steps()[step].operation {
            Operation::Convolution(convolution) => load(convolution, naming, file).map(Some),
            Operation::BatchNorm(norm) => batch_norm(norm, channels, naming, file).map(Some),
            Operation::LayerNorm(norm) => layer_norm(norm, channels, naming, file).map(Some),
            _ => Ok(None),
        }
    }
}

/// Reads one convolution, adding up its branches where the file has those.
fn load(convolution: &Convolution, naming: usize, file: &View<'_>) -> Result<Folded> {
    let own = format!("{}.weight", under(convolution, naming).convolution);
    if convolution.branches.is_empty() || file.shape(&own).is_some() {
        return fold(convolution, naming, file);
    }
    let mut sum = Folded {
        weight: vec![0.0; convolution.weight_shape().iter().product()],
        bias: vec![0.0; convolution.outputs],
    };
    let side = convolution.window.kernel;
    for branch in &convolution.branches {
        match branch {
            Branch::Convolution(part) => {
                let folded = fold(part, naming, file)?;
                sum.add(&folded, side, part.window.kernel);
            }
            Branch::Identity { norm, epsilon } => {
                let changes = scale_and_shift(norm, *epsilon, convolution.outputs, file)?;
                sum.add(&norm_as_convolution(&changes, convolution), side, side);
            }
        }
    }
    Ok(sum)
}

impl Folded {
    /// Adds a convolution of the same channels, whose kernel lies in the middle of this one's.
    fn add(&mut self, other: &Self, side: usize, other_side: usize) {
        let start = (side - other_side) / 2;
        let kernels = self.weight.chunks_exact_mut(side * side);
        for (kernel, added) in kernels.zip(other.weight.chunks_exact(other_side * other_side)) {
            for (index, value) in added.iter().enumerate() {
                let (row, column) = (start + index / other_side, start + index % other_side);
                kernel[row * side + column] += value;
            }
        }
        for (bias, added) in self.bias.iter_mut().zip(&other.bias) {
            *bias += added;
        }
    }
}

/// A batch norm alone, as a convolution of `like`'s channels with a kernel of its side.
fn norm_as_convolution(changes: &[(f64, f64)], like: &Convolution) -> Folded {
    let [outputs, inputs, side, _] = like.weight_shape();
    let mut weight = vec![0.0; outputs * inputs * side * side];
    let middle = side / 2 * side + side / 2;
    for (output, (scale, _)) in changes.iter().enumerate() {
        // In groups an output sees only the inputs of its own.
        let input = output % inputs;
        weight[(output * inputs + input) * side * side + middle] = *scale as f32;
    }
    let bias = changes.iter().map(|(_, shift)| *shift as f32).collect();
    Folded { weight, bias }
}

/// Reads one convolution and folds its batch norm and its layer scale in: `w ← w·s`,
/// `b ← b·s + t`, computed in f64 so that folding costs no accuracy.
fn fold(convolution: &Convolution, naming: usize, file: &View<'_>) -> Result<Folded> {
    let names = under(convolution, naming);
    let outputs = convolution.outputs;
    let mut weight = read_weight(convolution, &names.convolution, file)?;
    let mut bias = if convolution.bias {
        file.tensor(&format!("{}.bias", names.convolution), &[outputs])?
    } else {
        vec![0.0; outputs]
    };
    let mut change = vec![(1.0, 0.0); outputs];
    if let (Some(epsilon), Some(norm)) = (convolution.norm_epsilon, &names.norm) {
        let epsilon = names.epsilon.unwrap_or(epsilon);
        change = scale_and_shift(norm, epsilon, outputs, file)?;
    }
    if !convolution.layer_scale.is_empty() {
        let name = named(&convolution.layer_scale, naming);
        for ((scale, shift), factor) in change.iter_mut().zip(read_scale(name, outputs, file)?) {
            *scale *= f64::from(factor);
            *shift *= f64::from(factor);
        }
    }
    let per_output = weight.len() / outputs;
    let parts = weight.chunks_exact_mut(per_output).zip(&mut bias);
    for ((weights, bias), (scale, shift)) in parts.zip(change) {
        for value in weights {
            *value = (f64::from(*value) * scale) as f32;
        }
        *bias = (f64::from(*bias) * scale + shift) as f32;
    }
    Ok(Folded { weight, bias })
}

/// What a batch norm multiplies each channel by and then adds: γ/√(σ² + ε) and
/// β − μ·γ/√(σ² + ε).
fn scale_and_shift(
    norm: &str,
    epsilon: f64,
    channels: usize,
    file: &View<'_>,
) -> Result<Vec<(f64, f64)>> {
    let read = |part: &str| file.tensor(&format!("{norm}.{part}"), &[channels]);
    let (gamma, beta) = if learns_nothing(norm, file) {
        (vec![1.0; channels], vec![0.0; channels])
    } else {
        (read("weight")?, read("bias")?)
    };
    let (mean, variance) = (read("running_mean")?, read("running_var")?);
    let of = |i: usize| folded_norm([gamma[i], beta[i], mean[i], variance[i]], epsilon);
    Ok((0..channels).map(of).collect())
}

/// The same of one channel's γ, β, μ and σ².
pub(super) fn folded_norm(channel: [f32; 4], epsilon: f64) -> (f64, f64) {
    let [gamma, beta, mean, variance] = channel.map(f64::from);
    let scale = gamma / (variance + epsilon).sqrt();
    (scale, beta - mean * scale)
}

/// A layer scale stands in a file as `[C]` or, where maps are `[C, H, W]`, as `[C, 1, 1]`.
fn read_scale(name: &str, channels: usize, file: &View<'_>) -> Result<Vec<f32>> {
    match file.shape(name) {
        Some(&[_]) => file.tensor(name, &[channels]),
        _ => file.tensor(name, &[channels, 1, 1]),
    }
}

fn batch_norm(norm: &BatchNorm, channels: usize, naming: usize, file: &View<'_>) -> Result<Folded> {
    let name = named(&norm.names, naming);
    let change = scale_and_shift(name, norm.epsilon, channels, file)?;
    let (weight, bias) = change
        .into_iter()
        .map(|(scale, shift)| (scale as f32, shift as f32))
        .unzip();
    Ok(Folded { weight, bias })
}

fn layer_norm(norm: &LayerNorm, channels: usize, naming: usize, file: &View<'_>) -> Result<Folded> {
    let name = named(&norm.names, naming);
    Ok(Folded {
        weight: file.tensor(&format!("{name}.weight"), &[channels])?,
        bias: file.tensor(&format!("{name}.bias"), &[channels])?,
    })
}

/// A linear layer's weights are stored as a matrix. As a convolution they get a kernel of the size
/// of the map, 1×1 behind a global pooling.
fn read_weight(convolution: &Convolution, prefix: &str, file: &View<'_>) -> Result<Vec<f32>> {
    let name = format!("{prefix}.weight");
    let shape = convolution.weight_shape();
    let matrix = [shape[0], shape[1..].iter().product()];
    let is_matrix = file.shape(&name).is_some_and(|found| *found == matrix);
    if is_matrix && convolution.groups == 1 {
        return file.matrix_as_kernel(&name, shape);
    }
    file.tensor(&name, &shape)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use safetensors::tensor::{Dtype, TensorView};

    use super::*;
    use crate::network::{NetworkBuilder, Padding, WeightNames, Window};

    fn names(names: [&str; 2]) -> Vec<WeightNames> {
        names.map(WeightNames::bare).to_vec()
    }

    /// A convolution of which both namings agree, and a linear layer of which they do not.
    fn network() -> Network {
        let window = |kernel| Window {
            kernel,
            stride: 1,
            padding: Padding::Symmetric(0),
        };
        let mut net = NetworkBuilder::new("two");
        let first = names(["features.0", "features.0"]);
        let x = net.convolution(
            Value::INPUT,
            Convolution::new(first[..1].to_vec(), 3, 2, window(1)),
        );
        let linear = Convolution::new(names(["classifier.0", "head.fc"]), 2, 1, window(2));
        net.convolution(x, linear.biased());
        net.finish()
    }

    fn window(kernel: usize) -> Window {
        Window {
            kernel,
            stride: 1,
            padding: Padding::Symmetric(kernel / 2),
        }
    }

    /// The parameters of a network of this one convolution, from a file of these tensors.
    fn load_one(convolution: Convolution, tensors: &[(&str, &[usize], &[f32])]) -> Folded {
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
            .collect();
        let mut views = HashMap::new();
        for ((name, shape, _), bytes) in tensors.iter().zip(&bytes) {
            let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes);
            views.insert((*name).to_owned(), view.unwrap());
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.safetensors");
        safetensors::serialize_to_file(views, None, &path).unwrap();
        let mut net = NetworkBuilder::new("one");
        net.convolution(Value::INPUT, convolution);
        let net = net.finish();
        let file = WeightsFile::open(path).unwrap();
        let mut parameters = Parameters::load(&Source::new(&net, &file)).unwrap();
        parameters.0.remove(0).unwrap()
    }

    /// A 3×3 convolution of each of three channels, trained as itself, a 1×1 one and the input.
    fn sum() -> Convolution {
        let part = |name: &str, kernel| {
            let names = vec![WeightNames::bare(name)];
            Convolution::new(names, 3, 3, window(kernel))
                .depthwise()
                .biased()
        };
        let small = Branch::Convolution(Box::new(part("small", 1)));
        let large = Branch::Convolution(Box::new(part("large", 3)));
        let identity = Branch::Identity {
            norm: "identity".into(),
            epsilon: 0.0,
        };
        part("fused", 3).sum_of(vec![large, small, identity])
    }

    #[test]
    fn a_sum_of_branches_is_loaded_as_the_one_convolution_that_it_is_equal_to() {
        let ones = [1.0; 27];
        let folded = load_one(
            sum(),
            &[
                ("large.weight", &[3, 1, 3, 3], &ones),
                ("large.bias", &[3], &[1.0, 2.0, 3.0]),
                ("small.weight", &[3, 1, 1, 1], &[10.0, 20.0, 30.0]),
                ("small.bias", &[3], &[0.0, 0.0, 5.0]),
                ("identity.weight", &[3], &[200.0, 200.0, 200.0]),
                ("identity.bias", &[3], &[0.0, 7.0, 0.0]),
                ("identity.running_mean", &[3], &[0.0, 0.0, 2.0]),
                ("identity.running_var", &[3], &[4.0, 4.0, 4.0]),
            ],
        );
        for (channel, kernel) in folded.weight.chunks_exact(9).enumerate() {
            let mut expected = [1.0; 9];
            expected[4] = 1.0 + 10.0 * (channel + 1) as f32 + 100.0;
            assert_eq!(kernel, expected);
        }
        assert_eq!(folded.bias, [1.0, 9.0, 3.0 + 5.0 - 200.0]);
    }

    #[test]
    fn a_sum_that_is_fused_in_the_file_is_read_as_it_is() {
        let weight: Vec<f32> = (0..27u8).map(f32::from).collect();
        let tensors: [(&str, &[usize], &[f32]); 2] = [
            ("fused.weight", &[3, 1, 3, 3], &weight),
            ("fused.bias", &[3], &[1.0, 2.0, 3.0]),
        ];
        let folded = load_one(sum(), &tensors);
        assert_eq!((folded.weight, folded.bias), (weight, vec![1.0, 2.0, 3.0]));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "powers of two, which are exact")]
    fn a_naming_whose_networks_were_trained_with_another_epsilon_is_folded_with_that() {
        let names = vec![
            WeightNames::normed(["conv", "bn"]),
            WeightNames::normed(["timm_conv", "timm_bn"]).with_epsilon(3.0),
        ];
        let scale = |prefix: [&str; 2]| {
            let convolution = Convolution::new(names.clone(), 3, 1, window(1)).norm(0.0);
            let [conv, norm] = prefix;
            let parts = ["weight", "bias", "running_mean", "running_var"];
            let parts = parts.map(|part| format!("{norm}.{part}"));
            let weight = format!("{conv}.weight");
            let folded = load_one(
                convolution,
                &[
                    (&weight, &[1, 3, 1, 1], &[1.0, 1.0, 1.0]),
                    (&parts[0], &[1], &[1.0]),
                    (&parts[1], &[1], &[0.0]),
                    (&parts[2], &[1], &[0.0]),
                    (&parts[3], &[1], &[1.0]),
                ],
            );
            folded.weight[0]
        };
        assert_eq!(scale(["conv", "bn"]), 1.0);
        assert_eq!(scale(["timm_conv", "timm_bn"]), 0.5);
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
