//! A table of tags, with the columns `path,tag` in any order; further ones do no harm.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::filter::tag_name;
use super::tag::Tagged;
use crate::bounded;
use crate::error::{Error, FileError, GalleryError, Result};

/// The largest table that is read: a line for each of some millions of photos.
const MOST: u64 = 256 << 20;

#[derive(Deserialize)]
struct Row {
    path: PathBuf,
    tag: String,
}

/// Which photos get which tags by a table of comma-separated values. A photo may have several lines, or
/// several tags on one, joined by commas within quotes. Paths are relative to the table's folder.
///
/// # Errors
/// [`FileError::Read`]; [`GalleryError::TagTable`], which says in which line.
pub fn tags_of_table(file: &Path) -> Result<Vec<Tagged>> {
    let table = bounded::read(file, MOST).map_err(FileError::read_at(file))?;
    let folder = file.parent().unwrap_or(file);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(&*table);
    let mut tagged = Vec::new();
    reader.headers().map_err(|error| unreadable(file, &error))?;
    let mut rows = reader.deserialize::<Row>();
    loop {
        // Where it stands before it reads the row.
        let line = rows.reader().position().line();
        let Some(row) = rows.next() else {
            return Ok(tagged);
        };
        let row = row.map_err(|error| unreadable(file, &error))?;
        if row.path == Path::new("") {
            return Err(invalid(file, Some(line), "there is no path").into());
        }
        let path = folder.join(row.path);
        for tag in row.tag.split(',') {
            let tag =
                tag_name(tag).map_err(|error| invalid(file, Some(line), &error.to_string()))?;
            let path = path.clone();
            tagged.push(Tagged { path, tag });
        }
    }
}

fn invalid(file: &Path, line: Option<u64>, reason: &str) -> GalleryError {
    GalleryError::TagTable {
        path: file.to_owned(),
        line,
        reason: reason.to_owned(),
    }
}

fn unreadable(file: &Path, error: &csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        _ => error.to_string(),
    };
    invalid(file, line, &reason).into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tags.csv");
        fs::write(&file, text).unwrap();
        let tagged = tags_of_table(&file)?.into_iter();
        let shown = tagged.map(|Tagged { path, tag }| {
            let path = path.strip_prefix(folder.path()).unwrap().to_owned();
            (path.display().to_string(), tag)
        });
        Ok(shown.collect())
    }

    #[test]
    fn a_table_has_its_columns_in_any_order_and_several_tags_on_a_line() {
        let read = read("tag,stars,path\ncat,3,a.jpg\n\"sea, two words\",,b/c.jpg\n").unwrap();
        let expected = [
            ("a.jpg", "cat"),
            ("b/c.jpg", "sea"),
            ("b/c.jpg", "two words"),
        ];
        let expected = expected.map(|(path, tag)| (path.to_owned(), tag.to_owned()));
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line) in [
            ("path,tag\na.jpg,cat\nb.jpg,\n", 3),
            ("path,tag\n,cat\n", 2),
            ("path,tag\na.jpg,\"a\nb\"\n", 2),
            ("path,name\na.jpg,cat\n", 2),
            ("path,tag\na.jpg\n", 2),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), "tag-table", "{text}");
            let said = error.to_string();
            assert!(said.contains(&format!("line {line}")), "{said}");
        }
        assert_eq!(read("path,tag\n").unwrap(), []);
    }
}
