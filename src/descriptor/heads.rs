//! What a file of weights has for a spec's parts beside the network: the layers behind their poolings, and
//! the exponents of those.

use super::pooling::Pooling;
use super::spec::{DescriptorSpec, Part};
use super::vector::dot;
use crate::error::Result;
use crate::network::Network;
use crate::weights::heads::{AUTO, exponent, find};
use crate::weights::{Fit, HeadLayout, HeadStep, WeightsFile};

/// What the parts of a spec are made with, found in the file.
pub struct Heads {
    parts: Vec<Part>,
    layouts: Vec<Option<HeadLayout>>,
    /// Number of values of a descriptor.
    pub dimension: usize,
}

impl Heads {
    /// Finds them behind the layers of `network`, which lies in the file as `fit` says, for pictures of
    /// this height and width.
    ///
    /// # Errors
    /// As [`HeadLayout::of`], [`find`] and [`exponent`];
    /// [`NetworkError::UnknownLayer`](crate::error::NetworkError::UnknownLayer).
    pub fn find(
        spec: &DescriptorSpec,
        network: &Network,
        (fit, file): (&Fit, &WeightsFile),
        (height, width): (usize, usize),
    ) -> Result<Self> {
        let mut found = Self {
            parts: spec.parts.clone(),
            layouts: Vec::with_capacity(spec.parts.len()),
            dimension: 0,
        };
        let shapes = network.shapes(height, width);
        for part in &mut found.parts {
            let shape = shapes[network.find_layer(&part.layer)?.value.0];
            let inputs = part.pooling.dimension(shape);
            let mut layout = None;
            if let Some(name) = part.exponent.take() {
                let p = exponent(fit, file, &name)?;
                part.pooling = Pooling::Gem { p };
            }
            if part.head == [AUTO] {
                part.head = find(network, fit, file, inputs)?;
            }
            if !part.head.is_empty() {
                let of_part = HeadLayout::of(fit, file, &part.head, inputs)?;
                part.head = of_part.names();
                layout = Some(of_part);
            }
            if !part.added {
                found.dimension += layout.as_ref().map_or(inputs, HeadLayout::outputs);
            }
            found.layouts.push(layout);
        }
        Ok(found)
    }

    /// The spec's parts with what was found, by its shortest names.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What stands for `auto` in these parts; none where nothing was left open.
    #[must_use]
    pub fn found(&self, asked: &DescriptorSpec) -> Option<String> {
        let mut said = Vec::new();
        for (part, asked) in self.parts.iter().zip(&asked.parts) {
            if asked.exponent.is_some() {
                said.push(format!(
                    "GeM's exponent of {} is in {}",
                    part.layer, part.pooling
                ));
            }
            if asked.head == [AUTO] {
                let (layer, names) = (&part.layer, part.head.join(","));
                said.push(format!("the projection behind {layer} is `{names}`"));
            }
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// The numbers, for each part.
    ///
    /// # Errors
    /// As [`HeadLayout::read`].
    pub fn read(&self, file: &WeightsFile) -> Result<Vec<Head>> {
        let layouts = self.layouts.iter();
        let read = |layout: &Option<HeadLayout>| {
            let steps = layout.as_ref().map(|layout| layout.read(file));
            Ok(Head(steps.transpose()?.unwrap_or_default()))
        };
        layouts.map(read).collect()
    }
}

/// The layers behind a pooling; none leave what was pooled as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Head(Vec<HeadStep>);

impl From<Vec<HeadStep>> for Head {
    fn from(steps: Vec<HeadStep>) -> Self {
        Self(steps)
    }
}

impl Head {
    /// In their order.
    #[must_use]
    pub fn steps(&self) -> &[HeadStep] {
        &self.0
    }

    /// What they make of a pooled vector of as many values as the first takes.
    #[must_use]
    pub fn apply(&self, mut values: Vec<f32>) -> Vec<f32> {
        for step in &self.0 {
            match step {
                HeadStep::Linear { matrix, bias } => {
                    let rows = matrix.chunks_exact(values.len().max(1)).zip(bias);
                    values = rows.map(|(row, bias)| dot(row, &values) + bias).collect();
                }
                HeadStep::Scaled { scale, shift } => {
                    for (value, (scale, shift)) in values.iter_mut().zip(scale.iter().zip(shift)) {
                        *value = *value * scale + shift;
                    }
                }
            }
        }
        values
    }
}
