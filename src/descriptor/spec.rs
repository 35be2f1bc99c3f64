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
    /// Whether it is added to the part before, of the same layer, instead of standing behind it. Its weight
    /// is then beside that of the first of those, which counts as 1; theirs together is the first's.
    pub added: bool,
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
            added: false,
        }
    }

    /// Whether the two are made alike, whatever their weights.
    #[must_use]
    pub fn is_made_as(&self, other: &Self) -> bool {
        self.alone() == other.alone()
    }

    /// The same as the only part of a descriptor.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self {
            weight: 1.0,
            added: false,
            ..self.clone()
        }
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
/// Poolings of one layer may be added instead of joined: `LAYER/(POOLING[*WEIGHT]+POOLING…)` has as many
/// values as the layer has channels.
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
        self.sums().map(|sum| of(&sum[0])).sum()
    }

    /// The parts, those together that are added.
    pub fn sums(&self) -> impl Iterator<Item = &[Part]> {
        self.parts.chunk_by(|_, next| next.added)
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
        let mut pooled = pooled.into_iter();
        for sum in self.sums() {
            let mut total: Vec<f32> = Vec::new();
            for (part, mut values) in sum.iter().zip(&mut pooled) {
                normalize_in_place(&mut values)?;
                if total.is_empty() {
                    total = values;
                    continue;
                }
                for (total, value) in total.iter_mut().zip(values) {
                    *total += part.weight * value;
                }
            }
            if sum.len() > 1 {
                normalize_in_place(&mut total)?;
            }
            joined.extend(total.iter().map(|value| value * sum[0].weight));
        }
        UnitVector::normalize(joined)
    }
}

impl fmt::Display for DescriptorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.model)?;
        let times = |weight: f32| {
            let is_one = (weight - 1.0).abs() <= f32::EPSILON;
            if is_one {
                String::new()
            } else {
                format!("*{weight}")
            }
        };
        let sum = |parts: &[Part]| match parts {
            [one] => format!("{one}{}", times(one.weight)),
            all => {
                let added = all[1..].iter();
                let added = added.map(|part| format!("+{}{}", part.pooling, times(part.weight)));
                let (first, rest) = (&all[0], added.collect::<String>());
                let own = format!("{}/({}{rest})", first.layer, first.pooling);
                format!("{own}{}", times(first.weight))
            }
        };
        let sums: Vec<String> = self.sums().map(sum).collect();
        f.write_str(&sums.join("+"))
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
        let sums = outside_brackets(parts).map(|sum| parse_sum(sum).map_err(invalid));
        let sums: Vec<Vec<Part>> = sums.collect::<Result<_, _>>()?;
        Ok(Self {
            model: model.to_owned(),
            parts: sums.concat(),
        })
    }
}

/// What stands between `+` that are in no brackets.
fn outside_brackets(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    text.split(move |c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == '+' && depth == 0
    })
}

/// A part, or poolings of one layer that are added.
fn parse_sum(text: &str) -> Result<Vec<Part>, &'static str> {
    let Some((layer, rest)) = text.split_once("/(") else {
        return Ok(vec![parse_part(text)?]);
    };
    let (poolings, behind) = rest.rsplit_once(')').ok_or("a bracket is not closed")?;
    let own = if behind.is_empty() {
        1.0
    } else {
        behind
            .strip_prefix('*')
            .map(parse_weight)
            .ok_or("a bracket is followed by more than a weight")??
    };
    let mut parts = Vec::new();
    for pooling in poolings.split('+') {
        let part = parse_part(&format!("{layer}/{pooling}"))?;
        if part.exponent.is_some() || !part.head.is_empty() || part.pooling == Pooling::Direct {
            return Err("only gap, max, gem and rmac can be added");
        }
        parts.push(part);
    }
    let first = parts[0].weight;
    for (place, part) in parts.iter_mut().enumerate() {
        part.added = place > 0;
        part.weight = if place > 0 { part.weight / first } else { own };
    }
    Ok(parts)
}

fn parse_weight(text: &str) -> Result<f32, &'static str> {
    let weight: f32 = text.parse().map_err(|_| "a weight is not a number")?;
    if !(weight.is_finite() && weight > 0.0) {
        return Err("a weight is not above 0");
    }
    Ok(weight)
}

fn parse_part(text: &str) -> Result<Part, &'static str> {
    let (text, weight) = match text.split_once('*') {
        Some((text, weight)) => (text, parse_weight(weight)?),
        None => (text, 1.0f32),
    };
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
            let weight = hundredths as f32 / 100.0;
            Part { layer, pooling, exponent: from_file, head, weight, added: false }
        }
    }

    prop_compose! {
        fn sum()(
            layer in "[a-z][a-z0-9_.]{0,9}",
            poolings in prop::collection::vec((pooling(), 1u32..400), 2..4),
        ) -> Vec<Part> {
            let part = |(place, (pooling, hundredths)): (usize, &(Pooling, u32))| Part {
                weight: *hundredths as f32 / 100.0,
                added: place > 0,
                ..Part::new(&layer, if *pooling == Pooling::Direct { Pooling::Gap } else { *pooling })
            };
            poolings.iter().enumerate().map(part).collect()
        }
    }

    proptest! {
        #[test]
        fn a_printed_spec_parses_to_itself(
            parts in prop::collection::vec(
                prop_oneof![part().prop_map(|part| vec![part]), sum()],
                1..4,
            ),
        ) {
            let spec = DescriptorSpec { model: "resnet50".into(), parts: parts.concat() };
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
            "m:a/(gap+max",
            "m:a/(gap+direct)",
            "m:a/(gap+gem=p)",
            "m:a/(gap/b+max)",
            "m:a/()",
            "m:a/(gap+max)x",
            "m:a/(gap+max)*0",
            "m:a/(gap+max*0)",
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

    #[test]
    fn added_poolings_have_length_1_together() {
        let spec: DescriptorSpec = "m:a/(gap*2+max)*3+b*4".parse().unwrap();
        assert_eq!(spec.to_string(), "m:a/(gap+max*0.5)*3+b/gap*4");
        let pooled = vec![vec![9.0, 0.0], vec![0.0, 0.1], vec![7.0]];
        let joined = spec.combine(pooled).unwrap();
        let length = 1.25f32.sqrt();
        let expected = [0.6 / length, 0.3 / length, 0.8];
        for (value, expected) in joined.as_slice().iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{joined:?}");
        }
    }
}
