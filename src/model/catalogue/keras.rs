//! Keras' own networks, which it takes from where its users have them: its folder of downloads.
//!
//! Pictures go through what Keras' documentation shows: `load_img(path, target_size=(224, 224))`,
//! which takes the nearest pixels whatever the proportions, and `preprocess_input`, which is
//! Caffe's: blue first, bytes less the means. Accuracies are Keras' figures.

use super::entry::{Model, WeightsSource};

const CAFFE: &str = "resize=224x224,interpolation=nearest,order=bgr,scale=255,\
                     mean=103.939/116.779/123.68,std=1/1/1";

pub const MODELS: &[Model] = &[
    Model {
        name: "vgg16.keras",
        architecture: "vgg16",
        // The weights are their authors'.
        licence: "CC-BY-4.0",
        citation: "Simonyan & Zisserman, Very Deep Convolutional Networks, 2014; weights: the \
                   authors', as Keras has them",
        top1: Some(71.3),
        preprocess: CAFFE,
        default_layer: "features.30",
        default_pooling: "gap",
        sources: &[
            WeightsSource::Keras {
                file: "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
            },
            WeightsSource::Keras {
                file: "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            },
        ],
    },
    Model {
        name: "resnet50.keras",
        architecture: "resnet50_keras",
        licence: "MIT",
        citation: "He et al., Deep Residual Learning, 2015; weights: the authors', as Keras has them",
        top1: Some(74.9),
        preprocess: CAFFE,
        default_layer: "conv5_block3_out",
        default_pooling: "gap",
        sources: &[
            WeightsSource::Keras {
                file: "resnet50_weights_tf_dim_ordering_tf_kernels.h5",
            },
            WeightsSource::Keras {
                file: "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            },
        ],
    },
];
