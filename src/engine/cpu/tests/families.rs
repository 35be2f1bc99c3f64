//! Every network that we know, at every layer, in every instruction set, with every access asserted.

use super::*;
use crate::backbone::Architecture;

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
                // Small enough that activations stay finite in the deepest.
                let read = |step| Ok(folded(&network, step, &mut Numbers(step as u64), 1.0));
                let cpu = CpuNetwork::load(network.clone(), read, taps.clone(), instructions);
                let maps = cpu.unwrap().run(&pixels, (height, width), 2).unwrap();
                let is_finite = maps.iter().all(|value| value.is_finite());
                assert!(is_finite, "{} in {instructions:?}", network.name);
            }
        }
    }
}
