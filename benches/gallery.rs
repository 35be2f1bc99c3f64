//! A gallery of many made-up descriptors: how long publishing and searching take, how much memory,
//! and how many of the nearest the graph finds.
//!
//! ```text
//! cargo bench --bench gallery -- [COUNT] [DIMENSION] [FOLDER] [LIKE]
//! ```
//!
//! FOLDER keeps the gallery, to be queried with the command; LIKE is a gallery whose descriptors
//! these pretend to be.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::{env, fs};

use imgsearch::descriptor::{Descriptor, Fingerprint, Matrix, UnitVector};
use imgsearch::gallery::{Gallery, Record, SearchOptions, Snapshot};
use imgsearch::photo::ContentHash;

const LATENT: usize = 32;
const CLUSTERS: usize = 400;
const QUERIES: usize = 200;

/// Vectors like photos': clusters on a surface of few dimensions, nothing below zero, some noise.
struct Maker {
    basis: Matrix,
    centres: Matrix,
    made_with: Arc<Fingerprint>,
    state: u64,
}

impl Maker {
    fn new(made_with: &Fingerprint) -> Self {
        let dimension = made_with.dimension();
        let mut state = 1;
        let mut made_up = |rows, dimension| {
            let mut matrix = Matrix::zeros(rows, dimension).unwrap();
            let values = matrix.rows_mut().flatten();
            values.for_each(|value| *value = random(&mut state));
            matrix
        };
        Self {
            basis: made_up(LATENT, dimension),
            centres: made_up(CLUSTERS, LATENT),
            made_with: Arc::new(made_with.clone()),
            state: 2,
        }
    }

    fn next(&mut self) -> Descriptor {
        let cluster = (f32::midpoint(random(&mut self.state), 1.0) * CLUSTERS as f32) as usize;
        let centre = self.centres.as_vectors().row(cluster.min(CLUSTERS - 1));
        let mut values = vec![0.0f32; self.basis.dimension()];
        for (axis, centre) in self.basis.as_vectors().rows().zip(centre) {
            let along = centre + 0.5 * random(&mut self.state);
            for (value, axis) in values.iter_mut().zip(axis) {
                *value += along * axis;
            }
        }
        for value in &mut values {
            *value = (*value + 0.3 * random(&mut self.state)).max(0.0);
        }
        let vector = UnitVector::normalize(values).unwrap();
        Descriptor::new(vector, &self.made_with).unwrap()
    }
}

/// Uniform between −1 and 1.
fn random(state: &mut u64) -> f32 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    ((*state >> 40) as f32) / (1u64 << 23) as f32 - 1.0
}

fn record(number: usize) -> Record {
    let name = format!("/photos/{:03}/picture_{number:07}.jpg", number / 1000);
    Record {
        hash: ContentHash::of(name.as_bytes()),
        path: PathBuf::from(name),
        size: 1_000_000,
        modified: 1_700_000_000_000_000_000,
        width: 4000,
        height: 3000,
        facts: None,
        tags: Vec::new(),
    }
}

/// A line of this process's status in MiB, as the system counts it.
fn memory(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    number.unwrap_or(0) / 1024
}

/// Runs a step and prints its time, and the highest memory of its own (mapped files not counted).
fn step<T>(name: &str, run: impl FnOnce() -> T) -> T {
    let watch = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let watching = watch.clone();
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        while watching.load(std::sync::atomic::Ordering::Relaxed) {
            peak = peak.max(memory("RssAnon"));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        peak
    });
    let begun = Instant::now();
    let result = run();
    let seconds = begun.elapsed().as_secs_f64();
    watch.store(false, std::sync::atomic::Ordering::Relaxed);
    let peak = watcher.join().unwrap();
    println!("{name:<28} {seconds:>9.3} s   {peak:>6} MiB");
    result
}

fn write(gallery: &mut Gallery, numbers: std::ops::Range<usize>, maker: &mut Maker) {
    let numbers: Vec<usize> = numbers.collect();
    for numbers in numbers.chunks(64) {
        let batch: Vec<_> = numbers
            .iter()
            .map(|number| (record(*number), Some(maker.next())))
            .collect();
        gallery.write(&batch, &[]).unwrap();
    }
}

fn recall(snapshot: &Snapshot, queries: &[Descriptor], ef_search: Option<usize>) {
    let options = SearchOptions {
        ef_search,
        ..SearchOptions::default()
    };
    let exact = SearchOptions {
        exact: true,
        ..SearchOptions::default()
    };
    let (mut hits, mut seconds, mut exact_seconds) = (0, 0.0, 0.0);
    for query in queries {
        let begun = Instant::now();
        let truth = snapshot.search(query, &exact).unwrap();
        exact_seconds += begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let found = snapshot.search(query, &options).unwrap();
        seconds += begun.elapsed().as_secs_f64();
        let is_found = |one: &&imgsearch::gallery::Match| {
            found
                .iter()
                .any(|found| found.record.path == one.record.path)
        };
        hits += truth.iter().filter(is_found).count();
    }
    let count = queries.len() as f64;
    let ef = ef_search.map_or("default".to_owned(), |ef| ef.to_string());
    println!(
        "ef_search {ef:<8} recall@10 {:.4}   {:.3} ms, exact {:.3} ms",
        hits as f64 / (10.0 * count),
        1000.0 * seconds / count,
        1000.0 * exact_seconds / count
    );
}

fn measure(dir: &Path, count: usize, fingerprint: &Fingerprint) {
    let mut maker = Maker::new(fingerprint);
    let mut gallery = step("open", || {
        Gallery::open_or_create(dir, fingerprint).unwrap()
    });
    step("write to the store", || {
        write(&mut gallery, 0..count, &mut maker);
    });
    let go_on = &mut |_: usize, _: usize| ControlFlow::Continue(());
    let published = step("publish", || gallery.publish(go_on).unwrap());
    println!("{published:?}");
    step("publish, nothing new", || gallery.publish(go_on).unwrap());
    drop(gallery);
    let mut gallery = step("open again", || Gallery::open(dir).unwrap());
    let queries: Vec<Descriptor> = (0..QUERIES).map(|_| maker.next()).collect();
    let snapshot = step("open the snapshot", || Snapshot::open(dir).unwrap());
    println!("snapshot {} MiB", snapshot.size() >> 20);
    for ef_search in [Some(32), Some(64), None, Some(256), Some(512)] {
        recall(&snapshot, &queries, ef_search);
    }
    let more = (count / 100).max(1);
    write(&mut gallery, count..count + more, &mut maker);
    step("publish 1 % more", || gallery.publish(go_on).unwrap());
    recall(&Snapshot::open(dir).unwrap(), &queries, None);
    gallery.write(&[], &[record(0).path]).unwrap();
    step("publish one less", || gallery.publish(go_on).unwrap());
}

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let number =
        |index: usize, default| arguments.get(index).map_or(default, |n| n.parse().unwrap());
    let (count, dimension) = (number(0, 20_000), number(1, 1280));
    let like = arguments
        .get(3)
        .map(|dir| Snapshot::open(Path::new(dir)).unwrap());
    let fingerprint = like.map_or_else(
        || {
            let recipe = "efficientnet_lite0:head@none".parse().unwrap();
            Fingerprint::new(recipe, "0".repeat(64), dimension)
        },
        |like| like.fingerprint().as_ref().clone(),
    );
    if let Some(dir) = arguments.get(2) {
        measure(Path::new(dir), count, &fingerprint);
    } else {
        let dir = tempfile::tempdir().unwrap();
        measure(dir.path(), count, &fingerprint);
    }
}
