//! RepVGGs, with their authors' weights as timm has them.

use super::entry::{Model, TORCHVISION, hub};

const CITATION: &str = "Ding et al., RepVGG, 2021; weights: the authors'";

pub const MODELS: &[Model] = &[
    Model {
        name: "repvgg_a0",
        architecture: "repvgg_a0",
        licence: "MIT",
        citation: CITATION,
        top1: Some(72.4),
        preprocess: TORCHVISION,
        default_layer: "stages.3",
        default_pooling: "gap",
        sources: &[hub("timm/repvgg_a0.rvgg_in1k")],
    },
    Model {
        name: "repvgg_a1",
        architecture: "repvgg_a1",
        licence: "MIT",
        citation: CITATION,
        top1: Some(74.5),
        preprocess: TORCHVISION,
        default_layer: "stages.3",
        default_pooling: "gap",
        sources: &[hub("timm/repvgg_a1.rvgg_in1k")],
    },
    Model {
        name: "repvgg_b0",
        architecture: "repvgg_b0",
        licence: "MIT",
        citation: CITATION,
        top1: Some(75.1),
        preprocess: TORCHVISION,
        default_layer: "stages.3",
        default_pooling: "gap",
        sources: &[hub("timm/repvgg_b0.rvgg_in1k")],
    },
];
