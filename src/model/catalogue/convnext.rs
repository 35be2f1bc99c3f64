//! ConvNeXts, with their authors' weights as timm has them. Accuracies are the paper's.

use super::entry::{Model, hub};

const CITATION: &str = "Liu et al., A ConvNet for the 2020s, 2022; weights: the authors'";
const PREPROCESS: &str = "resize=256,crop=224,interpolation=bicubic,\
                          mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

pub const MODELS: &[Model] = &[
    Model {
        name: "convnext_tiny",
        architecture: "convnext_tiny",
        licence: "Apache-2.0",
        citation: CITATION,
        top1: Some(82.1),
        preprocess: PREPROCESS,
        default_layer: "features.7",
        default_pooling: "gap",
        sources: &[hub("timm/convnext_tiny.fb_in1k")],
    },
    Model {
        name: "convnext_small",
        architecture: "convnext_small",
        licence: "Apache-2.0",
        citation: CITATION,
        top1: Some(83.1),
        preprocess: PREPROCESS,
        default_layer: "features.7",
        default_pooling: "gap",
        sources: &[hub("timm/convnext_small.fb_in1k")],
    },
    Model {
        name: "convnext_base",
        architecture: "convnext_base",
        licence: "Apache-2.0",
        citation: CITATION,
        top1: Some(83.8),
        preprocess: PREPROCESS,
        default_layer: "features.7",
        default_pooling: "gap",
        sources: &[hub("timm/convnext_base.fb_in1k")],
    },
];
