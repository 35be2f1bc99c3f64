//! Large photos, decoded at reduced size.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use imgsearch::Extractor;
use imgsearch::backbone::Placement;
use imgsearch::descriptor::Descriptor;
use imgsearch::photo::Photo;

use crate::common::paint::{Scene, paint};
use crate::common::{trained_weights, weights};

fn jpeg(scene: Scene) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
    let picture = paint(scene, 7, 2100, 1400);
    picture.write_with_encoder(encoder).unwrap();
    jpeg
}

/// Extractors that decode at full and at reduced size.
fn extractors(spec: &str, weights: &Path) -> [Extractor; 2] {
    ["decode=full", "decode=reduced"].map(|decode| {
        let keys = "resize=256,crop=224,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
        let recipe = format!("{spec}@{keys},{decode}").parse().unwrap();
        Extractor::load(&recipe, weights, &Placement::cpu()).unwrap()
    })
}

/// What both make of a large photo.
fn describe(extractors: &[Extractor; 2], scene: Scene) -> [Descriptor; 2] {
    let photo = Photo::from_bytes(format!("{scene:?}"), jpeg(scene));
    let decoded = extractors[1].decode(&photo).unwrap();
    assert_eq!((decoded.width, decoded.height), (2100, 1400));
    assert_eq!(decoded.image.dimensions(), (788, 525), "three eighths");
    let extractors = extractors.each_ref();
    extractors.map(|extractor| extractor.describe(&photo).unwrap())
}

fn distance(a: &Descriptor, b: &Descriptor) -> f32 {
    // They may not be compared otherwise: they were made with another decoding.
    1.0 - a.vector().similarity(b.vector())
}

#[test]
fn a_large_photo_decoded_at_reduced_size_stays_where_it_is_among_others() {
    let extractors = extractors("efficientnet_lite0:blocks.2/gem", weights());
    let scenes = [
        Scene::Beach,
        Scene::Dunes,
        Scene::Mountains,
        Scene::Balloons,
    ];
    let photos = scenes.map(|scene| describe(&extractors, scene));
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
    let extractors = extractors("efficientnet_lite0:head", weights);
    for (scene, name) in Scene::ALL {
        let [full, reduced] = describe(&extractors, scene);
        let distance = distance(&full, &reduced);
        assert!(distance < 1e-2, "{name}: {distance}");
    }
}
