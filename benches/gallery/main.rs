//! Galleries of up to millions of photos: what building costs, what lies on the disk, what is found and how
//! fast, warm and cold, in one segment and in many, through filters; and what one more photo costs.
//!
//! ```text
//! cargo bench --bench gallery -- LIKE.npy FOLDER 1000000,3000000 [--dimension=256] [--minutes=30]
//!     [--segments=8] [--tags] [--add=1000] [--ranking=augment=3]
//! ```
//!
//! LIKE.npy has f32 unit rows, as `imgsearch extract` writes them; vectors are real ones mixed and disturbed,
//! the same for a number every time. FOLDER keeps the gallery: what was begun goes on, and with `--minutes` it
//! stops after so many to be gone on with. `--segments` publishes in so many parts that stay apart, `--tags`
//! asks through filters as well, `--add` adds photos one by one in the end, `--ranking` keeps neighbour lists for
//! a ranking and asks with it and without. Each line is a JSON object; latencies are of one thread.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

mod made;
#[path = "../measure/mod.rs"]
mod measure;

use std::env;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use imgsearch::gallery::{Filter, Gallery, SearchOptions, Snapshot};
use imgsearch::ranking::Ranking;
use rayon::prelude::*;
use serde_json::{Value, json};

use made::{Made, SHARES};
use measure::{
    Clock, cpu, files, forget, most_memory, read, read_from_disk, size, written_to_disk,
};

/// Photos written at once.
const AT_ONCE: u64 = 4096;
/// Photos after which they are published, so that little is lost.
const PUBLISHED: u64 = 1 << 17;
const QUERIES: u64 = 400;
const COLD: u64 = 10;
/// How often memory is read.
const READ: usize = 21;
/// Queries that are compared with all vectors at once.
const AT_ONCE_ASKED: u64 = 256;
const K: usize = 10;
const EFS: [usize; 4] = [64, 128, 256, 512];

struct Bench {
    made: Made,
    dir: PathBuf,
    until: Option<Instant>,
    segments: Option<u64>,
    is_tagged: bool,
    add: u64,
    ranking: Option<Ranking>,
}

fn main() {
    let (options, given): (Vec<String>, Vec<String>) =
        env::args().skip(1).partition(|it| it.starts_with("--"));
    let [like, dir, counts] = &given[..] else {
        // Cargo runs every bench where none is named.
        println!(
            "it needs vectors to be like, a folder and a number of photos: cargo bench --bench gallery -- LIKE.npy FOLDER 100000"
        );
        return;
    };
    let option = |name: &str| {
        let value = options.iter().find_map(|it| it.strip_prefix(name));
        value.map(|value| value.parse::<u64>().unwrap())
    };
    let minutes = option("--minutes=").map(|it| Duration::from_secs(60 * it));
    let dimension = option("--dimension=").unwrap_or(256) as usize;
    let bench = Bench {
        made: Made::like(&read(Path::new(like)), dimension),
        dir: PathBuf::from(dir),
        until: minutes.map(|minutes| Instant::now() + minutes),
        segments: option("--segments="),
        is_tagged: options.iter().any(|it| it == "--tags"),
        add: option("--add=").unwrap_or(0),
        ranking: options
            .iter()
            .find_map(|it| it.strip_prefix("--ranking="))
            .map(|ranking| ranking.parse().unwrap()),
    };
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1);
    let one_thread = one_thread.build().unwrap();
    for count in counts.split(',') {
        let count: u64 = count.parse().unwrap();
        if !bench.grow(count) {
            println!("{}", json!({"stopped": "it goes on when it is run again"}));
            return;
        }
        one_thread.install(|| bench.tell());
    }
    if bench.add > 0 {
        bench.add_one_by_one();
    }
}

