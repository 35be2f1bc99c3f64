//! A table with the columns `path,group` and optionally `role` (query, gallery or both) and `junk`
//! (yes or no), in any order.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::labelled::Labelled;
use super::set::GroundTruth;
use crate::bounded;
use crate::error::{Error, EvalError, FileError, Result};
use crate::photo::absolute;

/// The largest table that is read: a line for each of some millions of photos.
const MOST: u64 = 256 << 20;

#[derive(Deserialize)]
struct Row {
    path: PathBuf,
    #[serde(default)]
    group: String,
    role: Option<String>,
    junk: Option<String>,
}

/// Paths are relative to `root`, the folder given, or to the table's own where a table was given
/// as the set.
pub fn read(file: &Path, root: &Path) -> Result<GroundTruth> {
    let invalid = |line, reason| EvalError::ground_truth_at(file, line)(reason);
    let base = if root.is_dir() {
        root
    } else {
        file.parent().unwrap_or(root)
    };
    let table = bounded::read(file, MOST).map_err(FileError::read_at(file))?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(&*table);
    let mut labelled = Vec::new();
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(|error| unreadable(file, &error))?;
        // The header is line 1.
        let line = Some(labelled.len() as u64 + 2);
        let (is_query, in_gallery) = match row.role.as_deref() {
            None | Some("" | "both") => (true, true),
            Some("query") => (true, false),
            Some("gallery") => (false, true),
            Some(_) => return Err(invalid(line, "a role is none of query, gallery, both").into()),
        };
        let is_junk = match row.junk.as_deref() {
            None | Some("" | "no" | "false" | "0") => false,
            Some("yes" | "true" | "1" | "junk") => true,
            Some(_) => return Err(invalid(line, "junk is neither yes nor no").into()),
        };
        let path = absolute(&base.join(row.path)).ok();
        let path = path.filter(|path| path.is_file());
        let path = path.ok_or_else(|| invalid(line, "there is no such photo"))?;
        let group = (!row.group.is_empty()).then_some(row.group);
        labelled.push(Labelled {
            path,
            group,
            is_query,
            in_gallery,
            is_junk,
        });
    }
    Ok(GroundTruth::of_groups(&labelled))
}

fn unreadable(file: &Path, error: &csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    let reason = "not a table with the columns path and group";
    EvalError::ground_truth_at(file, line)(reason).into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn table(text: &str) -> Result<GroundTruth> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.jpg", "b.jpg", "c.jpg", "d.jpg"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let file = folder.path().join("labels.csv");
        fs::write(&file, text).unwrap();
        read(&file, folder.path())
    }

    #[test]
    fn roles_and_junk_are_respected() {
        let truth = table(
            "path,group,role,junk\na.jpg,x,query,\nb.jpg,x,gallery,no\nc.jpg,x,both,yes\nd.jpg,,gallery,\n",
        )
        .unwrap();
        assert_eq!(truth.queries.len(), 1);
        let query = &truth.queries[0];
        assert_eq!(
            (query.item, query.relevant_items().collect::<Vec<_>>()),
            (0, vec![1])
        );
        assert_eq!(query.ignored, [0, 2]);
        let in_gallery: Vec<bool> = truth.items.iter().map(|item| item.in_gallery).collect();
        assert_eq!(in_gallery, [false, true, true, true]);
    }

    #[test]
    fn the_two_columns_are_enough() {
        let truth = table("group,path\nx,a.jpg\nx,b.jpg\n").unwrap();
        assert_eq!(truth.queries.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line) in [
            ("path,group\na.jpg,x\nmissing.jpg,x\n", 3),
            ("path,group,role\na.jpg,x,judge\n", 2),
            ("path,group,role,junk\na.jpg,x,both,maybe\n", 2),
        ] {
            match table(text) {
                Err(Error::Eval(EvalError::GroundTruth {
                    line: Some(found), ..
                })) => assert_eq!(found, line),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(matches!(
            table("name,class\na.jpg,x\n"),
            Err(Error::Eval(EvalError::GroundTruth { .. }))
        ));
    }

    #[test]
    fn a_table_without_an_end_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels.csv");
        fs::File::create(&file).unwrap().set_len(MOST + 1).unwrap();
        for file in [&*file, Path::new("/dev/zero")] {
            let refused = read(file, folder.path()).unwrap_err();
            assert!(
                matches!(refused, Error::File(FileError::Read { .. })),
                "{refused}"
            );
        }
    }
}
