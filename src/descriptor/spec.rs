//! What a descriptor is made of, as one line of text.

use std::fmt;
use std::str::FromStr;

use super::pooling::Pooling;
use super::vector::{UnitVector, normalize_in_place};
use crate::error::{DescriptorError, NetworkError, Result};
use crate::network::Network;

/// A layer, how it is pooled, and its weight among the parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The layer's name.
    pub layer: String,
    /// How its map becomes a vector.
    pub pooling: Pooling,
    /// The number in the file of weights that is GeM's exponent in place of the pooling's, or `auto`; none
    /// once it was read, and so never in a [`Fingerprint`](super::Fingerprint).
    pub exponent: Option<String>,
    /// Layers of the file of weights that the vector then goes through, before it is scaled to length 1:
    /// linear layers and batch norms by their names, or `auto`. Often none.
    pub head: Vec<String>,
    /// Its share: each part has length 1 before it is multiplied by this. Above 0.
    pub weight: f32,
}

impl Part {
    /// A layer's pooling as it is, of weight 1.
    #[must_use]
    pub fn new(layer: &str, pooling: Pooling) -> Self {
        Self {
            layer: layer.to_owned(),
            pooling,
            exponent: None,
            head: Vec::new(),
            weight: 1.0,
        }
    }

    /// Whether the two are made alike, whatever their weights.
    #[must_use]
    pub fn is_made_as(&self, other: &Self) -> bool {
        let made = |it: &Self| Self {
            weight: 1.0,
            ..it.clone()
        };
        made(self) == made(other)
    }

    /// The part of a file's layers that it names, from `LAYER[,LAYER…]`.
    ///
    /// # Errors
    /// What is wrong with a name.
    pub fn projected_from(self, names: &str) -> Result<Self, &'static str> {
        let names = names.split([',', '/']).map(str::trim);
        let head: Vec<String> = names.map(str::to_owned).collect();
        let usable = |name: &String| !name.is_empty() && !name.contains(['+', '*', '@', ':']);
        if head.iter().all(usable) {
            Ok(Self { head, ..self })
        } else {
            Err("a projection's name is missing or has one of `+*@:`")
        }
    }
}

impl fmt::Display for Part {
    /// Without the weight.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.layer)?;
        match &self.exponent {
            Some(name) => write!(f, "{EXPONENT_FROM}{name}")?,
            None => write!(f, "{}", self.pooling)?,
        }
        for name in &self.head {
            write!(f, "/{name}")?;
        }
        Ok(())
    }
}

/// What stands before the name of a number that is GeM's exponent.
const EXPONENT_FROM: &str = "gem=";

/// A model and the parts its descriptors are joined from:
/// `MODEL:LAYER[/POOLING[/PROJECTION…]][*WEIGHT][+…]`.
///
/// A projection is a layer that somebody trained behind the pooling, by its name in the file of weights:
/// `resnet50:layer4/gem/embeddings.1`. `gem=pool.p` reads GeM's exponent there.
///
/// ```
/// use imgsearch::DescriptorSpec;
///
/// let spec: DescriptorSpec = "efficientnet_lite0:blocks.10/gem*0.5+head".parse()?;
/// assert_eq!(spec.to_string(), "efficientnet_lite0:blocks.10/gem*0.5+head/gap");
/// # Ok::<(), imgsearch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DescriptorSpec {
    /// The model's name in the catalogue; of a network of one's own, its architecture's.
    pub model: String,
    /// At least one.
    pub parts: Vec<Part>,
}

impl DescriptorSpec {
    /// GAP of one layer.
    #[must_use]
    pub fn gap(model: &str, layer: &str) -> Self {
        Self {
            model: model.to_owned(),
            parts: vec![Part::new(layer, Pooling::Gap)],
        }
    }

    /// The same spec with the network's canonical layer names.
    ///
    /// # Errors
    /// [`NetworkError::UnknownLayer`].
    pub fn resolve(mut self, network: &Network) -> Result<Self, NetworkError> {
        for part in &mut self.parts {
            part.layer
                .clone_from(&network.find_layer(&part.layer)?.name);
        }
        Ok(self)
    }

    /// The layers of the parts, in order.
    #[must_use]
    pub fn layers(&self) -> Vec<&str> {
        self.parts.iter().map(|part| part.layer.as_str()).collect()
    }

    /// Number of values that are pooled of a picture of `height` × `width` pixels: those of a descriptor,
    /// unless layers of one's own make others of them.
    ///
    /// # Errors
    /// [`NetworkError::UnknownLayer`].
    pub fn dimension(
        &self,
        network: &Network,
        height: usize,
        width: usize,
    ) -> Result<usize, NetworkError> {
        let shapes = network.shapes(height, width);
        let of = |part: &Part| {
            let shape = shapes[network.find_layer(&part.layer)?.value.0];
            Ok(part.pooling.dimension(shape))
        };
        self.parts.iter().map(of).sum()
    }

    /// Whether the dimension depends on the size of the picture.
    #[must_use]
    pub fn needs_fixed_size(&self) -> bool {
        self.parts
            .iter()
            .any(|part| part.pooling == Pooling::Direct)
    }

