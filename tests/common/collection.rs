//! Photos that never were, with descriptors like chance: for what needs no network.

use std::ops::ControlFlow;
use std::path::PathBuf;

use imgsearch::Result;
use imgsearch::descriptor::{Descriptor, Provenance};
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
    };
    (
        record,
        Some(Descriptor::normalize(values.collect()).unwrap()),
    )
}

pub fn provenance() -> Provenance {
    Provenance {
        spec: "efficientnet_lite0:head/gap".into(),
        preprocess: "none".into(),
        weights: "0".repeat(64),
        dimension: DIMENSION,
        whitening: None,
    }
}

pub fn publish(gallery: &mut Gallery) -> Result<()> {
    gallery.publish(&mut |_, _| ControlFlow::Continue(()))?;
    Ok(())
}
