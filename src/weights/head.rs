//! What is trained behind a pooling: linear layers and batch norms that make a descriptor of what was
//! pooled, as `torch.nn.Linear` and `torch.nn.BatchNorm1d` do in evaluation.
//!
//! Such layers belong to no known network: they are named by whoever trained them. A name is a module's,
//! which stands for all of its tensors, or a tensor's; it is looked for beside the network, in what
//! wraps that and in the network itself, the outermost first, so that the whole name always reaches it.

use super::file::WeightsFile;
use super::fit::Fit;
use super::parameters::folded_norm;
use crate::error::{Result, WeightsError};

/// What torch adds to a variance unless told otherwise.
const EPSILON: f64 = 1e-5;
/// What Keras adds.
const EPSILON_OF_KERAS: f64 = 1e-3;

/// Layers of a file that are put behind a pooling, in their order, before their numbers are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadLayout {
    layers: Vec<Layer>,
    outputs: usize,
}

/// One of them, by the whole names of its tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layer {
    /// As briefly as it can be named.
    pub name: String,
    weight: Option<String>,
    bias: Option<String>,
    mean: Option<String>,
    variance: Option<String>,
    pub inputs: usize,
    pub outputs: usize,
}

/// A step of a head with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadStep {
    /// y = A·x + b.
    Linear {
        /// A, `[outputs, inputs]`, row-major.
        matrix: Vec<f32>,
        /// b, `[outputs]`.
        bias: Vec<f32>,
    },
    /// Each value multiplied and moved, as a batch norm does that learns no more.
    Scaled {
        /// What each is multiplied by, `[inputs]`.
        scale: Vec<f32>,
        /// What is added to each, `[inputs]`.
        shift: Vec<f32>,
    },
}

impl HeadLayout {
    /// The layers called `names` in the file that `fit` found a network in, for `inputs` values.
    ///
    /// # Errors
    /// [`WeightsError::MissingTensor`], which suggests the nearest name;
    /// [`WeightsError::HeadMisfit`] where a layer takes another number of values;
    /// [`WeightsError::NoHead`] for a tensor that is of no such layer; [`WeightsError::TensorType`].
    pub fn of(fit: &Fit, file: &WeightsFile, names: &[String], inputs: usize) -> Result<Self> {
        let places = Places::of(fit, file);
        let mut layers: Vec<Layer> = Vec::new();
        for name in names {
            if let Some(module) = places.module(name) {
                layers.push(module);
                continue;
            }
            let Some(whole) = places.tensor(name) else {
                return Err(places.missing(name).into());
            };
            let is_taken = |layer: &mut Layer| layer.take(&whole, file);
            if !layers.last_mut().is_some_and(is_taken) {
                let mut layer = Layer::default();
                layer.take(&whole, file);
                layers.push(layer);
            }
        }
        let mut outputs = inputs;
        for layer in &mut layers {
            outputs = layer.checked(outputs, &places)?;
        }
        Ok(Self { layers, outputs })
    }

    /// How many values it makes.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// The names by which it is found again, as short as can be.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let names = self.layers.iter().map(|layer| layer.name.clone());
        names.collect()
    }

    /// Reads the numbers, norms folded in f64.
    ///
    /// # Errors
    /// [`WeightsError::NotFinite`]; [`FileError::Read`](crate::error::FileError::Read).
    pub fn read(&self, file: &WeightsFile) -> Result<Vec<HeadStep>> {
        let layers = self.layers.iter();
        layers.map(|layer| layer.read(file)).collect()
    }
}