    /// Joins the pooled vectors of the parts: each scaled to length 1, weighted, concatenated; the
    /// whole scaled to length 1 again.
    ///
    /// # Errors
    /// [`DescriptorError::ZeroDescriptor`], [`DescriptorError::NonFiniteDescriptor`].
    pub fn combine(&self, pooled: Vec<Vec<f32>>) -> Result<UnitVector, DescriptorError> {
        let mut joined = Vec::with_capacity(pooled.iter().map(Vec::len).sum());
        for (part, mut values) in self.parts.iter().zip(pooled) {
            normalize_in_place(&mut values)?;
            joined.extend(values.iter().map(|value| value * part.weight));
        }
        UnitVector::normalize(joined)
    }
}

impl fmt::Display for DescriptorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.model)?;
        for (index, part) in self.parts.iter().enumerate() {
            let join = if index == 0 { "" } else { "+" };
            write!(f, "{join}{part}")?;
            if (part.weight - 1.0).abs() > f32::EPSILON {
                write!(f, "*{}", part.weight)?;
            }
        }
        Ok(())
    }
}

impl FromStr for DescriptorSpec {
    type Err = DescriptorError;

    fn from_str(text: &str) -> Result<Self, DescriptorError> {
        let invalid = |reason: &'static str| DescriptorError::InvalidSpec {
            spec: text.to_owned(),
            reason,
        };
        let (model, parts) = text
            .split_once(':')
            .ok_or_else(|| invalid("no `:` behind the model"))?;
        if model.is_empty() || parts.is_empty() {
            return Err(invalid("the model or the layers are missing"));
        }
        let part = |part: &str| parse_part(part).map_err(invalid);
        let parts = parts.split('+').map(part).collect::<Result<_, _>>()?;
        Ok(Self {
            model: model.to_owned(),
            parts,
        })
    }
}

fn parse_part(text: &str) -> Result<Part, &'static str> {
    let (text, weight) = match text.split_once('*') {
        Some((text, weight)) => (
            text,
            weight.parse().map_err(|_| "a weight is not a number")?,
        ),
        None => (text, 1.0f32),
    };
    if !(weight.is_finite() && weight > 0.0) {
        return Err("a weight is not above 0");
    }
    let (layer, pooling) = text.split_once('/').unwrap_or((text, "gap"));
    let (pooling, head) = match pooling.split_once('/') {
        Some((pooling, head)) => (pooling, Some(head)),
        None => (pooling, None),
    };
    let (pooling, exponent) = match pooling.strip_prefix(EXPONENT_FROM) {
        Some("") => return Err("the name of GeM's exponent is missing"),
        Some(name) => ("gem", Some(name.to_owned())),
        None => (pooling, None),
    };
    if layer.is_empty() {
        return Err("a layer's name is missing");
    }
    let part = Part {
        exponent,
        weight,
        ..Part::new(layer, pooling.parse()?)
    };
    match head {
        Some(names) => part.projected_from(names),
        None => Ok(part),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pooling() -> impl Strategy<Value = Pooling> {
        prop_oneof![
            Just(Pooling::Direct),
            Just(Pooling::Gap),
            Just(Pooling::Max),
            Just(Pooling::RMac),
            (1u32..80).prop_map(|tenths| Pooling::Gem {
                p: tenths as f32 / 10.0
            }),
        ]
    }

    prop_compose! {
        fn part()(
            layer in "[a-z][a-z0-9_.]{0,9}",
            pooling in pooling(),
            from_file in prop::option::of("[a-z.]{1,9}"),
            head in prop::collection::vec("[a-z][a-z0-9_.]{0,9}", 0..3),
            hundredths in 1u32..400,
        ) -> Part {
            let gem = Pooling::Gem { p: 3.0 };
            let pooling = from_file.as_ref().map_or(pooling, |_| gem);
            Part { layer, pooling, exponent: from_file, head, weight: hundredths as f32 / 100.0 }
        }
    }

    proptest! {
        #[test]
        fn a_printed_spec_parses_to_itself(
            parts in prop::collection::vec(part(), 1..4),
        ) {
            let spec = DescriptorSpec { model: "resnet50".into(), parts };
            prop_assert_eq!(spec.to_string().parse::<DescriptorSpec>().unwrap(), spec);
        }
    }

    #[test]
    fn malformed_specs_are_errors() {
        for text in [
            "",
            "head",
            ":head",
            "m:",
            "m:a+",
            "m:a*x",
            "m:a*0",
            "m:a*-1",
            "m:a/nope",
            "m:/gap",
            "m:a/gem0",
            "m:a/gap/",
            "m:a/gem=",
            "m:a/gem=/b",
            "m:a/gap/b//c",
        ] {
            let parsed = text.parse::<DescriptorSpec>();
            assert!(
                matches!(parsed, Err(DescriptorError::InvalidSpec { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_weight_means_what_it_says_whatever_the_size_of_the_parts() {
        let spec: DescriptorSpec = "m:a*3+b*4".parse().unwrap();
        let joined = spec.combine(vec![vec![100.0, 0.0], vec![0.01]]).unwrap();
        let expected = [0.6, 0.0, 0.8];
        for (value, expected) in joined.as_slice().iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{joined:?}");
        }
    }
}
