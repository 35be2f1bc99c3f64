//! Power cuts, replayed: what a run writes is recorded call by call, and for many moments the disk is
//! made as it may be found then. What was synced is there; of what was not, any part of a file's writes,
//! in whole or torn, and the first of a folder's changes.
//!
//! `IMGSEARCH_POWER_CUTS=5000 cargo test power` cuts as often; `IMGSEARCH_POWER_SEED` begins elsewhere.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgsearch::Extractor;
use imgsearch::backbone::Placement;
use imgsearch::gallery::{Gallery, Snapshot};
use imgsearch::ingest::{IngestEvent, IngestOptions};

use crate::common::collection::publish;
use crate::common::skip::skip;
use crate::common::{Workspace, weights};

/// Set for the run that is watched.
const WATCHED: &str = "IMGSEARCH_POWER_WATCHED";

/// The calls that change what lies on disk. One that changes it otherwise would go unseen, so all that
/// std and sled use are among them.
const CALLS: &str = "trace=openat,creat,write,pwrite64,writev,pwritev,pwritev2,lseek,ftruncate,fallocate,\
                     copy_file_range,sendfile,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
                     unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync";

fn extractor() -> Extractor {
    let recipe = "efficientnet_lite0:blocks.2@resize=40,crop=32"
        .parse()
        .unwrap();
    Extractor::load(&recipe, weights(), &Placement::cpu()).unwrap()
}

/// Indexes, changes photos, indexes again; each time photos are durable it says in a file how many.
#[test]
fn the_run_that_is_watched() {
    let Some(folder) = env::var_os(WATCHED).map(PathBuf::from) else {
        return;
    };
    let extractor = extractor();
    let mut told = File::create(folder.join("told")).unwrap();
    let mut durable = 0;
    let mut index = |jobs| {
        let mut gallery = Gallery::create_or_open_with(folder.join("gallery"), &extractor).unwrap();
        let options = IngestOptions {
            jobs,
            ..IngestOptions::default()
        };
        let indexing = gallery.index([folder.join("photos")]).options(options);
        let report = indexing.with(&extractor).run(|event| {
            if let IngestEvent::Stored { photos } = event {
                durable += photos;
                told.write_all(format!("{durable}\n").as_bytes()).unwrap();
            }
            ControlFlow::Continue(())
        });
        report.unwrap()
    };
    assert_eq!(index(1).added, 150);
    let photo = |name: &str| folder.join("photos").join(name);
    fs::remove_file(photo("city_0.png")).unwrap();
    fs::rename(photo("beach_0.png"), photo("moved.png")).unwrap();
    let report = index(2);
    assert_eq!((report.moved, report.removed), (1, 1));
}

/// Something on disk: a file's content or a folder's names, as changes one after the other.
#[derive(Default)]
struct Node {
    is_folder: bool,
    /// Each with its place in the recording.
    changes: Vec<(usize, Change)>,
    /// Syncs that ended: where they began and where they ended.
    syncs: Vec<(usize, usize)>,
}

enum Change {
    Write {
        at: usize,
        bytes: Vec<u8>,
    },
    Length(usize),
    /// At least so long.
    Reserve(usize),
    Name(String, usize),
    NoName(String),
    Rename(String, String),
}

/// What a run did to the folder `gallery` beneath `root`.
struct Recording {
    gallery: PathBuf,
    nodes: Vec<Node>,
    /// Where everything is while it is recorded.
    live: HashMap<PathBuf, usize>,
    offsets: HashMap<String, usize>,
    /// How many photos were durable from a moment on.
    told: Vec<(usize, usize)>,
    calls: usize,
}

