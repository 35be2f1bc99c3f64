//! The approximate search among real descriptors, all of it in memory: what building costs, what it
//! finds and how fast.
//!
//! ```text
//! cargo bench --bench neighbours -- BASE.npy QUERIES.npy [EF…] [--turns]
//! ```
//!
//! Both files hold f32 unit rows, as `imgsearch extract` writes them. Each line of the output is a JSON
//! object. Queries are asked one by one through [`Snapshot::search`], in one thread; their rate is in
//! seconds of that thread's CPU, so that what else the machine does is not in it, p50 and p99 are of the
//! clock. The nearest that are to be found are those by f32. With `--turns` the queries are asked once
//! for each line of standard input, for benches/peers/neighbours.py.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::{env, io};

use imgsearch::descriptor::{Descriptor, Fingerprint, Matrix, UnitVector};
use imgsearch::gallery::index::{Exact, Index, best};
use imgsearch::gallery::{Gallery, GraphBuilder, IndexPolicy, Record, SearchOptions, Snapshot};
use imgsearch::photo::ContentHash;
use rayon::prelude::*;
use serde_json::json;

#[path = "measure/mod.rs"]
mod measure;

use measure::{Clock, cpu, files, forget, read, read_from_disk, size};

const K: usize = 10;
const EFS: [usize; 13] = [16, 24, 32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 400];
const OPENED: usize = 11;
const COLD: usize = 20;
const WARMING: usize = 100;

fn main() {
    let (options, given): (Vec<String>, Vec<String>) =
        env::args().skip(1).partition(|it| it.starts_with("--"));
    let [base, queries, efs @ ..] = &given[..] else {
        // Cargo runs every bench where none is named.
        println!("it needs two files: cargo bench --bench neighbours -- BASE.npy QUERIES.npy");
        return;
    };
    let efs: Vec<usize> = efs.iter().map(|ef| ef.parse().unwrap()).collect();
    let efs = if efs.is_empty() { EFS.to_vec() } else { efs };
    let asked = Asked::new(&read(Path::new(base)), &read(Path::new(queries)), efs);
    let dir = tempfile::tempdir().unwrap();
    let folder = |name| dir.path().join(name);

    let rows_alone = build(&folder("rows"), &asked.base, None).publish;
    let oracle = build(&folder("oracle"), &asked.base, Some(GraphBuilder::HnswRs));
    oracle.tell("hnsw_rs", rows_alone);
    asked.tell(&folder("oracle"), "hnsw_rs");
    let own = build(&folder("own"), &asked.base, Some(GraphBuilder::Own));
    own.tell("own", rows_alone);
    tell_sizes(&folder("own"));
    tell_opening(&folder("own"));
    tell_cold(&folder("own"), &asked.queries);
    if options.iter().any(|it| it == "--turns") {
        println!("{}", json!({"ready": true}));
        for line in io::stdin().lines() {
            line.unwrap();
            asked.tell(&folder("own"), "own");
            println!("{}", json!({"turn": "over"}));
        }
    } else {
        asked.tell(&folder("own"), "own");
    }
}

fn descriptors(rows: &Matrix) -> Vec<Descriptor> {
    let recipe = "efficientnet_lite0:head@none".parse().unwrap();
    let made_with = Fingerprint::new(recipe, "0".repeat(64), rows.dimension());
    let made_with = Arc::new(made_with);
    let descriptor = |row: &[f32]| {
        let vector = UnitVector::normalize(row.to_vec()).unwrap();
        Descriptor::new(vector, &made_with).unwrap()
    };
    rows.as_vectors().rows().map(descriptor).collect()
}