impl Layer {
    /// Takes a tensor that was named by itself, if it may belong to this layer.
    fn take(&mut self, whole: &str, file: &WeightsFile) -> bool {
        let axes = file.shape_of(whole).map_or(0, <[usize]>::len);
        let (parent, last) = whole.rsplit_once('.').unwrap_or(("", whole));
        let is_beside = |known: &Option<String>| {
            let parent_of =
                |name: &String| name.rsplit_once('.').map_or("", |(it, _)| it) == parent;
            known.as_ref().is_none_or(parent_of)
        };
        let known = [&self.weight, &self.bias, &self.mean, &self.variance];
        if !known.into_iter().all(is_beside) {
            return false;
        }
        let slot = match last {
            "running_mean" => &mut self.mean,
            "running_var" => &mut self.variance,
            "weight" => &mut self.weight,
            _ if axes > 1 => &mut self.weight,
            _ => &mut self.bias,
        };
        let is_free = slot.is_none();
        if is_free {
            *slot = Some(whole.to_owned());
        }
        is_free
    }

    /// How many values it makes of so many, where it fits them.
    fn checked(&mut self, given: usize, places: &Places<'_>) -> Result<usize, WeightsError> {
        self.name = self.shortest(places);
        self.sizes(places)?;
        if self.inputs != given {
            return Err(WeightsError::HeadMisfit {
                path: places.file.path().to_owned(),
                name: self.name.clone(),
                what: self.kind(),
                takes: self.inputs,
                outputs: self.outputs,
                given,
            });
        }
        Ok(self.outputs)
    }

    /// Finds how many values it takes and makes.
    fn sizes(&mut self, places: &Places<'_>) -> Result<(), WeightsError> {
        let shape = |name: &Option<String>| {
            let shape = places.file.shape_of(name.as_deref()?);
            Some(shape.unwrap_or_default().to_vec())
        };
        let [weight, bias] = [shape(&self.weight), shape(&self.bias)];
        let [mean, variance] = [shape(&self.mean), shape(&self.variance)];
        let vector_of =
            |size: usize, it: &Option<Vec<usize>>| it.as_ref().is_none_or(|it| *it == [size]);
        (self.inputs, self.outputs) = match (weight.as_deref(), mean.as_deref(), variance) {
            (Some([outputs, inputs] | [outputs, inputs, 1, 1]), None, None)
                if *outputs > 0 && vector_of(*outputs, &bias) =>
            {
                (*inputs, *outputs)
            }
            (None | Some([_]), Some([size]), variance @ Some(_))
                if [&weight, &bias, &variance]
                    .into_iter()
                    .all(|it| vector_of(*size, it)) =>
            {
                (*size, *size)
            }
            _ => {
                return Err(WeightsError::NoHead {
                    path: places.file.path().to_owned(),
                    name: self.name.clone(),
                    shape: weight.or(mean).or(bias).unwrap_or_default(),
                });
            }
        };
        Ok(())
    }

    /// Its module, if all is named that this has; else its tensors one by one.
    fn shortest(&self, places: &Places<'_>) -> String {
        let named = [&self.weight, &self.bias, &self.mean, &self.variance];
        let named: Vec<&String> = named.into_iter().flatten().collect();
        let module = named.first().and_then(|name| name.rsplit_once('.'));
        let module = module.map(|(module, _)| places.shortened(module));
        let same = |module: &String| {
            let known = places.module(module);
            known.is_some_and(|known| {
                (&known.weight, &known.bias) == (&self.weight, &self.bias)
                    && (&known.mean, &known.variance) == (&self.mean, &self.variance)
            })
        };
        module.filter(same).unwrap_or_else(|| {
            let names = named.into_iter().map(|name| places.shortened(name));
            names.collect::<Vec<_>>().join("/")
        })
    }