impl Recording {
    fn of(root: &Path, log: &str) -> Self {
        let mut recording = Self {
            gallery: root.join("gallery"),
            nodes: vec![Node {
                is_folder: true,
                ..Node::default()
            }],
            live: HashMap::from([(root.to_owned(), 0)]),
            offsets: HashMap::new(),
            told: Vec::new(),
            calls: 0,
        };
        // Calls that others come between are told in two lines.
        let mut begun: HashMap<&str, (usize, &str)> = HashMap::new();
        for line in log.lines() {
            let (process, call) = line.split_once(' ').unwrap();
            let call = call.trim_start();
            if let Some(first) = call.strip_suffix(" <unfinished ...>") {
                begun.insert(process, (recording.calls, first));
            } else if let Some(rest) = call.strip_prefix("<... ") {
                let (began, first) = begun.remove(process).unwrap();
                let (_, rest) = rest.split_once("resumed>").unwrap();
                recording.take(began, &format!("{first}{rest}"));
            } else if !call.starts_with(['+', '-']) {
                recording.take(recording.calls, call);
            }
        }
        recording
    }

    /// A call and what it gave back.
    fn take(&mut self, began: usize, call: &str) {
        let (name, rest) = call.split_once('(').unwrap();
        let (arguments, answer) = rest.rsplit_once(" = ").unwrap();
        let arguments: Vec<&str> = arguments
            .trim_end()
            .trim_end_matches(')')
            .split(", ")
            .collect();
        if answer.starts_with(['-', '?']) {
            return;
        }
        let count = || {
            answer
                .split([' ', '<'])
                .next()
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        self.calls += 1;
        match name {
            "openat" => self.open(answer, arguments[2]),
            "lseek" => {
                self.offsets.insert(arguments[0].to_owned(), count());
            }
            "write" => {
                let bytes = text(arguments[1]);
                if path_of(arguments[0]).ends_with("told") {
                    let number = String::from_utf8(bytes).unwrap().trim().parse().unwrap();
                    self.told.push((self.calls, number));
                } else {
                    let at = self.offsets.get(arguments[0]).copied().unwrap_or(0);
                    self.offsets.insert(arguments[0].to_owned(), at + count());
                    self.write(arguments[0], at, bytes, count());
                }
            }
            "pwrite64" => {
                let at = arguments[3].parse().unwrap();
                self.write(arguments[0], at, text(arguments[1]), count());
            }
            "ftruncate" => self.change(arguments[0], Change::Length(arguments[1].parse().unwrap())),
            "fallocate" => {
                let ends = arguments[2..4]
                    .iter()
                    .map(|it| it.parse::<usize>().unwrap());
                self.change(arguments[0], Change::Reserve(ends.sum()));
            }
            "fsync" | "fdatasync" => {
                if let Some(node) = self.live.get(&path_of(arguments[0])) {
                    self.nodes[*node].syncs.push((began, self.calls));
                }
            }
            "mkdir" => self.make(&named(arguments[0]), true),
            "mkdirat" => self.make(&named(arguments[1]), true),
            "unlink" | "rmdir" => self.remove(&named(arguments[0])),
            "unlinkat" => self.remove(&path_of(arguments[0]).join(named(arguments[1]))),
            "rename" => self.rename(&named(arguments[0]), &named(arguments[1])),
            "renameat" | "renameat2" => self.rename(&named(arguments[1]), &named(arguments[3])),
            other => {
                let is_ours = call.contains(&hex(&self.gallery));
                assert!(!is_ours, "`{other}` is not known here: {call}");
            }
        }
    }

    fn open(&mut self, answer: &str, flags: &str) {
        let path = path_of(answer);
        if !path.starts_with(&self.gallery) {
            return;
        }
        self.offsets.insert(answer.to_owned(), 0);
        assert!(!flags.contains("O_APPEND"), "{}", path.display());
        if !self.live.contains_key(&path) && flags.contains("O_CREAT") {
            self.make(&path, false);
        } else if flags.contains("O_TRUNC") {
            self.change(answer, Change::Length(0));
        }
    }

    fn write(&mut self, file: &str, at: usize, mut bytes: Vec<u8>, count: usize) {
        bytes.truncate(count);
        self.change(file, Change::Write { at, bytes });
    }

    /// A change of the file that is open so; of others than the gallery's nothing is known.
    fn change(&mut self, file: &str, change: Change) {
        if let Some(node) = self.live.get(&path_of(file)) {
            self.nodes[*node].changes.push((self.calls, change));
        }
    }

    /// A change of the folder in which `path` is.
    fn within(&mut self, path: &Path, change: Change) {
        let folder = self.live[path.parent().unwrap()];
        self.nodes[folder].changes.push((self.calls, change));
    }

    fn make(&mut self, path: &Path, is_folder: bool) {
        if !path.starts_with(&self.gallery) {
            return;
        }
        let node = self.nodes.len();
        self.nodes.push(Node {
            is_folder,
            ..Node::default()
        });
        self.live.insert(path.to_owned(), node);
        self.within(path, Change::Name(name(path), node));
    }

    fn remove(&mut self, path: &Path) {
        if path.starts_with(&self.gallery) {
            self.live.remove(path);
            self.within(path, Change::NoName(name(path)));
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        if !from.starts_with(&self.gallery) {
            return;
        }
        let moved: Vec<PathBuf> = self
            .live
            .keys()
            .filter(|it| it.starts_with(from))
            .cloned()
            .collect();
        let top = self.live[from];
        for path in moved {
            let node = self.live.remove(&path).unwrap();
            let below = path.strip_prefix(from).unwrap();
            let to = if below.as_os_str().is_empty() {
                to.to_owned()
            } else {
                to.join(below)
            };
            self.live.insert(to, node);
        }
        if from.parent() == to.parent() {
            self.within(to, Change::Rename(name(from), name(to)));
        } else {
            self.within(to, Change::Name(name(to), top));
            self.within(from, Change::NoName(name(from)));
        }
    }

    /// Makes at `to` what may lie on the disk if the power is cut after so many calls.
    fn disk(&self, node: usize, cut: usize, to: &Path, chance: &mut fastrand::Rng) {
        let Node {
            is_folder,
            changes,
            syncs,
        } = &self.nodes[node];
        let ended = syncs.iter().filter(|(_, end)| *end <= cut);
        let synced = ended.map(|(began, _)| *began).max().unwrap_or(0);
        let done = changes.iter().filter(|(at, _)| *at <= cut);
        let (sure, open): (Vec<_>, Vec<_>) = done.partition(|(at, _)| *at <= synced);
        if *is_folder {
            let first = chance.usize(..=open.len());
            let kept = sure.into_iter().chain(open.into_iter().take(first));
            let mut names: HashMap<&str, usize> = HashMap::new();
            for (_, change) in kept {
                match change {
                    Change::Name(name, node) => drop(names.insert(name, *node)),
                    Change::NoName(name) => drop(names.remove(name.as_str())),
                    Change::Rename(from, to) => {
                        let node = names.remove(from.as_str()).unwrap();
                        names.insert(to, node);
                    }
                    _ => unreachable!("a folder has names"),
                }
            }
            fs::create_dir_all(to).unwrap();
            let mut names: Vec<_> = names.into_iter().collect();
            names.sort_unstable();
            for (name, node) in names {
                self.disk(node, cut, &to.join(name), chance);
            }
            return;
        }
        let mut content = Vec::new();
        for (_, change) in sure {
            apply(&mut content, change, None);
        }
        // All of it, none of it, the first of it, or any of it.
        let (way, first) = (chance.u8(..4), chance.usize(..=open.len()));
        for (place, (_, change)) in open.into_iter().enumerate() {
            let is_kept = match way {
                0 => true,
                1 => false,
                2 => place < first,
                _ => chance.bool(),
            };
            if is_kept {
                let torn = (way > 1 && chance.u8(..4) == 0).then(|| chance.f64());
                apply(&mut content, change, torn);
            }
        }
        fs::write(to, content).unwrap();
    }
}

/// Does a change, of a torn one a part.
fn apply(content: &mut Vec<u8>, change: &Change, torn: Option<f64>) {
    match change {
        Change::Write { at, bytes } => {
            let length = torn.map_or(bytes.len(), |part| (part * bytes.len() as f64) as usize);
            content.resize(content.len().max(at + length), 0);
            content[*at..at + length].copy_from_slice(&bytes[..length]);
        }
        Change::Length(length) => content.resize(*length, 0),
        Change::Reserve(length) => content.resize(content.len().max(*length), 0),
        _ => unreachable!("a file has no names"),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn hex(path: &Path) -> String {
    let bytes = path.to_str().unwrap().bytes();
    let digits: Vec<String> = bytes.map(|byte| format!("\\x{byte:02x}")).collect();
    digits.concat()
}

/// The bytes of a text as strace writes them: `"\x61\x62"`.
fn text(argument: &str) -> Vec<u8> {
    let digits = argument.trim_matches('"').split("\\x").skip(1);
    let byte = |pair: &str| u8::from_str_radix(pair, 16).unwrap();
    digits.map(byte).collect()
}

fn named(argument: &str) -> PathBuf {
    String::from_utf8(text(argument)).unwrap().into()
}

/// The path of an open file: `7<\x2f\x61>`.
fn path_of(file: &str) -> PathBuf {
    let path = file
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    path.map_or_else(PathBuf::new, |(path, _)| named(path))
}

/// Records the run; nothing where there is no `strace`, or it may not watch.
fn record(root: &Path) -> Option<Recording> {
    let log = root.join("log");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-xx", "-s", "33554432", "-e", CALLS, "-o"])
        .arg(&log);
    strace.arg(env::current_exe().unwrap());
    strace.args([
        "power::the_run_that_is_watched",
        "--exact",
        "--test-threads=1",
    ]);
    let output = strace.env(WATCHED, root).output().ok()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("ptrace"),
            "{said}{}",
            String::from_utf8_lossy(&output.stdout)
        );
        return None;
    }
    let log = fs::read_to_string(log).unwrap();
    Some(Recording::of(root, &log))
}

fn number(name: &str, usual: usize) -> usize {
    env::var(name).map_or(usual, |text| text.parse().unwrap())
}

#[test]
fn after_a_power_cut_the_gallery_opens_and_every_photo_that_was_counted_is_there() {
    let w = Workspace::painted(10, 15);
    let root = w.dir.path().canonicalize().unwrap();
    let Some(recording) = record(&root) else {
        skip("there is no strace that may watch");
        return;
    };
    assert!(recording.told.len() > 3, "{:?}", recording.told);
    let extractor = extractor();
    let (cuts, seed) = (
        number("IMGSEARCH_POWER_CUTS", 40),
        number("IMGSEARCH_POWER_SEED", 1),
    );
    let mut found = Vec::new();
    for cut in 0..cuts {
        let mut chance = fastrand::Rng::with_seed((seed + cut) as u64);
        let moment = chance.usize(..=recording.calls);
        let what = format!(
            "seed {}, after {moment} of {} calls",
            seed + cut,
            recording.calls
        );
        let disk = root.join("disk");
        let _ = fs::remove_dir_all(&disk);
        recording.disk(0, moment, &disk, &mut chance);
        let dir = disk.join("gallery");
        let told = recording.told.iter().filter(|(at, _)| *at <= moment);
        let durable = told.map(|(_, photos)| *photos).max().unwrap_or(0);
        // One was taken out on purpose, and one was counted again when it had moved.
        let durable = durable.min(149);
        let gallery = Gallery::create_or_open_with(&dir, &extractor);
        let mut gallery = gallery.unwrap_or_else(|error| panic!("{what}: {error}"));
        let records: Vec<_> = gallery.records().map(Result::unwrap).collect();
        assert!(
            records.len() >= durable,
            "{what}: {} of {durable}",
            records.len()
        );
        for record in &records {
            assert!(gallery.has_descriptor(&record.hash).unwrap(), "{what}");
        }
        publish(&mut gallery).unwrap_or_else(|error| panic!("{what}: {error}"));
        let snapshot = Snapshot::open(&dir).unwrap();
        snapshot.verify().unwrap();
        assert_eq!(snapshot.len(), records.len(), "{what}");
        found.push(records.len());
    }
    println!(
        "{cuts} cuts in {} calls; photos found: {found:?}",
        recording.calls
    );
    assert!(found.iter().any(|photos| (1..149).contains(photos)) || cuts < 30);
}