fn go_on(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl Bench {
    /// Brings the gallery to so many photos; whether there was time.
    fn grow(&self, count: u64) -> bool {
        let mut gallery = Gallery::open_or_create(&self.dir, self.made.fingerprint()).unwrap();
        gallery
            .set_ranking(self.ranking.unwrap_or_default())
            .unwrap();
        let begun = gallery.records().count() as u64;
        let (clock, used) = (Instant::now(), cpu(Clock::Process));
        let part = self
            .segments
            .map_or(PUBLISHED, |parts| count.div_ceil(parts));
        let mut written = begun;
        while written < count {
            let end = (written + AT_ONCE)
                .min(count)
                .min((written / part + 1) * part);
            let numbers = (written..end).into_par_iter();
            let photos: Vec<_> = numbers
                .map(|number| self.made.photo(number, self.is_tagged))
                .collect();
            gallery.write(&photos, &[]).unwrap();
            written = end;
            if written.is_multiple_of(part) {
                gallery.publish_soon(&mut go_on).unwrap();
                if self.until.is_some_and(|until| Instant::now() > until) {
                    return false;
                }
            }
        }
        if self.segments.is_some() {
            gallery.publish_soon(&mut go_on).unwrap();
        } else {
            gallery.publish(&mut go_on).unwrap();
        }
        println!(
            "{}",
            json!({
                "photos": count,
                "added": count - begun.min(count),
                "build_s": clock.elapsed().as_secs_f64(),
                "build_cpu_s": cpu(Clock::Process) - used,
                "most_memory_bytes": most_memory(),
            })
        );
        true
    }

    fn tell(&self) {
        let snapshot = Snapshot::open(&self.dir).unwrap();
        let photos = snapshot.len() as f64;
        println!(
            "{}",
            json!({
                "photos": snapshot.len(),
                "segments": snapshot.segments(),
                "in_graphs": snapshot.graph_points(),
                "f32_bytes_a_photo": 4 * self.made.fingerprint().dimension(),
                "store_bytes_a_photo": size(&self.dir.join("store")) as f64 / photos,
                "snapshot_bytes_a_photo": snapshot.size() as f64 / photos,
            })
        );
        self.tell_cold(Ranking::NONE);
        if let Some(ranking) = self.ranking {
            self.tell_cold(ranking);
        }
        let all = Filter::default();
        let plain = Some(Ranking::NONE);
        let right = self.answers(&snapshot, &all, (true, None), plain);
        self.tell_exact(&right, &snapshot);
        for ef in EFS {
            let found = self.answers(&snapshot, &all, (false, Some(ef)), plain);
            tell_answers(&found, &right, &json!({"ef": ef}));
        }
        if let Some(ranking) = self.ranking {
            let found = self.answers(&snapshot, &all, (false, None), plain);
            tell_answers(&found, &right, &json!({"ranking": "none"}));
            let found = self.answers(&snapshot, &all, (false, None), self.ranking);
            tell_answers(&found, &found, &json!({"ranking": ranking.to_string()}));
        }
        if self.is_tagged {
            for (share, _) in SHARES {
                for kind in ["chance", "like"] {
                    let mut filter = Filter::default();
                    filter.tags.push(format!("{kind}-{share}"));
                    let right = self.answers(&snapshot, &filter, (true, None), plain);
                    let found = self.answers(&snapshot, &filter, (false, None), plain);
                    tell_answers(&found, &right, &json!({"filter": kind, "per_cent": share}));
                }
            }
        }
    }

    /// How fast all vectors are compared with one query, and with many at once, beside a loop that does no more
    /// than read as many bytes.
    fn tell_exact(&self, one_by_one: &[(Vec<PathBuf>, f64)], snapshot: &Snapshot) {
        let vectors = 2 * self.made.fingerprint().dimension() * snapshot.len();
        let words = vec![1u64; vectors / 8];
        let mut times: Vec<f64> = (0..READ).map(|_| seconds_to_read(&words)).collect();
        times.sort_by(f64::total_cmp);
        let mut exact: Vec<f64> = one_by_one.iter().map(|(_, micros)| *micros).collect();
        exact.sort_by(f64::total_cmp);
        let queries: Vec<_> = (0..AT_ONCE_ASKED).map(|it| self.made.query(it)).collect();
        let options = SearchOptions {
            k: K,
            exact: true,
            ranking: Some(Ranking::NONE),
            ..SearchOptions::default()
        };
        let clock = Instant::now();
        snapshot.search_many(&queries, &options).unwrap();
        let at_once = clock.elapsed().as_secs_f64();
        let gigabytes = |seconds: f64| vectors as f64 / seconds / 1e9;
        println!(
            "{}",
            json!({
                "exact_p50_us": exact[exact.len() / 2].round(),
                "exact_gb_per_s": gigabytes(exact[exact.len() / 2] / 1e6),
                "plain_read_gb_per_s": gigabytes(times[times.len() / 2]),
                "queries_at_once": AT_ONCE_ASKED,
                "at_once_us_each": (at_once * 1e6 / AT_ONCE_ASKED as f64).round(),
            })
        );
    }

    /// What is found for each query and in how many microseconds, one by one.
    fn answers(
        &self,
        snapshot: &Snapshot,
        filter: &Filter,
        (exact, ef_search): (bool, Option<usize>),
        ranking: Option<Ranking>,
    ) -> Vec<(Vec<PathBuf>, f64)> {
        let options = SearchOptions {
            k: K,
            exact,
            ef_search,
            ranking,
            filter: filter.clone(),
            ..SearchOptions::default()
        };
        let one = |number| {
            let query = self.made.query(number);
            let clock = Instant::now();
            let found = snapshot.search(&query, &options).unwrap();
            let micros = clock.elapsed().as_secs_f64() * 1e6;
            (found.into_iter().map(|it| it.record.path).collect(), micros)
        };
        if !exact {
            // What is asked first is read first.
            (0..QUERIES / 4).for_each(|number| drop::<(Vec<PathBuf>, f64)>(one(number)));
        }
        (0..QUERIES).map(one).collect()
    }

    /// A first query where nothing of the gallery is in memory.
    fn tell_cold(&self, ranking: Ranking) {
        let (mut bytes, mut times) = (0, Vec::new());
        for number in 0..COLD {
            for file in files(&self.dir) {
                forget(&file);
            }
            let query = self.made.query(number);
            let (before, clock) = (read_from_disk(), Instant::now());
            let snapshot = Snapshot::open(&self.dir).unwrap();
            let options = SearchOptions {
                ranking: Some(ranking),
                ..SearchOptions::default()
            };
            snapshot.search(&query, &options).unwrap();
            times.push(clock.elapsed().as_secs_f64() * 1000.0);
            bytes += read_from_disk() - before;
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{}",
            json!({
                "ranking": ranking.to_string(),
                "cold_open_and_query_ms": times[times.len() / 2],
                "cold_worst_ms": times[times.len() - 1],
                "cold_read_bytes": bytes / COLD,
            })
        );
    }

    /// Photos that come one at a time, each found when the next comes.
    fn add_one_by_one(&self) {
        let mut gallery = Gallery::open(&self.dir).unwrap();
        let first = gallery.records().count() as u64;
        for file in files(&self.dir) {
            forget(&file);
        }
        let (read, written) = (read_from_disk(), written_to_disk());
        let (clock, used) = (Instant::now(), cpu(Clock::Process));
        for number in first..first + self.add {
            let photo = self.made.photo(number, self.is_tagged);
            gallery.write(&[photo], &[]).unwrap();
            gallery.publish(&mut go_on).unwrap();
        }
        let each = |all: u64| all as f64 / self.add as f64;
        println!(
            "{}",
            json!({
                "photos_before": first,
                "added_one_by_one": self.add,
                "read_bytes_each": each(read_from_disk() - read),
                "written_bytes_each": each(written_to_disk() - written),
                "ms_each": clock.elapsed().as_secs_f64() * 1000.0 / self.add as f64,
                "cpu_ms_each": (cpu(Clock::Process) - used) * 1000.0 / self.add as f64,
            })
        );
    }
}

fn seconds_to_read(words: &[u64]) -> f64 {
    let clock = Instant::now();
    let sum = |words: &[u64]| {
        words
            .iter()
            .fold(0, |sum: u64, word| sum.wrapping_add(*word))
    };
    std::hint::black_box(sum(std::hint::black_box(words)));
    clock.elapsed().as_secs_f64()
}

/// How many of what was to be found was, and how fast.
fn tell_answers(found: &[(Vec<PathBuf>, f64)], right: &[(Vec<PathBuf>, f64)], what: &Value) {
    let hits = found
        .iter()
        .zip(right)
        .map(|((found, _), (right, _))| right.iter().filter(|path| found.contains(path)).count());
    let all: usize = right.iter().map(|(right, _)| right.len()).sum();
    let quantile = |answers: &[(Vec<PathBuf>, f64)], share: f64| {
        let mut times: Vec<f64> = answers.iter().map(|(_, micros)| *micros).collect();
        times.sort_by(f64::total_cmp);
        times[((times.len() - 1) as f64 * share) as usize].round()
    };
    let mut line = json!({
        "recall": hits.sum::<usize>() as f64 / all.max(1) as f64,
        "answers": all as f64 / right.len() as f64,
        "p50_us": quantile(found, 0.5),
        "p99_us": quantile(found, 0.99),
        "exact_p50_us": quantile(right, 0.5),
    });
    let what = what.as_object().unwrap().clone();
    line.as_object_mut().unwrap().extend(what);
    println!("{line}");
}
