//! The table of formats: for each file under `data/formats` what another decoder shows of it.
//!
//! Beside `NAME` lies `NAME.ref.png`, and `table.csv` says of a folder's files what they have that others
//! have not, how far they may be from the reference (mean difference in levels of 255), and which must be
//! refused with what words. The scripts that made them lie there, too.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use imgsearch::photo::{Colours, Ground, Photo, Picture, Preprocess, Rendering};

/// Levels by which decoders of one format may differ in the mean, where nothing else is said.
const TOLERANCE: f64 = 3.0;
/// The short side at which they are compared once more, decoded at a part of their size.
const SMALL: u32 = 12;

/// What `table.csv` says of a file.
#[derive(Default)]
struct Row {
    feature: String,
    tolerance: Option<f64>,
    refused: Option<String>,
}

fn folders() -> Vec<PathBuf> {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/formats");
    sorted(&formats)
        .into_iter()
        .filter(|path| path.is_dir())
        .collect()
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn table(folder: &Path) -> HashMap<String, Row> {
    let Ok(mut reader) = csv::Reader::from_path(folder.join("table.csv")) else {
        return HashMap::new();
    };
    let headers: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        headers,
        ["file", "feature", "tolerance", "refused"],
        "{}",
        folder.display()
    );
    let row = |record: csv::StringRecord| {
        let said = |index: usize| Some(record[index].to_owned()).filter(|said| !said.is_empty());
        let row = Row {
            feature: record[1].to_owned(),
            tolerance: said(2).map(|said| said.parse().unwrap()),
            refused: said(3),
        };
        (record[0].to_owned(), row)
    };
    reader
        .records()
        .map(|record| row(record.unwrap()))
        .collect()
}

/// The files of a folder that are to be read, with what is said of each.
fn files(folder: &Path) -> Vec<(PathBuf, Row)> {
    let mut table = table(folder);
    let is_file = |path: &PathBuf| {
        let name = name(path);
        !name.ends_with(".ref.png") && name != "table.csv"
    };
    let files: Vec<_> = sorted(folder).into_iter().filter(is_file).collect();
    let rows = files.into_iter().map(|path| {
        let row = table.remove(&name(&path)).unwrap_or_default();
        (path, row)
    });
    let rows: Vec<_> = rows.collect();
    let gone: Vec<_> = table.into_keys().collect();
    assert!(
        gone.is_empty(),
        "{}: in the table alone: {gone:?}",
        folder.display()
    );
    rows
}

/// The mean difference in levels.
fn far(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len().max(1) as f64
}

/// What is wrong with how a file is read, at its whole size and at a part of it.
fn faults(path: &Path, row: &Row, colours: Colours) -> Option<String> {
    let of = |wanted| Rendering {
        wanted,
        seen: None,
        colours,
        ground: Ground::White,
    };
    let photo = Photo::read(path).unwrap();
    let whole = photo.decode_for(&of(None));
    if let Some(words) = &row.refused {
        return match whole {
            Ok(_) => Some("is taken, and must not be".to_owned()),
            Err(error) => {
                let said = error.to_string();
                (!said.contains(words)).then(|| format!("says `{said}`, not `{words}`"))
            }
        };
    }
    let (whole, small) = match (whole, photo.decode_for(&of(Some(SMALL)))) {
        (Ok(whole), Ok(small)) => (whole, small),
        (Err(error), _) => return Some(format!("is refused: {error}")),
        (_, Err(error)) => return Some(format!("is refused at a part of its size: {error}")),
    };
    let reference = reference(path);
    if (whole.width, whole.height) != (reference.width, reference.height) {
        let size = |picture: &Picture| format!("{}×{}", picture.width, picture.height);
        return Some(format!("is {}, not {}", size(&whole), size(&reference)));
    }
    let tolerance = row.tolerance.unwrap_or(TOLERANCE);
    let at_its_size = far(&whole.image, &reference.image);
    let preprocess: Preprocess = format!("resize={SMALL},crop=none").parse().unwrap();
    let pixels = |picture: &Picture| preprocess.apply_to(picture).unwrap().rgb;
    let at_a_part = far(&pixels(&small), &pixels(&reference));
    (at_its_size > tolerance || at_a_part > tolerance.max(TOLERANCE)).then(|| {
        format!(
            "is {at_its_size:.2} levels from its reference, {at_a_part:.2} at a part of its size"
        )
    })
}

fn reference(path: &Path) -> Picture {
    let beside = path.with_file_name(format!("{}.ref.png", name(path)));
    let photo = Photo::read(beside).unwrap();
    photo
        .decode_for(&Rendering {
            colours: Colours::AsIs,
            ..Rendering::WHOLE
        })
        .unwrap()
}

#[test]
fn every_file_of_the_table_is_read_as_its_reference_or_refused_as_it_says() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for folder in folders() {
        // Elsewhere the references have the numbers as they are.
        let colours = match name(&folder).as_str() {
            "colour" => Colours::Srgb,
            _ => Colours::AsIs,
        };
        for (path, row) in files(&folder) {
            count += 1;
            if let Some(fault) = faults(&path, &row, colours) {
                let within = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
                wrong.push(format!("{} ({}) {fault}", within.display(), row.feature));
            }
        }
    }
    assert!(count > 0, "there are no files to read");
    let wrong_ones = wrong.join("\n");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{wrong_ones}",
        wrong.len()
    );
}
