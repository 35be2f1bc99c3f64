//! Networks by timm's names, with the pictures that timm gives them: written by
//! `data/make_timm_names.py` from the tables of timm 1.0.20.

use super::entry::{Model, hub};

macro_rules! timm {
    ($($name:literal, $architecture:literal, $layer:literal, $licence:literal, $preprocess:literal;)*) => {
        &[$(Model {
            name: $name,
            architecture: $architecture,
            licence: $licence,
            citation: concat!("weights: timm, ", $name),
            top1: None,
            preprocess: $preprocess,
            default_layer: $layer,
            default_pooling: "gap",
            sources: &[hub(concat!("timm/", $name))],
        }),*]
    };
}

/// Those that are no row of their own elsewhere.
#[rustfmt::skip]
pub const MODELS: &[Model] = timm! {
    "convnext_base.clip_laion2b_augreg_ft_in1k", "convnext_base", "features.7", "Apache-2.0",
        "resize=256,crop=256,interpolation=bicubic,mean=0.48145466/0.4578275/0.40821073,std=0.26862954/0.26130258/0.27577711";
    "convnext_base.clip_laion2b_augreg_ft_in12k", "convnext_base", "features.7", "Apache-2.0",
        "resize=256,crop=256,interpolation=bicubic,mean=0.48145466/0.4578275/0.40821073,std=0.26862954/0.26130258/0.27577711";
    "convnext_base.clip_laion2b_augreg_ft_in12k_in1k", "convnext_base", "features.7", "Apache-2.0",
        "resize=256,crop=256,interpolation=bicubic,mean=0.48145466/0.4578275/0.40821073,std=0.26862954/0.26130258/0.27577711";
    "convnext_base.clip_laion2b_augreg_ft_in12k_in1k_384", "convnext_base", "features.7", "Apache-2.0",
        "resize=384x384,crop=none,interpolation=bicubic,mean=0.48145466/0.4578275/0.40821073,std=0.26862954/0.26130258/0.27577711";
    "convnext_base.clip_laiona_augreg_ft_in1k_384", "convnext_base", "features.7", "Apache-2.0",
        "resize=384,crop=384,interpolation=bicubic,mean=0.48145466/0.4578275/0.40821073,std=0.26862954/0.26130258/0.27577711";
    "convnext_base.fb_in22k", "convnext_base", "features.7", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_base.fb_in22k_ft_in1k", "convnext_base", "features.7", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_base.fb_in22k_ft_in1k_384", "convnext_base", "features.7", "Apache-2.0",
        "resize=384x384,crop=none,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_small.fb_in22k", "convnext_small", "features.7", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_small.fb_in22k_ft_in1k", "convnext_small", "features.7", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_small.fb_in22k_ft_in1k_384", "convnext_small", "features.7", "Apache-2.0",
        "resize=384x384,crop=none,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_small.in12k", "convnext_small", "features.7", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_small.in12k_ft_in1k", "convnext_small", "features.7", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_small.in12k_ft_in1k_384", "convnext_small", "features.7", "Apache-2.0",
        "resize=384x384,crop=none,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_tiny.fb_in22k", "convnext_tiny", "features.7", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_tiny.fb_in22k_ft_in1k", "convnext_tiny", "features.7", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_tiny.fb_in22k_ft_in1k_384", "convnext_tiny", "features.7", "Apache-2.0",
        "resize=384x384,crop=none,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_tiny.in12k", "convnext_tiny", "features.7", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_tiny.in12k_ft_in1k", "convnext_tiny", "features.7", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "convnext_tiny.in12k_ft_in1k_384", "convnext_tiny", "features.7", "Apache-2.0",
        "resize=384x384,crop=none,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "densenet121.ra_in1k", "densenet121", "relu", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "densenet121.tv_in1k", "densenet121", "relu", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "efficientnet_b0.ra4_e3600_r224_in1k", "efficientnet_b0", "features.8", "Apache-2.0",
        "resize=248,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
    "efficientnet_b1.ft_in1k", "efficientnet_b1", "features.8", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "efficientnet_b1.ra4_e3600_r240_in1k", "efficientnet_b1", "features.8", "Apache-2.0",
        "resize=266,crop=240,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
    "efficientnet_b2.ra_in1k", "efficientnet_b2", "features.8", "Apache-2.0",
        "resize=292,crop=256,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "efficientnet_b3.ra2_in1k", "efficientnet_b3", "features.8", "Apache-2.0",
        "resize=329,crop=288,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "efficientnet_b4.ra2_in1k", "efficientnet_b4", "features.8", "Apache-2.0",
        "resize=365,crop=320,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "mobilenetv3_large_100.miil_in21k", "mobilenet_v3_large", "features.16", "Apache-2.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0/0/0,std=1/1/1";
    "mobilenetv3_large_100.miil_in21k_ft_in1k", "mobilenet_v3_large", "features.16", "Apache-2.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0/0/0,std=1/1/1";
    "mobilenetv3_large_100.ra4_e3600_r224_in1k", "mobilenet_v3_large", "features.16", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
    "regnety_004.pycls_in1k", "regnet_y_400mf", "trunk_output.block4", "MIT",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "regnety_004.tv2_in1k", "regnet_y_400mf", "trunk_output.block4", "BSD-3-Clause",
        "resize=232,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "regnety_016.pycls_in1k", "regnet_y_1_6gf", "trunk_output.block4", "MIT",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "regnety_016.tv2_in1k", "regnet_y_1_6gf", "trunk_output.block4", "BSD-3-Clause",
        "resize=232,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "regnety_032.pycls_in1k", "regnet_y_3_2gf", "trunk_output.block4", "MIT",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "regnety_032.ra_in1k", "regnet_y_3_2gf", "trunk_output.block4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "regnety_032.tv2_in1k", "regnet_y_3_2gf", "trunk_output.block4", "BSD-3-Clause",
        "resize=232,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet18.a1_in1k", "resnet18", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet18.a2_in1k", "resnet18", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet18.a3_in1k", "resnet18", "layer4", "Apache-2.0",
        "resize=168,crop=160,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet18.fb_ssl_yfcc100m_ft_in1k", "resnet18", "layer4", "CC-BY-NC-4.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet18.fb_swsl_ig1b_ft_in1k", "resnet18", "layer4", "CC-BY-NC-4.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet18.gluon_in1k", "resnet18", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet34.a1_in1k", "resnet34", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet34.a2_in1k", "resnet34", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet34.a3_in1k", "resnet34", "layer4", "Apache-2.0",
        "resize=168,crop=160,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet34.bt_in1k", "resnet34", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet34.gluon_in1k", "resnet34", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet34.ra4_e3600_r224_in1k", "resnet34", "layer4", "Apache-2.0",
        "resize=248,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
    "resnet50.a1_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.a1h_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=195,crop=176,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.a2_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.a3_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=168,crop=160,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.am_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.b1k_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.b2k_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.bt_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.c1_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.c2_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.d_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.fb_ssl_yfcc100m_ft_in1k", "resnet50", "layer4", "CC-BY-NC-4.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.fb_swsl_ig1b_ft_in1k", "resnet50", "layer4", "CC-BY-NC-4.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.gluon_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.ra_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.ram_in1k", "resnet50", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet50.tv2_in1k", "resnet50", "layer4", "BSD-3-Clause",
        "resize=201,crop=176,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet101.a1_in1k", "resnet101", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet101.a1h_in1k", "resnet101", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet101.a2_in1k", "resnet101", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet101.a3_in1k", "resnet101", "layer4", "Apache-2.0",
        "resize=168,crop=160,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet101.gluon_in1k", "resnet101", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet101.tv2_in1k", "resnet101", "layer4", "BSD-3-Clause",
        "resize=201,crop=176,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet152.a1_in1k", "resnet152", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet152.a1h_in1k", "resnet152", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet152.a2_in1k", "resnet152", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet152.a3_in1k", "resnet152", "layer4", "Apache-2.0",
        "resize=168,crop=160,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet152.gluon_in1k", "resnet152", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnet152.tv2_in1k", "resnet152", "layer4", "BSD-3-Clause",
        "resize=201,crop=176,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.a1_in1k", "resnext50_32x4d", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.a1h_in1k", "resnext50_32x4d", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.a2_in1k", "resnext50_32x4d", "layer4", "Apache-2.0",
        "resize=235,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.a3_in1k", "resnext50_32x4d", "layer4", "Apache-2.0",
        "resize=168,crop=160,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.fb_ssl_yfcc100m_ft_in1k", "resnext50_32x4d", "layer4", "CC-BY-NC-4.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.fb_swsl_ig1b_ft_in1k", "resnext50_32x4d", "layer4", "CC-BY-NC-4.0",
        "resize=256,crop=224,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.gluon_in1k", "resnext50_32x4d", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.ra_in1k", "resnext50_32x4d", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "resnext50_32x4d.tv2_in1k", "resnext50_32x4d", "layer4", "BSD-3-Clause",
        "resize=201,crop=176,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "tf_efficientnet_lite3.in1k", "efficientnet_lite3", "head", "Apache-2.0",
        "resize=331,crop=300,interpolation=bilinear,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
    "tf_efficientnet_lite4.in1k", "efficientnet_lite4", "head", "Apache-2.0",
        "resize=413,crop=380,interpolation=bilinear,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
    "wide_resnet50_2.racm_in1k", "wide_resnet50_2", "layer4", "Apache-2.0",
        "resize=256,crop=224,interpolation=bicubic,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
    "wide_resnet50_2.tv2_in1k", "wide_resnet50_2", "layer4", "BSD-3-Clause",
        "resize=201,crop=176,interpolation=bilinear,mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
};

/// timm's names without a tag, and what they stand for; ours of the same name mean what they say.
pub const WITHOUT_TAG: &[(&str, &str)] = &[
    ("mobilenetv2_100", "mobilenetv2_100.ra_in1k"),
    ("mobilenetv3_large_100", "mobilenetv3_large_100.ra_in1k"),
    ("mobilenetv3_small_100", "mobilenetv3_small_100.lamb_in1k"),
    ("regnety_004", "regnety_004.tv2_in1k"),
    ("regnety_016", "regnety_016.tv2_in1k"),
    ("regnety_032", "regnety_032.ra_in1k"),
    ("tf_efficientnet_lite0", "tf_efficientnet_lite0.in1k"),
    ("tf_efficientnet_lite1", "tf_efficientnet_lite1.in1k"),
    ("tf_efficientnet_lite2", "tf_efficientnet_lite2.in1k"),
    ("tf_efficientnet_lite3", "tf_efficientnet_lite3.in1k"),
    ("tf_efficientnet_lite4", "tf_efficientnet_lite4.in1k"),
];
