//! VGGs, with torchvision's weights, which timm has too.

use super::entry::{Model, TORCHVISION, hub};

const CITATION: &str = "Simonyan & Zisserman, Very Deep Convolutional Networks, 2014; \
                        weights: torchvision, IMAGENET1K_V1";

pub const MODELS: &[Model] = &[
    Model {
        name: "vgg11",
        architecture: "vgg11",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(69.0),
        preprocess: TORCHVISION,
        default_layer: "features.20",
        sources: &[hub("timm/vgg11.tv_in1k")],
    },
    Model {
        name: "vgg11_bn",
        architecture: "vgg11_bn",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(70.4),
        preprocess: TORCHVISION,
        default_layer: "features.28",
        sources: &[hub("timm/vgg11_bn.tv_in1k")],
    },
    Model {
        name: "vgg13",
        architecture: "vgg13",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(69.9),
        preprocess: TORCHVISION,
        default_layer: "features.24",
        sources: &[hub("timm/vgg13.tv_in1k")],
    },
    Model {
        name: "vgg13_bn",
        architecture: "vgg13_bn",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(71.6),
        preprocess: TORCHVISION,
        default_layer: "features.34",
        sources: &[hub("timm/vgg13_bn.tv_in1k")],
    },
    Model {
        name: "vgg16",
        architecture: "vgg16",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(71.6),
        preprocess: TORCHVISION,
        default_layer: "features.30",
        sources: &[hub("timm/vgg16.tv_in1k")],
    },
    Model {
        name: "vgg16_bn",
        architecture: "vgg16_bn",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(73.4),
        preprocess: TORCHVISION,
        default_layer: "features.43",
        sources: &[hub("timm/vgg16_bn.tv_in1k")],
    },
    Model {
        name: "vgg19",
        architecture: "vgg19",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(72.4),
        preprocess: TORCHVISION,
        default_layer: "features.36",
        sources: &[hub("timm/vgg19.tv_in1k")],
    },
    Model {
        name: "vgg19_bn",
        architecture: "vgg19_bn",
        licence: "BSD-3-Clause",
        citation: CITATION,
        top1: Some(74.2),
        preprocess: TORCHVISION,
        default_layer: "features.52",
        sources: &[hub("timm/vgg19_bn.tv_in1k")],
    },
];
