//! DenseNet, with torchvision's weights, which timm has too.

use super::entry::{Model, TORCHVISION, hub};

pub const MODELS: &[Model] = &[Model {
    name: "densenet121",
    architecture: "densenet121",
    licence: "BSD-3-Clause",
    citation: "Huang et al., Densely Connected Convolutional Networks, 2016; \
                   weights: torchvision, IMAGENET1K_V1",
    top1: Some(74.4),
    preprocess: TORCHVISION,
    default_layer: "relu",
    default_pooling: "gap",
    sources: &[hub("timm/densenet121.tv_in1k")],
}];
