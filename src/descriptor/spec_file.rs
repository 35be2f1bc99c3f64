//! A spec with all that belongs to it in one small JSON file, as `tune` finds it and `index` takes it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{DescriptorError, FileError, Result};

/// `{ "spec": "…", "preprocess": "…", "whitening": "relative-file.safetensors" | null }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecFile {
    /// The descriptor's spec in its one-line form.
    pub spec: String,
    /// The preprocessing in its one-line form.
    pub preprocess: String,
    /// The file of a [`Whitening`](super::Whitening). In the JSON relative to its folder, here
    /// a path that can be opened.
    #[serde(default)]
    pub whitening: Option<PathBuf>,
}

impl SpecFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FileError::Read`]; [`DescriptorError::InvalidSpecFile`].
    pub fn read(path: &Path) -> Result<Self> {
        let json = fs::read(path).map_err(FileError::read_at(path))?;
        let mut file: Self =
            serde_json::from_slice(&json).map_err(DescriptorError::invalid_file_at(path))?;
        // Joining leaves an absolute path as it is.
        file.whitening = file.whitening.map(|whitening| folder(path).join(whitening));
        Ok(file)
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
        let written = Self {
            whitening: self.whitening.as_ref().map(relative),
            ..self.clone()
        };
        let failed = FileError::write_at(path);
        let mut json = serde_json::to_vec_pretty(&written).map_err(|error| failed(error.into()))?;
        json.push(b'\n');
        fs::write(path, json).map_err(failed)
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn file(whitening: Option<PathBuf>) -> SpecFile {
        SpecFile {
            spec: "efficientnet_lite0:blocks.10/gem*0.5+head/gap".into(),
            preprocess: "resize=256,crop=224".into(),
            whitening,
        }
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
