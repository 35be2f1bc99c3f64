//! Groups, norms that stand by themselves, and concatenation.

use super::*;
use crate::network::{BatchNorm, LayerNorm};

fn batch_norm(activation: Activation) -> BatchNorm {
    BatchNorm {
        names: vec!["any".to_owned()],
        epsilon: 1e-5,
        activation,
    }
}

/// With an ε that keeps rounding errors small where a cell's channels are nearly equal.
fn layer_norm() -> LayerNorm {
    LayerNorm {
        names: vec!["any".to_owned()],
        epsilon: 0.05,
    }
}

const POINT: Window = window(1, 1, Padding::Symmetric(0));

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn groups_of_any_width_equal_candles(
        (inner, outer) in (any_window(&[1, 3]), any_window(&[1, 3, 5])),
        (group, made) in (1..40usize, 1..40usize),
        groups in 2..7usize,
        act in activation(),
        size in (3..20usize, 3..20usize),
        (images, seed) in (1..4usize, any::<u64>()),
    ) {
        let mut net = NetworkBuilder::new("groups");
        let x = net.convolution(Value::INPUT, convolution(3, group * groups, POINT));
        let grouped = |inputs, outputs, window| Convolution {
            groups,
            ..convolution(inputs * groups, outputs * groups, window)
        };
        let x = net.convolution(x, grouped(group, group, inner).activation(act));
        let x = net.convolution(x, grouped(group, made, outer));
        // One that feeds a depthwise convolution.
        let x = net.convolution(x, grouped(made, group, POINT).activation(act));
        let three = window(3, 1, Padding::Symmetric(1));
        net.convolution(x, convolution(group * groups, group * groups, three).depthwise());
        check(net, size, images, seed);
    }

    #[test]
    fn norms_before_convolutions_of_any_shape_equal_candles(
        (channels, outputs) in (1..70usize, 1..70usize),
        after in any_window(&[1, 2, 3]),
        (first, second) in (activation(), activation()),
        size in (3..24usize, 3..24usize),
        (images, seed) in (1..4usize, any::<u64>()),
    ) {
        let mut net = NetworkBuilder::new("norms");
        let stem = window(4, 2, Padding::Symmetric(1));
        let x = net.convolution(Value::INPUT, convolution(3, channels, stem).activation(first));
        let y = net.layer_norm(x, layer_norm());
        let y = net.convolution(y, convolution(channels, outputs, POINT).activation(second));
        let z = net.batch_norm(y, batch_norm(first));
        let z = net.convolution(z, convolution(outputs, channels, POINT).plus(Some(x)));
        let z = net.batch_norm(z, batch_norm(second));
        let z = net.convolution(z, convolution(channels, outputs, after));
        let z = net.activate(z, first);
        let z = net.layer_norm(z, layer_norm());
        net.convolution(z, convolution(outputs, channels, after));
        check(net, size, images, seed);
    }

    #[test]
    fn dense_blocks_of_any_shape_equal_candles(
        start in prop_oneof![1..70usize, Just(16), Just(32), Just(64)],
        growth in prop_oneof![1..40usize, Just(16), Just(32)],
        layers in 1..5usize,
        (act, side) in (activation(), 1..4usize),
        // Candle pools no map that is smaller than the window.
        size in (5..24usize, 5..24usize),
        (images, seed) in (1..4usize, any::<u64>()),
    ) {
        let mut net = NetworkBuilder::new("dense block");
        let mut x = net.convolution(Value::INPUT, convolution(3, start, POINT).activation(act));
        let first = x;
        for layer in 0..layers {
            let channels = net.channels(x);
            let y = net.batch_norm(x, batch_norm(act));
            let y = net.convolution(y, convolution(channels, 20, POINT).activation(act));
            let three = window(3, 1, Padding::Symmetric(1));
            let new = net.convolution(y, convolution(20, growth, three));
            x = net.concatenate(x, new);
            if layer == 1 {
                // The same once more, and something that is a part already.
                x = net.concatenate(x, x);
                x = net.concatenate(x, first);
            }
        }
        // A reader with a halo.
        let y = net.convolution(x, convolution(net.channels(x), 8, window(3, 2, Padding::Same)));
        x = net.concatenate(y, y);
        net.average_pool(x, side);
        check(net, size, images, seed);
    }

    #[test]
    fn blocks_with_a_norm_between_equal_candles(
        spatial in any_window(&[3, 5, 7]),
        (channels, wide) in (1..70usize, 1..130usize),
        act in activation(),
        size in (3..30usize, 3..30usize),
        (images, seed) in (1..4usize, any::<u64>()),
    ) {
        let mut net = NetworkBuilder::new("norm between");
        let x = net.convolution(Value::INPUT, convolution(3, channels, POINT));
        let x = net.layer_norm(x, layer_norm());
        let same = Window { stride: 1, padding: Padding::Same, ..spatial };
        let y = net.convolution(x, convolution(channels, channels, same).depthwise());
        let y = net.layer_norm(y, layer_norm());
        let y = net.convolution(y, convolution(channels, wide, POINT).activation(act));
        let x = net.convolution(y, convolution(wide, channels, POINT).plus(Some(x)));
        let y = net.convolution(x, convolution(channels, channels, spatial).depthwise());
        let y = net.batch_norm(y, batch_norm(act));
        net.convolution(y, convolution(channels, wide, POINT));
        check(net, size, images, seed);
    }
}
