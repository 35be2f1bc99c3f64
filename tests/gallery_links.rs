//! A gallery that came from elsewhere makes nothing be written outside of it, and nothing be waited
//! for: whatever lies there under a name that the gallery uses.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use imgsearch::gallery::{self, Gallery, GraphBuilder, IndexPolicy, PooledCache, Snapshot};
use imgsearch::photo::ContentHash;
use tempfile::TempDir;

use crate::common::collection::{fingerprint, photo, publish};
use crate::common::{Workspace, said};

/// Names that are only there for a moment, or only after damage.
const FLEETING: [&str; 14] = [
    "current.new",
    "snapshot-3.new",
    "segment-3.new",
    "snapshot.new",
    "base.new",
    "store.salvaged",
    "store.earlier",
    "store/about.new",
    "store/records-9",
    "whitening.new",
    "whitening.safetensors",
    "store-is-damaged",
    "pooled-is-damaged",
    "store.damaged-1",
];

const WITH_GRAPH: IndexPolicy = IndexPolicy {
    graph_from: 20,
    worn_share: 0.2,
    sealed_from: 40,
    reduced_from: usize::MAX,
    builder: GraphBuilder::Own,
};

/// What is planted in the place of a file or folder of the gallery's.
#[derive(Clone, Copy, Debug)]
enum Plant {
    Link,
    LinkToFolder,
    DanglingLink,
    HardLink,
    Pipe,
    Folder,
    File,
}

const PLANTS: [Plant; 7] = [
    Plant::Link,
    Plant::LinkToFolder,
    Plant::DanglingLink,
    Plant::HardLink,
    Plant::Pipe,
    Plant::Folder,
    Plant::File,
];

/// A folder with a gallery in it, and what must stay as it is beside it.
struct Place {
    folder: TempDir,
    /// A whole gallery, to copy from.
    whole: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let whole = folder.path().join("whole");
        let mut gallery = Gallery::open_or_create(&whole, &fingerprint())
            .unwrap()
            .with_policy(WITH_GRAPH);
        let photos: Vec<_> = (0..40).map(photo).collect();
        gallery.write(&photos, &[]).unwrap();
        publish(&mut gallery).unwrap();
        drop(gallery);
        keep_pooled(&whole).unwrap();
        Self { folder, whole }
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    /// All names in a gallery, from its folder on, the fleeting ones too.
    fn names(&self) -> BTreeSet<PathBuf> {
        let mut names = BTreeSet::new();
        list(&self.whole, Path::new(""), &mut names);
        names.extend(FLEETING.map(PathBuf::from));
        names
    }

    /// A copy of the gallery in which something else lies at `name`.
    fn planted(&self, name: &Path, plant: Plant) -> PathBuf {
        let dir = self.folder.path().join("gallery");
        for old in [&dir, &self.outside()] {
            let _ = fs::remove_dir_all(old);
        }
        copy(&self.whole, &dir);
        copy(&self.whole, &self.outside().join("folder"));
        let path = dir.join(name);
        let victim = self.outside().join("victim");
        // What could be taken for the gallery's own, and would be written to most readily.
        if path.is_file() {
            fs::copy(&path, &victim).unwrap();
        } else {
            fs::write(&victim, "precious").unwrap();
        }
        let folder = self.outside().join("folder");
        let folder = if path.is_dir() {
            folder.join(name)
        } else {
            folder
        };
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        match plant {
            Plant::Link => symlink(&victim, &path).unwrap(),
            Plant::LinkToFolder => symlink(&folder, &path).unwrap(),
            Plant::DanglingLink => symlink(self.outside().join("new"), &path).unwrap(),
            Plant::HardLink => fs::hard_link(&victim, &path).unwrap(),
            Plant::Pipe => assert!(
                Command::new("mkfifo")
                    .arg(&path)
                    .status()
                    .unwrap()
                    .success()
            ),
            Plant::Folder => fs::create_dir(&path).unwrap(),
            Plant::File => fs::write(&path, "no gallery's").unwrap(),
        }
        dir
    }
}

/// Everything that is written to or read from a gallery, one after the other; errors are welcome.
fn use_all(dir: &Path) -> Vec<String> {
    let mut errors = Vec::new();
    let mut note = |error: String| errors.push(error);
    if let Err(error) = Snapshot::open(dir) {
        note(error.to_string());
    }
    if let Err(error) = gallery::open_for_search(dir) {
        note(error.to_string());
    }
    if let Err(error) = gallery::verify(dir, false, &mut |_, _| ControlFlow::Continue(())) {
        note(error.to_string());
    }
    let index = || -> imgsearch::Result<()> {
        let mut gallery = Gallery::open_or_create(dir, &fingerprint())?.with_policy(WITH_GRAPH);
        let photos: Vec<_> = (40..80).map(photo).collect();
        let removed: Vec<PathBuf> = (0..5).map(|number| photo(number).0.path).collect();
        gallery.write(&photos, &removed)?;
        publish(&mut gallery)
    };
    if let Err(error) = index() {
        note(error.to_string());
    }
    if let Err(error) = keep_pooled(dir) {
        note(error.to_string());
    }
    errors
}

