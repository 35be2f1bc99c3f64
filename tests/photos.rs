//! Real photos, where there are some: those of one kind are found for one of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Workspace;

const KINDS: usize = 5;
const EACH: usize = 6;

/// The first photos of some kinds of object; nothing, said aloud, where there are none.
fn kinds() -> Option<Vec<(String, Vec<PathBuf>)>> {
    let objects = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/photos/objects");
    let Ok(folders) = fs::read_dir(&objects) else {
        println!("SKIPPED: no real photos beside this checkout");
        return None;
    };
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let photos = |folder: &PathBuf| {
        let entries = fs::read_dir(folder).unwrap();
        let mut photos: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        photos.sort();
        photos.truncate(EACH);
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        (name, photos)
    };
    let kinds = folders.iter().step_by(7).map(photos);
    Some(
        kinds
            .filter(|(_, photos)| photos.len() == EACH)
            .take(KINDS)
            .collect(),
    )
}

#[test]
fn photos_of_one_kind_find_each_other() {
    let Some(kinds) = kinds() else { return };
    let Some(w) = Workspace::new() else { return };
    for (kind, photos) in &kinds {
        fs::create_dir_all(w.path(&format!("photos/{kind}"))).unwrap();
        for photo in photos {
            let name = photo.file_name().unwrap().to_string_lossy();
            fs::copy(photo, w.path(&format!("photos/{kind}/{name}"))).unwrap();
        }
    }
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(report["added"], KINDS * EACH);
    let (mut hits, mut asked) = (0, 0);
    for (kind, photos) in &kinds {
        for photo in photos.iter().take(2) {
            let name = photo.file_name().unwrap().to_string_lossy();
            let query = format!("photos/{kind}/{name}");
            let found = w.query(&[&query, "-k", "6"]);
            assert_eq!(found[0], query);
            let prefix = format!("photos/{kind}/");
            hits += found[1..]
                .iter()
                .filter(|path| path.starts_with(&prefix))
                .count();
            asked += found.len() - 1;
        }
    }
    println!("{hits} of {asked} neighbours are of the same kind");
    // By chance it would be 5 of the 29 others.
    assert!(hits * 10 >= asked * 7, "{hits} of {asked}");
}