    pub(super) const fn kind(&self) -> &'static str {
        if self.mean.is_some() {
            "batch norm"
        } else {
            "linear layer"
        }
    }

    fn read(&self, file: &WeightsFile) -> Result<HeadStep> {
        let vector = |name: &Option<String>, size: usize, absent: f32| match name {
            Some(name) => file.whole(name, &[size]),
            None => Ok(vec![absent; size]),
        };
        let bias = vector(&self.bias, self.outputs, 0.0)?;
        if self.mean.is_none() {
            let name = self.weight.as_deref().unwrap_or_default();
            let shape = file.shape_of(name).unwrap_or_default();
            let matrix = file.whole(name, shape)?;
            return Ok(HeadStep::Linear { matrix, bias });
        }
        let gamma = vector(&self.weight, self.inputs, 1.0)?;
        let mean = vector(&self.mean, self.inputs, 0.0)?;
        let variance = vector(&self.variance, self.inputs, 1.0)?;
        let epsilon = if file.channels_last() {
            EPSILON_OF_KERAS
        } else {
            EPSILON
        };
        let of = |i: usize| {
            let (scale, shift) = folded_norm([gamma[i], bias[i], mean[i], variance[i]], epsilon);
            (scale as f32, shift as f32)
        };
        let (scale, shift) = (0..self.inputs).map(of).unzip();
        Ok(HeadStep::Scaled { scale, shift })
    }
}

/// Where names are looked for: before the network's own, and before what wraps it.
pub(super) struct Places<'a> {
    pub file: &'a WeightsFile,
    /// What stands before names, the outermost first.
    pub starts: Vec<&'a str>,
}

impl<'a> Places<'a> {
    pub fn of(fit: &'a Fit, file: &'a WeightsFile) -> Self {
        let prefix = fit.prefix.as_str();
        let ends = prefix.match_indices('.').map(|(at, _)| at + 1);
        let starts = [0].into_iter().chain(ends).map(|end| &prefix[..end]);
        Self {
            file,
            starts: starts.collect(),
        }
    }

    /// A module that has a weight or is a norm, with all that it has.
    pub fn module(&self, name: &str) -> Option<Layer> {
        let held = |start: &&str, part: &str| {
            let whole = format!("{start}{name}.{part}");
            self.file.shape_of(&whole).map(|_| whole)
        };
        let is_there = |start: &&str| {
            ["weight", "running_mean"]
                .iter()
                .any(|part| held(start, part).is_some())
        };
        let start = *self.starts.iter().find(|start| is_there(start))?;
        let mut layer = Layer {
            name: name.to_owned(),
            weight: held(&start, "weight"),
            bias: held(&start, "bias"),
            mean: held(&start, "running_mean"),
            variance: held(&start, "running_var"),
            ..Layer::default()
        };
        // Where it is none, that is told by whoever needs its sizes.
        let _ = layer.sizes(self);
        Some(layer)
    }

    /// The whole name of a tensor.
    pub fn tensor(&self, name: &str) -> Option<String> {
        let mut wholes = self.starts.iter().map(|start| format!("{start}{name}"));
        wholes.find(|whole| self.file.shape_of(whole).is_some())
    }

    /// A whole name without what stands before all that is looked for there.
    pub fn shortened(&self, whole: &str) -> String {
        let inner = self.starts.iter().rev();
        let mut shorter = inner.filter_map(|start| whole.strip_prefix(start));
        let found = |name: &&str| {
            let first = self.starts.iter().map(|start| format!("{start}{name}"));
            let mut held = first.filter(|it| self.file.holds(it));
            held.next().is_some_and(|it| it == whole)
        };
        shorter.find(found).unwrap_or(whole).to_owned()
    }

    pub fn missing(&self, name: &str) -> WeightsError {
        WeightsError::MissingTensor {
            path: self.file.path().to_owned(),
            name: name.to_owned(),
            nearest: self.nearest(name),
        }
    }

    /// The module or tensor most like `name`.
    fn nearest(&self, name: &str) -> Option<String> {
        let all = self.file.all().flat_map(|(whole, _)| {
            let module = whole.rsplit_once('.').map(|(module, _)| module);
            [Some(whole), module].into_iter().flatten()
        });
        let shortened = all.flat_map(|whole| {
            let starts = self.starts.iter();
            starts.filter_map(move |start| whole.strip_prefix(start))
        });
        crate::nearest::nearest(name, shortened)
    }
}