/// A photo whose path says which row it is.
fn record(row: usize) -> Record {
    let name = format!("/photos/{:03}/{row}.jpg", row / 1000);
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

/// What a gallery cost, in seconds of CPU of all threads.
struct Built {
    store: f64,
    publish: f64,
    publish_wall: f64,
}

impl Built {
    fn tell(&self, builder: &str, rows_alone: f64) {
        let line = json!({
            "builder": builder,
            "store_cpu_s": self.store,
            "publish_cpu_s": self.publish,
            "graph_cpu_s": self.publish - rows_alone,
            "publish_s": self.publish_wall,
        });
        println!("{line}");
    }
}

/// A gallery of these, without a graph where no builder is given.
fn build(dir: &Path, base: &[Descriptor], builder: Option<GraphBuilder>) -> Built {
    let policy = IndexPolicy {
        graph_from: builder.map_or(usize::MAX, |_| 1),
        builder: builder.unwrap_or_default(),
        ..IndexPolicy::default()
    };
    let gallery = Gallery::open_or_create(dir, base[0].fingerprint()).unwrap();
    let mut gallery = gallery.with_policy(policy);
    let begun = cpu(Clock::Process);
    for (part, base) in base.chunks(1024).enumerate() {
        let numbered = base.iter().enumerate();
        let photo = |(row, it): (usize, &Descriptor)| (record(part * 1024 + row), Some(it.clone()));
        gallery
            .write(&numbered.map(photo).collect::<Vec<_>>(), &[])
            .unwrap();
    }
    let stored = cpu(Clock::Process);
    let clock = Instant::now();
    let go_on = &mut |_: usize, _: usize| ControlFlow::Continue(());
    let published = gallery.publish(go_on).unwrap();
    assert_eq!(published.built_graph, builder.is_some());
    Built {
        store: stored - begun,
        publish: cpu(Clock::Process) - stored,
        publish_wall: clock.elapsed().as_secs_f64(),
    }
}

/// What is asked of a gallery, and what is right.
struct Asked {
    base: Vec<Descriptor>,
    queries: Vec<Descriptor>,
    nearest: Vec<HashSet<u32>>,
    efs: Vec<usize>,
    one_thread: rayon::ThreadPool,
}

impl Asked {
    fn new(base: &Matrix, queries: &Matrix, efs: Vec<usize>) -> Self {
        assert_eq!(base.dimension(), queries.dimension());
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1);
        let asked = Self {
            base: descriptors(base),
            queries: descriptors(queries),
            nearest: nearest(base, queries),
            efs,
            one_thread: one_thread.build().unwrap(),
        };
        let line = json!({
            "rows": asked.base.len(), "queries": asked.queries.len(), "dimension": base.dimension(),
        });
        println!("{line}");
        asked
    }

    /// What each `ef` finds in the gallery, and how fast.
    fn tell(&self, dir: &Path, builder: &str) {
        let snapshot = Snapshot::open(dir).unwrap();
        for ef in &self.efs {
            let options = SearchOptions {
                k: K,
                ef_search: Some(*ef),
                ..SearchOptions::default()
            };
            self.one_thread
                .install(|| self.measure(&snapshot, &options, builder));
        }
    }

    fn measure(&self, snapshot: &Snapshot, options: &SearchOptions, builder: &str) {
        for query in self.queries.iter().take(WARMING) {
            snapshot.search(query, options).unwrap();
        }
        let mut found = Vec::with_capacity(self.queries.len());
        let mut times = Vec::with_capacity(self.queries.len());
        let begun = cpu(Clock::Thread);
        for query in &self.queries {
            let clock = Instant::now();
            found.push(snapshot.search(query, options).unwrap());
            times.push(clock.elapsed().as_secs_f64() * 1e6);
        }
        let seconds = cpu(Clock::Thread) - begun;
        times.sort_by(f64::total_cmp);
        let found = found.iter().zip(&self.nearest);
        let hits = found.map(|(found, nearest)| {
            let rows = found.iter().map(|found| row_of(&found.record));
            rows.filter(|row| nearest.contains(row)).count()
        });
        let count = self.queries.len() as f64;
        let line = json!({
            "builder": builder,
            "ef": options.ef_search,
            "recall": hits.sum::<usize>() as f64 / (K as f64 * count),
            "queries_per_second": (count / seconds).round(),
            "p50_us": times[times.len() / 2].round(),
            "p99_us": times[times.len() * 99 / 100].round(),
        });
        println!("{line}");
    }
}

fn row_of(record: &Record) -> u32 {
    let stem = record.path.file_stem().unwrap();
    stem.to_str().unwrap().parse().unwrap()
}

/// The rows nearest to each query by f32.
fn nearest(base: &Matrix, queries: &Matrix) -> Vec<HashSet<u32>> {
    let queries: Vec<&[f32]> = queries.as_vectors().rows().collect();
    // Of some queries a block of rows, so that it is fetched once.
    let near_of = |queries: &[&[f32]]| {
        let mut near = vec![Vec::new(); queries.len()];
        for (first, vectors) in base.as_vectors().blocks(64) {
            let first = first as u32;
            for (query, near) in queries.iter().zip(&mut near) {
                near.extend(Exact { vectors, first }.search(query, K, &|_| true));
                *near = best(std::mem::take(near), K);
            }
        }
        near
    };
    let near = queries.par_chunks(32).flat_map_iter(near_of);
    let near = near.map(|near| near.iter().map(|it| it.index).collect());
    near.collect()
}

fn tell_sizes(dir: &Path) {
    let snapshot = Snapshot::open(dir).unwrap();
    let photos = snapshot.len() as f64;
    let line = json!({
        "store_bytes_a_photo": size(&dir.join("store")) as f64 / photos,
        "snapshot_bytes_a_photo": snapshot.size() as f64 / photos,
        "f32_bytes_a_photo": 4 * snapshot.fingerprint().dimension(),
    });
    println!("{line}");
}

fn tell_opening(dir: &Path) {
    let mut times = Vec::new();
    for _ in 0..OPENED {
        let begun = Instant::now();
        Snapshot::open(dir).unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    println!("{}", json!({"open_ms": times[OPENED / 2]}));
}

/// What a first query reads from the disk where nothing of the gallery is in memory.
fn tell_cold(dir: &Path, queries: &[Descriptor]) {
    let mut read = 0;
    let mut times = Vec::new();
    for query in queries.iter().take(COLD) {
        for file in &files(dir) {
            forget(file);
        }
        let (before, begun) = (read_from_disk(), Instant::now());
        let snapshot = Snapshot::open(dir).unwrap();
        snapshot.search(query, &SearchOptions::default()).unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        read += read_from_disk() - before;
    }
    // Not every system tells, nor forgets.
    if read > 0 {
        times.sort_by(f64::total_cmp);
        let line = json!({
            "cold_read_bytes_a_query": read / times.len() as u64,
            "cold_open_and_query_ms": times[times.len() / 2],
            "snapshot_bytes": Snapshot::open(dir).unwrap().size(),
        });
        println!("{line}");
    }
}
