//! All that a tuning found in one small JSON file, as `tune` writes it and `index` takes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::descriptor::{Projection, Recipe};
use crate::error::{DescriptorError, FileError, Result};
use crate::ranking::Ranking;
use crate::replace::replace;

/// The largest file that is read: a spec is one line.
const MAX_BYTES: u64 = 1 << 20;

/// A recipe with its ranking, and how it was found.
///
/// In the file: `{ "spec": "…", "preprocess": "…", "whitening": "relative-file.safetensors" | null,
/// "ranking": "…", "weights": "…", "tuned": { "seed", "version", "gain": { "metric", "mean", "low",
/// "high" } } }`, of which spec and preprocess are needed.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecFile {
    /// Spec and preprocessing; it whitens if there is a whitening.
    pub recipe: Recipe,
    /// The file of a [`Whitening`](crate::descriptor::Whitening). In the JSON relative to its folder,
    /// here a path that can be opened.
    pub whitening: Option<PathBuf>,
    /// How photos are ranked; nothing where the file does not say.
    pub ranking: Option<Ranking>,
    /// SHA-256 of the weights that it was found with, 64 hexadecimal digits: with others another spec
    /// may be better.
    pub weights: Option<String>,
    /// How it was found.
    pub tuned: Option<TuningRecord>,
}

/// How a spec was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningRecord {
    /// The seed of the halves and of the bootstrap.
    pub seed: u64,
    /// The imgsearch that found it.
    pub version: String,
    /// What it gained on the half that was not searched.
    pub gain: MeasuredGain,
}

/// How much better than the default on photos that the search has not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredGain {
    /// What was measured, e.g. `map`.
    pub metric: String,
    /// The mean over queries.
    pub mean: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    spec: String,
    preprocess: String,
    #[serde(default)]
    whitening: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ranking: Option<Ranking>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weights: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tuned: Option<TuningRecord>,
}

impl SpecFile {
    /// A recipe alone.
    #[must_use]
    pub fn of(recipe: Recipe) -> Self {
        Self {
            recipe,
            whitening: None,
            ranking: None,
            weights: None,
            tuned: None,
        }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FileError::Read`]; [`DescriptorError::InvalidSpecFile`].
    pub fn read(path: &Path) -> Result<Self> {
        let json = bounded::read(path, MAX_BYTES).map_err(FileError::read_at(path))?;
        let stored: Stored =
            serde_json::from_slice(&json).map_err(DescriptorError::invalid_file_at(path))?;
        // Joining leaves an absolute path as it is.
        let whitening = stored.whitening.map(|file| folder(path).join(file));
        let mut recipe = stored.spec.parse::<Recipe>()?;
        recipe = recipe.with_stored_preprocess(&stored.preprocess)?;
        recipe.projection = match whitening {
            Some(_) => Projection::Whitening,
            None => Projection::None,
        };
        Ok(Self {
            recipe,
            whitening,
            ranking: stored.ranking,
            weights: stored.weights,
            tuned: stored.tuned,
        })
    }

    /// Writes the file at `path`. A whitening in its folder or below is named relative to it, so
    /// that the two can be moved together.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        // Both absolute first: either may be given from the current folder.
        let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let relative = |whitening: &PathBuf| {
            let (whitening, file) = (full(whitening), full(path));
            let below = whitening.strip_prefix(folder(&file)).map(Path::to_owned);
            below.unwrap_or(whitening)
        };
        let written = Stored {
            spec: self.recipe.spec.to_string(),
            preprocess: self.recipe.preprocess_keys(),
            whitening: self.whitening.as_ref().map(relative),
            ranking: self.ranking,
            weights: self.weights.clone(),
            tuned: self.tuned.clone(),
        };
        let failed = FileError::write_at(path);
        let mut json = serde_json::to_vec_pretty(&written).map_err(|error| failed(error.into()))?;
        json.push(b'\n');
        replace(path, &json).map_err(failed)
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Error;

    fn file(whitening: Option<PathBuf>) -> SpecFile {
        let mut recipe: Recipe = "efficientnet_lite0:blocks.10/gem*0.5+head@crop=192"
            .parse()
            .unwrap();
        if whitening.is_some() {
            recipe.projection = Projection::Whitening;
        }
        SpecFile {
            whitening,
            ranking: Some("augment=3".parse().unwrap()),
            weights: Some("a".repeat(64)),
            tuned: Some(TuningRecord {
                seed: 7,
                version: "0.1.0".into(),
                gain: MeasuredGain {
                    metric: "map".into(),
                    mean: 0.0625,
                    low: 0.03125,
                    high: 0.125,
                },
            }),
            ..SpecFile::of(recipe)
        }
    }

    #[test]
    fn what_was_written_before_it_said_so_much_is_read() {
        let path = tempfile::tempdir().unwrap().keep().join("a.json");
        let old = r#"{"spec": "efficientnet_lite0:head/gap", "preprocess": "resize=256,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5", "whitening": null}"#;
        fs::write(&path, old).unwrap();
        let recipe = "efficientnet_lite0:head@colour=as-is,ground=white";
        let recipe = recipe.parse().unwrap();
        assert_eq!(SpecFile::read(&path).unwrap(), SpecFile::of(recipe));
    }

    #[test]
    fn what_is_written_reads_back_and_moves_with_its_whitening() {
        let dir = tempfile::tempdir().unwrap();
        let (path, whitening) = (dir.path().join("a.json"), dir.path().join("w.safetensors"));
        for written in [file(None), file(Some(whitening.clone()))] {
            written.write(&path).unwrap();
            assert_eq!(SpecFile::read(&path).unwrap(), written);
        }
        let moved = tempfile::tempdir().unwrap();
        fs::rename(&path, moved.path().join("a.json")).unwrap();
        let read = SpecFile::read(&moved.path().join("a.json")).unwrap();
        assert_eq!(read.whitening, Some(moved.path().join("w.safetensors")));
    }

    #[test]
    fn a_whitening_elsewhere_is_still_found() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = dir.path().join("a.json");
        let written = file(Some(other.path().join("w.safetensors")));
        written.write(&path).unwrap();
        assert_eq!(SpecFile::read(&path).unwrap(), written);
    }

    #[test]
    fn a_file_that_is_no_spec_is_refused_by_name() {
        let path = tempfile::tempdir().unwrap().keep().join("a.json");
        for text in [
            "",
            "[]",
            r#"{"spec": "m:a"}"#,
            r#"{"spec": "m:a", "preprocess": "", "p": 1}"#,
        ] {
            fs::write(&path, text).unwrap();
            let read = SpecFile::read(&path);
            assert!(
                matches!(
                    read,
                    Err(Error::Descriptor(DescriptorError::InvalidSpecFile { .. }))
                ),
                "{text}"
            );
        }
        assert!(matches!(
            SpecFile::read(&path.join("b")),
            Err(Error::File(FileError::Read { .. }))
        ));
    }
}
