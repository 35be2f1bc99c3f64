//! Writing a network down, step by step, with everything checked.

use super::convolution::{Activation, Branch, Convolution};
use super::declaration::{Layer, Network};
use super::norm::{BatchNorm, LayerNorm};
use super::step::{Operation, Step};
use super::value::Value;
use super::window::{Padding, Window};
use crate::error::NetworkError;

/// The most channels of a map.
const MOST_CHANNELS: usize = 1 << 20;
/// The most cells along a side of a window, from a window to the next, or of a grid.
const MOST_CELLS: usize = 1 << 10;

/// A network that is being written down. Each method appends a step and gives the value that it
/// makes; what is wrong with a step is kept, and [`NetworkBuilder::build`] tells the first of it.
pub struct NetworkBuilder {
    network: Network,
    fault: Option<Fault>,
}

/// What is wrong with a step or a layer.
struct Fault {
    place: String,
    reason: String,
}

/// What is wrong, in words that end a sentence about the step.
type Checked<T> = std::result::Result<T, String>;

impl NetworkBuilder {
    /// A network that so far only reads RGB pixels.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            network: Network {
                name: name.to_owned(),
                steps: Vec::new(),
                channels: vec![3],
                layers: Vec::new(),
            },
            fault: None,
        }
    }

    /// The network, if every step and every layer fits what was there before it.
    ///
    /// # Errors
    /// [`NetworkError::Invalid`], which names the first step or layer that does not.
    pub fn build(self) -> Result<Network, NetworkError> {
        match self.fault {
            None => Ok(self.network),
            Some(Fault { place, reason }) => Err(NetworkError::Invalid {
                network: self.network.name,
                place,
                reason,
            }),
        }
    }

    /// The network of a family of ours, which a test builds.
    pub(crate) fn finish(self) -> Network {
        self.build().expect("every network of ours is valid")
    }

    /// Appends any step.
    pub fn step(&mut self, step: Step) -> Value {
        let channels = self.check(&step).unwrap_or_else(|reason| {
            self.note(format!("step {}", self.network.steps.len()), reason);
            0
        });
        self.network.steps.push(step);
        self.network.channels.push(channels);
        Value(self.network.steps.len())
    }

    fn append(&mut self, input: Value, operation: Operation) -> Value {
        self.step(Step { input, operation })
    }

    /// Appends a convolution of `input`; its `inputs` are the channels of that value.
    pub fn convolution(&mut self, input: Value, convolution: Convolution) -> Value {
        self.append(input, Operation::Convolution(convolution))
    }

    /// Appends a max-pooling of `input`.
    pub fn max_pool(&mut self, input: Value, window: Window) -> Value {
        self.append(input, Operation::MaxPool(window))
    }

    /// Appends the mean over all positions of `input`.
    pub fn global_average_pool(&mut self, input: Value) -> Value {
        self.append(input, Operation::GlobalAveragePool)
    }

    /// Appends the means over a `side` × `side` grid of `input`.
    pub fn average_pool_to(&mut self, input: Value, side: usize) -> Value {
        self.append(input, Operation::AveragePoolTo(side))
    }

    /// Appends the means over windows of `side` cells of `input`, side by side.
    pub fn average_pool(&mut self, input: Value, side: usize) -> Value {
        self.append(input, Operation::AveragePool(side))
    }

    /// Appends a batch norm of `input`.
    pub fn batch_norm(&mut self, input: Value, norm: BatchNorm) -> Value {
        self.append(input, Operation::BatchNorm(norm))
    }

    /// Appends a layer norm over the channels of `input`.
    pub fn layer_norm(&mut self, input: Value, norm: LayerNorm) -> Value {
        self.append(input, Operation::LayerNorm(norm))
    }

    /// Appends `activation` of `input`.
    pub fn activate(&mut self, input: Value, activation: Activation) -> Value {
        self.append(input, Operation::Activate(activation))
    }

    /// Appends `input` with the channels of `with`, of equal size, behind its own.
    pub fn concatenate(&mut self, input: Value, with: Value) -> Value {
        self.append(input, Operation::Concatenate { with })
    }

    /// Appends `input` with every channel multiplied by its factor in `by`.
    pub fn scale(&mut self, input: Value, by: Value) -> Value {
        self.append(input, Operation::Scale { by })
    }

    /// Names `value` so that it can be tapped.
    pub fn layer(
        &mut self,
        name: impl Into<String>,
        aliases: Vec<String>,
        value: Value,
        ends_stage: bool,
    ) {
        let layer = Layer {
            name: name.into(),
            aliases,
            value,
            channels: self.channels(value),
            ends_stage,
        };
        if let Err(reason) = self.check_layer(&layer) {
            self.note(format!("layer `{}`", layer.name), reason);
        }
        self.network.layers.push(layer);
    }

    /// Channels of a value; 0 of one that is not there, or that a step which does not fit makes.
    #[must_use]
    pub fn channels(&self, value: Value) -> usize {
        let channels = self.network.channels.get(value.0);
        channels.copied().unwrap_or(0)
    }

    /// Gives the last step, the classifier, so many outputs.
    fn set_classes(&mut self, classes: usize) {
        let Some(Step { input, operation }) = self.network.steps.pop() else {
            return;
        };
        self.network.channels.pop();
        let operation = match operation {
            Operation::Convolution(classifier) => Operation::Convolution(Convolution {
                outputs: classes,
                ..classifier
            }),
            other => other,
        };
        let scores = self.append(input, operation);
        let channels = self.channels(scores);
        for layer in &mut self.network.layers {
            if layer.value == scores {
                layer.channels = channels;
            }
        }
    }

    fn note(&mut self, place: String, reason: String) {
        self.fault.get_or_insert(Fault { place, reason });
    }

    /// The channels that a step makes.
    fn check(&self, step: &Step) -> Checked<usize> {
        let inputs = self.made(step.input)?;
        let second = step.second().map(|second| self.made(second)).transpose()?;
        match &step.operation {
            Operation::Convolution(convolution) => {
                check_convolution(convolution, inputs)?;
                if let Some(residual) = second
                    && residual != convolution.outputs
                {
                    let outputs = convolution.outputs;
                    return Err(format!(
                        "adds {residual} channels to a convolution's {outputs}"
                    ));
                }
                Ok(convolution.outputs)
            }
            Operation::MaxPool(window) => {
                check_window(window)?;
                match window.padding {
                    Padding::Symmetric(pad) if pad > window.kernel / 2 => Err(format!(
                        "pads a pooling of {} cells by {pad}, more than half of it",
                        window.kernel
                    )),
                    _ => Ok(inputs),
                }
            }
            Operation::AveragePoolTo(side) | Operation::AveragePool(side) => {
                check_cells("averages over", *side)?;
                Ok(inputs)
            }
            Operation::BatchNorm(BatchNorm { epsilon, names, .. })
            | Operation::LayerNorm(LayerNorm { epsilon, names }) => {
                check_epsilon(*epsilon)?;
                check_named(names)?;
                Ok(inputs)
            }
            Operation::Concatenate { .. } => {
                let channels = inputs + second.unwrap_or(0);
                check_channels(channels)?;
                Ok(channels)
            }
            Operation::Scale { .. } => match second {
                Some(factors) if factors != inputs => {
                    Err(format!("has {factors} factors for {inputs} channels"))
                }
                _ => Ok(inputs),
            },
            Operation::GlobalAveragePool | Operation::Activate(_) => Ok(inputs),
        }
    }

    /// The channels of a value that is there.
    fn made(&self, value: Value) -> Checked<usize> {
        let channels = self.network.channels.get(value.0).copied();
        channels.ok_or_else(|| format!("reads value {}, which nothing before it makes", value.0))
    }

    fn check_layer(&self, layer: &Layer) -> Checked<()> {
        if layer.value == Value::INPUT {
            return Err("names the pixels, which are no layer".to_owned());
        }
        self.made(layer.value)?;
        let mut names: Vec<&String> = layer.aliases.iter().chain([&layer.name]).collect();
        let own = names.len();
        names.sort();
        names.dedup();
        let is_known = |known: &Layer| {
            let mut others = known.aliases.iter().chain([&known.name]);
            others.any(|other| names.binary_search(&other).is_ok())
        };
        if names.len() != own || self.network.layers.iter().any(is_known) {
            return Err("has a name that another has too".to_owned());
        }
        Ok(())
    }
}

