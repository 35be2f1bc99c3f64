//! A gallery of an earlier format is brought up to date by the next `index`: nothing is described again,
//! each photo is decoded once for what is kept of it now, and a kill in the midst costs nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use imgsearch::descriptor::{Descriptor, UnitVector};
use imgsearch::gallery::{Gallery, Record, Snapshot};

use crate::common::Workspace;
use crate::common::stores::earlier_store_of;

/// Puts a gallery of format 3 in the place of one of today.
fn made_earlier(w: &Workspace) -> BTreeMap<PathBuf, Vec<f32>> {
    let dir = w.path(".imgsearch");
    let gallery = Gallery::open(&dir).unwrap();
    let fingerprint = Arc::clone(gallery.fingerprint());
    let mut photos = Vec::new();
    let mut described = BTreeMap::new();
    for record in gallery.records() {
        let record: Record = record.unwrap();
        let values = gallery.descriptor(&record.hash).unwrap().unwrap();
        described.insert(record.path.clone(), values.clone());
        let unit = UnitVector::normalize(values).unwrap();
        photos.push((record, Some(Descriptor::new(unit, &fingerprint).unwrap())));
    }
    drop(gallery);
    fs::remove_dir_all(&dir).unwrap();
    fs::create_dir(&dir).unwrap();
    earlier_store_of(&dir, 3, &fingerprint, &photos);
    described
}

fn assert_is_up_to_date(w: &Workspace, described: &BTreeMap<PathBuf, Vec<f32>>) {
    let gallery = Gallery::open(&w.path(".imgsearch")).unwrap();
    assert!(gallery.repairs().is_empty());
    let records: Vec<Record> = gallery.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), described.len());
    for record in records {
        let values = gallery.descriptor(&record.hash).unwrap().unwrap();
        let before = &described[&record.path];
        let difference = values.iter().zip(before).map(|(a, b)| (a - b).abs());
        assert!(difference.fold(0.0, f32::max) < 1e-6);
        let facts = record.facts.unwrap();
        assert_eq!((facts.width, facts.height), (record.width, record.height));
        assert!(!facts.signature.is_flat());
    }
    assert!(!w.path(".imgsearch/store/db").exists());
    assert!(!w.path(".imgsearch/store.earlier").exists());
    let snapshot = Snapshot::open(&w.path(".imgsearch")).unwrap();
    snapshot.verify().unwrap();
    assert!(snapshot.records().all(|record| record.facts.is_some()));
}

#[test]
fn nothing_is_described_again_and_each_photo_is_looked_at_once() {
    let w = Workspace::painted(4, 4);
    w.run(&["index", "photos"], 0);
    let described = made_earlier(&w);
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(
        (&report["added"], &report["unchanged"]),
        (&0.into(), &16.into())
    );
    assert_is_up_to_date(&w, &described);
    // What was looked at once is not looked at again.
    for name in ["city_0.png", "city_1.png"] {
        let path = w.path(&format!("photos/{name}"));
        let before = fs::metadata(&path).unwrap();
        let times = fs::FileTimes::new().set_modified(before.modified().unwrap());
        fs::write(&path, vec![0; before.len() as usize]).unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_times(times)
            .unwrap();
    }
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(report["unchanged"], 16);
}

#[test]
fn a_kill_in_the_midst_costs_nothing() {
    let w = Workspace::painted(10, 10);
    w.run(&["index", "photos"], 0);
    let begun = Instant::now();
    let described = made_earlier(&w);
    w.run(&["index", "photos"], 0);
    let whole = begun.elapsed();
    assert_is_up_to_date(&w, &described);
    let described = made_earlier(&w);
    for share in [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6] {
        let mut command = w.command(&["index", "photos"]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        thread::sleep(whole.mul_f64(share).max(Duration::from_millis(3)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(
        (&report["added"], &report["photos"]),
        (&0.into(), &100.into())
    );
    assert_is_up_to_date(&w, &described);
}
