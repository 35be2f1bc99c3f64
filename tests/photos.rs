//! Real photos, where there are some: those of one kind are found for one of them.

use std::fs;
use std::path::{Path, PathBuf};

use imgsearch::backbone::Placement;
use imgsearch::extract::Extractor;
use imgsearch::photo::Photo;

use crate::common::skip::{NO_PHOTOS, skip};
use crate::common::{Workspace, trained_weights};

const KINDS: usize = 5;
const EACH: usize = 6;

/// What lies in a folder of real photos; nothing, and the test is skipped, where there are none.
#[track_caller]
fn beside(folder: &str) -> Option<Vec<PathBuf>> {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/photos");
    if !photos.is_dir() {
        skip(NO_PHOTOS);
        return None;
    }
    Some(sorted(&photos.join(folder)))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The first photos of some kinds of object.
#[track_caller]
fn kinds() -> Option<Vec<(String, Vec<PathBuf>)>> {
    let folders = beside("objects")?;
    let photos = |folder: &PathBuf| {
        let mut photos = sorted(folder);
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
    let Some(weights) = trained_weights() else {
        return;
    };
    let w = Workspace::with(weights);
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

/// These photos are too small to be reduced for a network's usual input, so they are looked at in
/// a smaller one.
#[test]
fn the_descriptors_of_photos_decoded_at_reduced_size_are_those_of_whole_ones() {
    let Some(photos) = beside("anything") else {
        return;
    };
    let Some(weights) = trained_weights() else {
        return;
    };
    let extractor = |decode: &str| {
        let keys = format!("resize=48,crop=none,decode={decode}");
        let recipe = format!("efficientnet_lite0:head@{keys}").parse().unwrap();
        Extractor::load(&recipe, weights, &Placement::cpu()).unwrap()
    };
    let (full, reduced) = (extractor("full"), extractor("reduced"));
    let mut distances = Vec::new();
    for path in photos.iter().step_by(4) {
        let photo = Photo::read(path).unwrap();
        let decoded = reduced.decode(&photo).unwrap();
        if decoded.image.width() < decoded.width {
            let [a, b] = [&full, &reduced].map(|extractor| extractor.describe(&photo).unwrap());
            distances.push(1.0 - a.vector().similarity(b.vector()));
        }
    }
    distances.sort_by(f32::total_cmp);
    let (median, most) = (
        distances[distances.len() / 2],
        distances[distances.len() - 1],
    );
    println!(
        "{} photos, median distance {median:.1e}, largest {most:.1e}",
        distances.len()
    );
    assert!(distances.len() > 100, "{}", distances.len());
    assert!(most < 1e-2, "{most}");
}
