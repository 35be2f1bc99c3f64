//! Large photos, decoded at reduced size.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use imgsearch::Extractor;
use imgsearch::descriptor::Descriptor;
use imgsearch::photo::{Photo, Preprocess};

use crate::common::paint::{Scene, paint};
use crate::common::{trained_weights, weights};

fn jpeg(scene: Scene) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
    let picture = paint(scene, 7, 2100, 1400);
    picture.write_with_encoder(encoder).unwrap();
    jpeg
}

/// A large photo's descriptors, decoded at full and at reduced size.
fn describe(spec: &str, weights: &Path, scene: Scene) -> [Descriptor; 2] {
    let photo = Photo::from_bytes(format!("{scene:?}"), jpeg(scene));
    ["decode=full", "decode=reduced"].map(|decode| {
        let preprocess = "resize=256,crop=224,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
        let preprocess: Preprocess = preprocess.parse().unwrap();
        let preprocess = preprocess.with(decode).unwrap();
        let spec = spec.parse().unwrap();
        let extractor = Extractor::load(spec, preprocess, weights, "cpu").unwrap();
        let decoded = extractor.decode(&photo).unwrap();
        assert_eq!((decoded.width, decoded.height), (2100, 1400));
        if decode == "decode=reduced" {
            assert_eq!(decoded.image.dimensions(), (788, 525), "three eighths");
        }
        extractor.describe(&photo).unwrap()
    })
}

fn distance(a: &Descriptor, b: &Descriptor) -> f32 {
    1.0 - a.similarity(b)
}

#[test]
fn a_large_photo_decoded_at_reduced_size_stays_where_it_is_among_others() {
    let spec = "efficientnet_lite0:blocks.2/gem";
    let scenes = [
        Scene::Beach,
        Scene::Dunes,
        Scene::Mountains,
        Scene::Balloons,
    ];
    let photos = scenes.map(|scene| describe(spec, weights(), scene));
    for (index, [full, reduced]) in photos.iter().enumerate() {
        assert_ne!(full.as_slice(), reduced.as_slice(), "it was not reduced");
        let moved = distance(full, reduced);
        for (other, [far, _]) in photos.iter().enumerate().filter(|(at, _)| *at != index) {
            let apart = distance(full, far);
            println!("{index}: moved by {moved:.1e}, {apart:.1e} from {other}");
            assert!(1000.0 * moved < apart, "{index}: {moved}, {other}: {apart}");
        }
    }
}

#[test]
fn a_large_photo_decoded_at_reduced_size_has_nearly_the_same_trained_descriptor() {
    let Some(weights) = trained_weights() else {
        return;
    };
    for (scene, name) in Scene::ALL {
        let [full, reduced] = describe("efficientnet_lite0:head", weights, scene);
        let distance = distance(&full, &reduced);
        assert!(distance < 1e-2, "{name}: {distance}");
    }
}
