//! What the tests share: a folder of their own with the real command, and painted pictures.

pub mod collection;
pub mod paint;
pub mod schema;
pub mod seeded;
pub mod skip;
#[cfg(target_os = "linux")]
pub mod small_disk;
pub mod stores;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use imgsearch::Error;
use imgsearch::backbone::Architecture;
use imgsearch::error::FetchError;
use imgsearch::model::{self, FetchOptions};
use paint::{Scene, paint};
use skip::skip;
use tempfile::TempDir;

/// What pictures go through where a test does not say: less than the model asks for, and in
/// milliseconds.
pub const SMALL: &str = "resize=72,crop=64";

/// The default model's name.
pub const MODEL: &str = "efficientnet_lite0";

/// Seeded weights of the default model, written anew by each run of the tests.
pub fn weights() -> &'static Path {
    static WEIGHTS: OnceLock<PathBuf> = OnceLock::new();
    WEIGHTS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let network = Architecture::find(MODEL).unwrap().network();
        let written = tempfile::NamedTempFile::new_in(folder).unwrap();
        seeded::write(&network, 0, written.path());
        // Renamed into place, so that another run beside this one keeps what it has open.
        let path = folder.join(format!("{MODEL}.safetensors"));
        written.persist(&path).unwrap();
        path
    })
}

/// The default model's trained weights, for tests of what only training gives; nothing, and the
/// test is skipped, where neither hub nor package mirror answers.
#[track_caller]
pub fn trained_weights() -> Option<&'static Path> {
    static WEIGHTS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let fetch = || {
        let model = model::find(MODEL).unwrap();
        match model::fetch::weights(model, &FetchOptions::from_env(), &mut |_| {
            ControlFlow::Continue(())
        }) {
            Ok(path) => Some(path),
            Err(Error::Fetch(FetchError::NoSource { .. })) => None,
            Err(error) => panic!("{error}"),
        }
    };
    let weights = WEIGHTS.get_or_init(fetch).as_deref();
    if weights.is_none() {
        skip("no source of trained weights can be reached");
    }
    weights
}

/// A folder with photos and the command, which runs on seeded weights and asks for no others.
pub struct Workspace {
    pub dir: TempDir,
    weights: PathBuf,
}

impl Workspace {
    /// An empty one.
    pub fn new() -> Self {
        Self::with(weights())
    }

    /// An empty one whose command runs on other weights.
    pub fn with(weights: &Path) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            weights: weights.to_owned(),
        }
    }

    /// One with `scenes` kinds of scene in `views` views each, in the folder `photos`.
    pub fn painted(scenes: usize, views: u64) -> Self {
        Self::new().with_painted(scenes, views)
    }

    /// The same with them.
    pub fn with_painted(self, scenes: usize, views: u64) -> Self {
        std::fs::create_dir(self.path("photos")).unwrap();
        for (scene, name) in Scene::ALL.into_iter().take(scenes) {
            for view in 0..views {
                let picture = paint(scene, view, 160, 120);
                picture
                    .save(self.path(&format!("photos/{name}_{view}.png")))
                    .unwrap();
            }
        }
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command, in this folder, with nothing added, that may ask for weights.
    pub fn plain<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
        command
            .current_dir(self.dir.path())
            .args(arguments)
            .env_remove("IMGSEARCH_GALLERY");
        command
    }

    /// The command, in this folder.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.plain(arguments);
        command.env(
            "IMGSEARCH_CACHE",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
        );
        let is_one_of = |names: &[&str]| names.iter().any(|name| arguments[0].as_ref() == *name);
        if is_one_of(&["index", "query", "extract", "whiten", "eval", "tune"]) {
            command.arg("--weights").arg(&self.weights);
        }
        let says_so = |argument: &S| {
            let argument = argument.as_ref();
            let is_spec_file = Path::new(argument).extension() == Some("json".as_ref());
            is_spec_file
                || ["--preprocess", "--whitening"]
                    .iter()
                    .any(|name| argument == *name)
        };
        if is_one_of(&["index", "extract", "whiten"]) && !arguments.iter().any(says_so) {
            command.args(["--preprocess", SMALL]);
        }
        command
    }

    /// Runs the command and checks its exit code; and what it prints as JSON, against its schema.
    pub fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        let is_helped = arguments.contains(&"--help");
        if arguments.contains(&"--json") && !is_helped {
            schema::check(&output.stdout, &mut BTreeSet::new());
        }
        output
    }

    /// What the command prints, as JSON.
    pub fn json(&self, arguments: &[&str], code: i32) -> serde_json::Value {
        serde_json::from_slice(&self.run(arguments, code).stdout).unwrap()
    }

    /// The paths that a query finds, best first.
    pub fn query(&self, arguments: &[&str]) -> Vec<String> {
        let found = self.json(&[&["query", "--json"], arguments].concat(), 0);
        let path = |found: &serde_json::Value| found["path"].as_str().unwrap().to_owned();
        found["matches"]
            .as_array()
            .unwrap()
            .iter()
            .map(path)
            .collect()
    }
}

/// Standard error as text.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
