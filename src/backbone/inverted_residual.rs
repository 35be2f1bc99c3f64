//! The block that the networks for phones share: expand to a wider map, convolve each channel by
//! itself, weigh the channels if so declared, project back.
//!
//! Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018; weighing the
//! channels: Hu et al., "Squeeze-and-Excitation Networks", 2018.

use crate::network::{
    Activation, Convolution, NetworkBuilder, Padding, Value, WeightNames, Window,
};

/// A block, with its weights' names under each naming that the family knows.
pub struct InvertedResidual {
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Cells from one depthwise window to the next.
    pub stride: usize,
    /// Channels in the middle. Where the input has as many, there is nothing to expand.
    pub expanded: usize,
    /// Channels out.
    pub outputs: usize,
    /// Behind the expansion and the depthwise convolution; the projection has none.
    pub activation: Activation,
    /// Padded as TensorFlow pads, rather than by half the kernel.
    pub pads_same: bool,
    /// The ε of the batch norms.
    pub norm_epsilon: f64,
    /// How channels are weighed, if they are.
    pub squeeze: Option<Squeeze>,
    /// The reference's names first.
    pub names: Vec<PartNames>,
}

/// How channels are weighed by what is seen of all of them.
pub struct Squeeze {
    /// Channels that their means are reduced to.
    pub channels: usize,
    /// Behind the reduction.
    pub activation: Activation,
    /// Makes the factors.
    pub gate: Activation,
}

/// Where a block's weights stand, under one naming; parts that a block lacks are not read.
pub struct PartNames {
    pub expand: WeightNames,
    pub depthwise: WeightNames,
    /// The squeeze's reduction, and its way back.
    pub squeeze: [WeightNames; 2],
    pub project: WeightNames,
}

impl PartNames {
    /// timm's, of the block at `blocks.STAGE.REPEAT`.
    pub fn timm(block: &str, expands: bool) -> Self {
        let part = |names: [&str; 2]| {
            let [convolution, norm] = names.map(|name| format!("{block}.{name}"));
            WeightNames::normed([&convolution, &norm])
        };
        let (depthwise, project) = if expands {
            (part(["conv_dw", "bn2"]), part(["conv_pwl", "bn3"]))
        } else {
            (part(["conv_dw", "bn1"]), part(["conv_pw", "bn2"]))
        };
        let squeeze =
            ["reduce", "expand"].map(|name| WeightNames::bare(&format!("{block}.se.conv_{name}")));
        Self {
            expand: part(["conv_pw", "bn1"]),
            depthwise,
            squeeze,
            project,
        }
    }

    /// torchvision's of the networks that weigh channels: parts are numbered as they come, each
    /// with its norm.
    pub fn torchvision(block: &str, expands: bool, squeezes: bool) -> Self {
        let part = |number: usize| {
            let [convolution, norm] = [0, 1].map(|part| format!("{block}.{number}.{part}"));
            WeightNames::normed([&convolution, &norm])
        };
        let depthwise = usize::from(expands);
        let squeeze = ["fc1", "fc2"]
            .map(|name| WeightNames::bare(&format!("{block}.{}.{name}", depthwise + 1)));
        Self {
            expand: part(0),
            depthwise: part(depthwise),
            squeeze,
            project: part(depthwise + 1 + usize::from(squeezes)),
        }
    }

    /// The same, trained with another ε than the reference's.
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        Self {
            expand: self.expand.with_epsilon(epsilon),
            depthwise: self.depthwise.with_epsilon(epsilon),
            project: self.project.with_epsilon(epsilon),
            ..self
        }
    }
}

impl InvertedResidual {
    /// Appends the block to `net`. The input is added where its shape is unchanged.
    pub fn append(&self, net: &mut NetworkBuilder, input: Value) -> Value {
        let inputs = net.channels(input);
        let expanded = self.expanded;
        let mut x = input;
        if expanded != inputs {
            let names = self.names_of(|part| &part.expand);
            let expand = self.convolution(names, inputs, expanded, 1, 1);
            x = net.convolution(x, expand.activation(self.activation));
        }
        let names = self.names_of(|part| &part.depthwise);
        let depthwise = self.convolution(names, expanded, expanded, self.kernel, self.stride);
        x = net.convolution(x, depthwise.depthwise().activation(self.activation));
        if let Some(squeeze) = &self.squeeze {
            let names = [0, 1].map(|index| self.names_of(|part| &part.squeeze[index]));
            x = squeeze.append(net, x, names);
        }
        let residual = (self.stride == 1 && inputs == self.outputs).then_some(input);
        let names = self.names_of(|part| &part.project);
        let project = self.convolution(names, expanded, self.outputs, 1, 1);
        net.convolution(x, project.plus(residual))
    }

    fn names_of(&self, part: impl Fn(&PartNames) -> &WeightNames) -> Vec<WeightNames> {
        self.names.iter().map(part).cloned().collect()
    }

    fn convolution(
        &self,
        names: Vec<WeightNames>,
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
    ) -> Convolution {
        let mut window = Window::centred(kernel, stride);
        if self.pads_same {
            window.padding = Padding::Same;
        }
        Convolution::new(names, inputs, outputs, window).norm(self.norm_epsilon)
    }
}

impl Squeeze {
    /// Appends `input` with its channels weighed.
    pub fn append(
        &self,
        net: &mut NetworkBuilder,
        input: Value,
        [reduce, expand]: [Vec<WeightNames>; 2],
    ) -> Value {
        let window = Window::centred(1, 1);
        let (wide, narrow) = (net.channels(input), self.channels);
        let means = net.global_average_pool(input);
        let reduce = Convolution::new(reduce, wide, narrow, window).biased();
        let reduced = net.convolution(means, reduce.activation(self.activation));
        let expand = Convolution::new(expand, narrow, wide, window).biased();
        let factors = net.convolution(reduced, expand.activation(self.gate));
        net.scale(input, factors)
    }
}

/// Width `channels` scaled and rounded to a multiple of eight, never down by more than a tenth: as
/// all networks for phones do since `MobileNetV2`.
pub fn scaled_width(channels: usize, factor: f64) -> usize {
    let wanted = channels as f64 * factor;
    let rounded = ((wanted + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * wanted {
        rounded + 8
    } else {
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_rounded_to_eights_and_never_down_by_more_than_a_tenth() {
        assert_eq!(scaled_width(32, 1.0), 32);
        assert_eq!(scaled_width(40, 1.1), 48);
        assert_eq!(scaled_width(16, 1.1), 16);
        assert_eq!(scaled_width(18, 1.0), 24);
        assert_eq!(scaled_width(3, 1.0), 8);
    }
}