impl Network {
    /// The same network telling so many classes apart: its last step is the classifier.
    ///
    /// # Errors
    /// [`NetworkError::Invalid`] if it cannot have so many.
    pub fn with_classes(self, classes: usize) -> Result<Self, NetworkError> {
        let mut builder = NetworkBuilder::from(self);
        builder.set_classes(classes);
        builder.build()
    }
}

impl From<Network> for NetworkBuilder {
    fn from(network: Network) -> Self {
        Self {
            network,
            fault: None,
        }
    }
}

fn check_convolution(convolution: &Convolution, inputs: usize) -> Checked<()> {
    let &Convolution {
        inputs: wanted,
        outputs,
        groups,
        window,
        ..
    } = convolution;
    if wanted != inputs {
        return Err(format!("convolves {wanted} channels of {inputs}"));
    }
    check_named(&convolution.names)?;
    check_channels(inputs)?;
    check_channels(outputs)?;
    check_window(&window)?;
    match window.padding {
        Padding::Symmetric(pad) if pad >= window.kernel => {
            return Err(format!("pads a window of {} cells by {pad}", window.kernel));
        }
        _ => {}
    }
    if groups == 0 || !inputs.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
        return Err(format!(
            "convolves {inputs} channels to {outputs} in {groups} groups"
        ));
    }
    convolution.norm_epsilon.map_or(Ok(()), check_epsilon)?;
    let mut branches = convolution.branches.iter();
    branches.try_for_each(|branch| check_branch(branch, convolution))
}

