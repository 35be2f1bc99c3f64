//! MobileNets, with timm's weights. torchvision's own are in no repository that we know, but load
//! with `--weights`.

use super::entry::{Model, hub};

/// As timm's own weights want their pictures.
const TIMM: &str = "resize=256,crop=224,interpolation=bicubic,\
                    mean=0.485/0.456/0.406,std=0.229/0.224/0.225";

pub const MODELS: &[Model] = &[
    Model {
        name: "mobilenet_v2",
        architecture: "mobilenet_v2",
        licence: "Apache-2.0",
        citation: "Sandler et al., MobileNetV2, 2018; weights: timm, trained with RandAugment",
        // timm's figure; torchvision's weights have 71.9.
        top1: Some(73.0),
        preprocess: TIMM,
        default_layer: "features.18",
        default_pooling: "gap",
        sources: &[hub("timm/mobilenetv2_100.ra_in1k")],
    },
    Model {
        name: "mobilenet_v3_large",
        architecture: "mobilenet_v3_large",
        licence: "Apache-2.0",
        citation: "Howard et al., Searching for MobileNetV3, 2019; weights: timm, trained with RandAugment",
        // timm's figure; torchvision's weights have 74.0.
        top1: Some(75.8),
        preprocess: TIMM,
        default_layer: "features.16",
        default_pooling: "gap",
        sources: &[hub("timm/mobilenetv3_large_100.ra_in1k")],
    },
    Model {
        name: "mobilenet_v3_small",
        architecture: "mobilenet_v3_small",
        licence: "Apache-2.0",
        citation: "Howard et al., Searching for MobileNetV3, 2019; weights: timm, trained with LAMB",
        top1: Some(67.7),
        preprocess: TIMM,
        default_layer: "features.12",
        default_pooling: "gap",
        sources: &[hub("timm/mobilenetv3_small_100.lamb_in1k")],
    },
];
