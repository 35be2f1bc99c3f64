//! Photos that never were, with descriptors like chance: for what needs no network.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use imgsearch::Result;
use imgsearch::descriptor::{Descriptor, Fingerprint, UnitVector};
use imgsearch::gallery::{Gallery, Record};
use imgsearch::photo::ContentHash;

pub const DIMENSION: usize = 24;

/// Small numbers that look like chance and are the same everywhere.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A photo that never was.
pub fn photo(number: usize) -> (Record, Option<Descriptor>) {
    let mut chance = Chance(number as u64);
    let values = (0..DIMENSION).map(|_| chance.below(1000) as f32 - 300.0);
    let name = format!("/photos/{number:03}.jpg");
    let record = Record {
        hash: ContentHash::of(name.as_bytes()),
        path: PathBuf::from(name),
        size: number as u64,
        modified: 7,
        width: 40,
        height: 30,
        facts: None,
        tags: Vec::new(),
    };
    (record, Some(descriptor(values.collect())))
}

/// What was made as those photos' descriptors are, whatever its dimension.
pub fn descriptor(values: Vec<f32>) -> Descriptor {
    let made_with = fingerprint().with_dimension(values.len());
    let vector = UnitVector::normalize(values).unwrap();
    Descriptor::new(vector, &Arc::new(made_with)).unwrap()
}

pub fn fingerprint() -> Fingerprint {
    let recipe = "efficientnet_lite0:head@none".parse().unwrap();
    Fingerprint::new(recipe, "0".repeat(64), DIMENSION)
}

pub fn publish(gallery: &mut Gallery) -> Result<()> {
    gallery.publish(&mut |_, _| ControlFlow::Continue(()))?;
    Ok(())
}