/// A branch has the sum's channels, and its window lies in the middle of the sum's.
fn check_branch(branch: &Branch, sum: &Convolution) -> Checked<()> {
    let around = match branch {
        Branch::Convolution(part) => {
            check_convolution(part, sum.inputs)?;
            let alike = |of: &Convolution| (of.outputs, of.groups, of.window.stride);
            if alike(part) != alike(sum) {
                return Err("is the sum of convolutions that differ".to_owned());
            }
            sum.window.kernel.checked_sub(part.window.kernel)
        }
        Branch::Identity { epsilon, .. } => {
            check_epsilon(*epsilon)?;
            if sum.inputs != sum.outputs || sum.window.stride != 1 {
                return Err("adds its input to a convolution of another shape".to_owned());
            }
            sum.window.kernel.checked_sub(1)
        }
    };
    match around {
        Some(around) if around.is_multiple_of(2) => Ok(()),
        _ => Err("is the sum of windows that have no common middle".to_owned()),
    }
}

fn check_named<T>(names: &[T]) -> Checked<()> {
    match names {
        [] => Err("has no name for its weights".to_owned()),
        _ => Ok(()),
    }
}

fn check_window(window: &Window) -> Checked<()> {
    check_cells("has a window of", window.kernel)?;
    check_cells("moves its window by", window.stride)
}

fn check_cells(what: &str, cells: usize) -> Checked<()> {
    match cells {
        1..=MOST_CELLS => Ok(()),
        _ => Err(format!("{what} {cells} cells, not 1 to {MOST_CELLS}")),
    }
}

fn check_channels(channels: usize) -> Checked<()> {
    match channels {
        1..=MOST_CHANNELS => Ok(()),
        _ => Err(format!("has {channels} channels, not 1 to {MOST_CHANNELS}")),
    }
}

fn check_epsilon(epsilon: f64) -> Checked<()> {
    if epsilon.is_finite() && epsilon >= 0.0 {
        Ok(())
    } else {
        Err(format!("has a norm with ε = {epsilon}"))
    }
}
