//! RegNets, with torchvision's newer weights, which timm has too.

use super::entry::{Model, hub};

const CITATION: &str = "Radosavovic et al., Designing Network Design Spaces, 2020; \
                        weights: torchvision, IMAGENET1K_V2";
const PREPROCESS: &str = "resize=232,crop=224,interpolation=bilinear,\
                          mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

pub const MODELS: &[Model] = &[
    Model {
        name: "regnet_y_400mf",
        architecture: "regnet_y_400mf",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(75.8),
        preprocess: PREPROCESS,
        default_layer: "trunk_output.block4",
        default_pooling: "gap",
        sources: &[hub("timm/regnety_004.tv2_in1k")],
    },
    Model {
        name: "regnet_y_1_6gf",
        architecture: "regnet_y_1_6gf",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(80.9),
        preprocess: PREPROCESS,
        default_layer: "trunk_output.block4",
        default_pooling: "gap",
        sources: &[hub("timm/regnety_016.tv2_in1k")],
    },
    Model {
        name: "regnet_y_3_2gf",
        architecture: "regnet_y_3_2gf",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(82.0),
        preprocess: PREPROCESS,
        default_layer: "trunk_output.block4",
        default_pooling: "gap",
        sources: &[hub("timm/regnety_032.tv2_in1k")],
    },
];
