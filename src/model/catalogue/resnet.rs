//! ResNets, with torchvision's weights of 2016 to 2019, which timm has too.

use super::entry::{Model, TORCHVISION, hub};

const CITATION: &str =
    "He et al., Deep Residual Learning, 2015; weights: torchvision, IMAGENET1K_V1";
const WIDE: &str =
    "Zagoruyko & Komodakis, Wide Residual Networks, 2016; weights: torchvision, IMAGENET1K_V1";
const GROUPED: &str =
    "Xie et al., Aggregated Residual Transformations, 2016; weights: torchvision, IMAGENET1K_V1";

pub const MODELS: &[Model] = &[
    Model {
        name: "resnet18",
        architecture: "resnet18",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(69.8),
        preprocess: TORCHVISION,
        default_layer: "layer4",
        default_pooling: "gap",
        sources: &[hub("timm/resnet18.tv_in1k")],
    },
    Model {
        name: "resnet34",
        architecture: "resnet34",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(73.3),
        preprocess: TORCHVISION,
        default_layer: "layer4",
        default_pooling: "gap",
        sources: &[hub("timm/resnet34.tv_in1k")],
    },
    Model {
        name: "resnet50",
        architecture: "resnet50",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(76.1),
        preprocess: TORCHVISION,
        default_layer: "layer4",
        default_pooling: "gap",
        sources: &[hub("timm/resnet50.tv_in1k")],
    },
    Model {
        name: "resnet101",
        architecture: "resnet101",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(77.4),
        preprocess: TORCHVISION,
        default_layer: "layer4",
        default_pooling: "gap",
        sources: &[hub("timm/resnet101.tv_in1k")],
    },
    Model {
        name: "resnet152",
        architecture: "resnet152",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(78.3),
        preprocess: TORCHVISION,
        default_layer: "layer4",
        default_pooling: "gap",
        sources: &[hub("timm/resnet152.tv_in1k")],
    },
    Model {
        name: "wide_resnet50_2",
        architecture: "wide_resnet50_2",
        licence: "BSD-3-Clause",
        citation: WIDE,
        top1: Some(78.5),
        preprocess: TORCHVISION,
        default_layer: "layer4",
        default_pooling: "gap",
        sources: &[hub("timm/wide_resnet50_2.tv_in1k")],
    },
    Model {
        name: "resnext50_32x4d",
        architecture: "resnext50_32x4d",
        licence: "BSD-3-Clause",
        citation: GROUPED,
        top1: Some(77.6),
        preprocess: TORCHVISION,
        default_layer: "layer4",
        default_pooling: "gap",
        sources: &[hub("timm/resnext50_32x4d.tv_in1k")],
    },
];