fn keep_pooled(dir: &Path) -> imgsearch::Result<()> {
    let cache = PooledCache::open(dir)?;
    let part = (&[1; 16], &[1.0; 64][..]);
    cache.put(&ContentHash::of(b"photo"), [part].into_iter())?;
    Ok(cache.flush()?)
}

fn list(dir: &Path, below: &Path, names: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            list(dir, &name, names);
        }
        names.insert(name);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// All names and contents in a folder.
fn contents(dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut names = BTreeSet::new();
    list(dir, Path::new(""), &mut names);
    let content = |name: PathBuf| {
        let content = fs::read(dir.join(&name)).ok();
        (name, content)
    };
    names.into_iter().map(content).collect()
}

/// What it answers, unless it waits for ever.
fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    let answer = answer.recv_timeout(Duration::from_secs(60));
    answer.unwrap_or_else(|_| panic!("{what}: it waits for ever, or panicked"))
}

#[test]
fn nothing_in_a_gallery_makes_anything_outside_of_it_change_or_anyone_wait() {
    let place = Place::new();
    let names = place.names();
    for known in ["lock", "current", "store/about", "pooled/db"] {
        assert!(names.contains(Path::new(known)), "{names:?}");
    }
    let mut refused = 0;
    for name in &names {
        for plant in PLANTS {
            let what = format!("{plant:?} at {}", name.display());
            let dir = place.planted(name, plant);
            let before = contents(&place.outside());
            let errors = in_time(&what, move || use_all(&dir));
            assert!(contents(&place.outside()) == before, "{what}: {errors:?}");
            let is_refusal = |error: &String| error.contains("only files and folders of its own");
            refused += usize::from(errors.iter().any(is_refusal));
        }
    }
    assert!(refused > names.len(), "{refused} refusals");
}

#[test]
fn a_name_that_leads_out_of_the_gallery_is_no_snapshots() {
    let place = Place::new();
    let current = fs::read_to_string(place.whole.join("current")).unwrap();
    let elsewhere = format!("../whole/{current}");
    let dir = place.planted(Path::new("base.new"), Plant::File);
    for name in [&elsewhere, "snapshot-x", "snapshot-/../../x", "/dev/zero"] {
        fs::write(dir.join("current"), name).unwrap();
        // Beside what `current` might be taken for lies a pipe.
        let pipe = dir.join("snapshot-x");
        if !pipe.exists() {
            assert!(
                Command::new("mkfifo")
                    .arg(&pipe)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let dir = dir.clone();
        let opened = in_time(name, move || {
            Snapshot::open(&dir).err().map(|e| e.to_string())
        });
        assert!(opened.unwrap().contains("it names no snapshot"), "{name}");
    }
}

#[test]
fn a_gallery_whose_folder_is_a_link_is_used_and_one_with_links_in_it_is_refused_by_name() {
    let w = Workspace::painted(1, 2);
    fs::create_dir(w.path("disk")).unwrap();
    symlink(w.path("disk"), w.path(".imgsearch")).unwrap();
    w.run(&["index", "photos"], 0);
    assert_eq!(w.query(&["photos/mountains_0.png"]).len(), 2);

    fs::write(w.path("victim"), "precious").unwrap();
    fs::remove_file(w.path("disk/lock")).unwrap();
    symlink(w.path("victim"), w.path("disk/lock")).unwrap();
    for arguments in [
        &["index", "photos"] as &[&str],
        &["remove", "photos/mountains_0.png"],
        &["verify"],
    ] {
        let output = w.run(arguments, 1);
        let told = said(&output);
        assert!(told.contains("lock is a link"), "{told}");
        assert!(told.contains("hint: "), "{told}");
    }
    assert_eq!(fs::read(w.path("victim")).unwrap(), b"precious");
}

#[test]
fn a_gallery_copied_by_hard_links_is_written_and_the_one_it_was_copied_from_stays() {
    let w = Workspace::painted(2, 3);
    w.run(&["index", "photos", "--gallery", "first"], 0);
    keep_pooled(&w.path("first")).unwrap();
    let copied = Command::new("cp")
        .args(["-al", "first", "second"])
        .current_dir(w.dir.path())
        .status();
    assert!(copied.unwrap().success());
    let before = contents(&w.path("first"));
    fs::remove_file(w.path("photos/city_0.png")).unwrap();
    fs::copy(w.path("photos/city_1.png"), w.path("photos/new.png")).unwrap();
    w.run(&["index", "photos", "--gallery", "second"], 0);
    keep_pooled(&w.path("second")).unwrap();
    w.run(&["remove", "photos/city_2.png", "--gallery", "second"], 0);
    w.run(&["verify", "--gallery", "second"], 0);
    assert!(contents(&w.path("first")) == before);
    let photos = |gallery| w.json(&["info", "--gallery", gallery, "--json"], 0)["photos"].clone();
    assert_eq!((photos("first"), photos("second")), (6.into(), 5.into()));
    // And the first, whose files have only one name again where the second wrote.
    w.run(&["index", "photos", "--gallery", "first"], 0);
    w.run(&["verify", "--gallery", "first"], 0);
    assert_eq!(photos("second"), 5);
}
