//! Every network that we know, at every layer, in every instruction set, with every access asserted.

use super::*;
use crate::backbone::Architecture;

/// Numbers for a step, small enough that activations stay finite.
fn numbers_of(network: &Network, step: usize) -> Option<Folded> {
    let mut numbers = Numbers(step as u64);
    let channels = network.channels(Value(step + 1));
    match &network.steps()[step].operation {
        Operation::Convolution(convolution) => {
            let shape = convolution.weight_shape();
            let summed = shape[1..].iter().product::<usize>() as f32;
            Some(Folded {
                weight: numbers.take(shape.iter().product(), (1.0 / summed).sqrt()),
                bias: numbers.take(convolution.outputs, 0.1),
            })
        }
        Operation::BatchNorm(_) | Operation::LayerNorm(_) => Some(Folded {
            weight: numbers.take(channels, 1.0),
            bias: numbers.take(channels, 0.1),
        }),
        _ => None,
    }
}

#[test]
fn every_network_stays_within_its_memory() {
    // Neither side is a multiple of anything; every network has a cell left at its end.
    let (height, width) = if asked_cases().is_some() {
        (33, 47)
    } else {
        (67, 97)
    };
    let images = 3;
    let pixels = Numbers(7).take(images * 3 * height * width, 1.0);
    for architecture in Architecture::all() {
        let network = architecture.network();
        let taps: Vec<Value> = network.layers().iter().map(|layer| layer.value).collect();
        let last = taps.last().copied().into_iter().collect();
        for instructions in Instructions::available() {
            // All layers tapped, and only the last: then more steps are run as one.
            for taps in [&taps, &last] {
                let read = |step| Ok(numbers_of(&network, step));
                let cpu = CpuNetwork::load(network.clone(), read, taps.clone(), instructions);
                let maps = cpu.unwrap().run(&pixels, (height, width), 2).unwrap();
                let is_finite = maps.iter().all(|value| value.is_finite());
                assert!(is_finite, "{} in {instructions:?}", network.name);
            }
        }
    }
}
