//! How long the search for duplicates takes without decoding, and how much memory, in a gallery of any
//! size: made of another's descriptors and signatures, each blended with those of others.
//!
//! ```text
//! cargo bench --bench duplicates -- GALLERY NEW_GALLERY 100000
//! ```

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

use std::env;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imgsearch::descriptor::{Descriptor, UnitVector};
use imgsearch::duplicates::{NotDuplicates, Options, find};
use imgsearch::gallery::{Gallery, Record, Snapshot};
use imgsearch::photo::{ContentHash, Signature};

/// Photos written at once.
const AT_ONCE: usize = 1000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let [source, new, count] = &arguments[..] else {
        println!("usage: cargo bench --bench duplicates -- GALLERY NEW_GALLERY COUNT");
        return;
    };
    let count: usize = count.parse().expect("a number of photos");
    if !Path::new(new).exists() {
        make(Path::new(source), Path::new(new), count);
    }
    let begun = Instant::now();
    let snapshot = Snapshot::open(Path::new(new)).expect("a gallery");
    let options = Options {
        fast: true,
        ..Options::default()
    };
    let none = NotDuplicates::default();
    let mut go_on = |_| ControlFlow::Continue(());
    let found = find(&snapshot, &none, &options, &mut go_on).expect("no damage");
    let found = found.expect("nobody stopped it");
    println!(
        "{} photos, {} candidates, {} undecided, {} duplicates: {:.1} s, {} MB at most",
        found.photos,
        found.work.candidates,
        found.undecided,
        found.duplicates,
        begun.elapsed().as_secs_f64(),
        most_memory() / 1024,
    );
}

/// Kilobytes that the process has held at most.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn make(source: &Path, new: &Path, count: usize) {
    let snapshot = Snapshot::open(source).expect("a gallery");
    let photos: Vec<(Record, Vec<f32>)> = snapshot
        .photos()
        .filter_map(|(record, vector)| {
            let descriptor = snapshot.descriptor(vector?)?;
            Some((record, descriptor.as_slice().to_vec()))
        })
        .filter(|(record, _)| record.facts.is_some())
        .collect();
    let fingerprint = snapshot.fingerprint();
    let mut gallery = Gallery::open_or_create(new, fingerprint).expect("a new gallery");
    let mut chance = fastrand::Rng::with_seed(1);
    let mut some: Vec<(Record, Option<Descriptor>)> = Vec::new();
    for number in 0..count {
        let [(first, a), (second, b)] = [0; 2].map(|_| &photos[chance.usize(..photos.len())]);
        let part = 0.3 + 0.3 * chance.f32();
        let blended = a.iter().zip(b).map(|(a, b)| a * (1.0 - part) + b * part);
        let blended = blended.map(|it| it + 0.01 * (chance.f32() - 0.5)).collect();
        let vector = UnitVector::normalize(blended).expect("it is not zero");
        let path = PathBuf::from(format!("/nowhere/{number:07}.jpg"));
        let mut facts = first.facts.clone().expect("only those with facts");
        let other = second
            .facts
            .as_ref()
            .map_or(facts.signature, |it| it.signature);
        let mut bytes = [0; Signature::BYTES];
        let cells = facts.signature.as_bytes().iter().zip(other.as_bytes());
        for (byte, (a, b)) in bytes.iter_mut().zip(cells) {
            let blended =
                f32::from(a.cast_signed()) * (1.0 - part) + f32::from(b.cast_signed()) * part;
            *byte = (blended as i8).cast_unsigned();
        }
        facts.signature = Signature::from_bytes(bytes);
        let record = Record {
            hash: ContentHash::of(path.as_os_str().as_encoded_bytes()),
            path,
            facts: Some(facts),
            ..first.clone()
        };
        let descriptor = Descriptor::new(vector, fingerprint).expect("as long as the others");
        some.push((record, Some(descriptor)));
        if some.len() == AT_ONCE || number + 1 == count {
            gallery.write(&some, &[]).expect("room");
            some.clear();
        }
    }
    let mut go_on = |_, _| ControlFlow::Continue(());
    gallery.publish(&mut go_on).expect("room");
}
