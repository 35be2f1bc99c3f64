//! Labelled sets: tables, the revisited sets' files, and Oxford's lists.

use std::fs;
use std::path::Path;

use image::RgbImage;
use imgsearch::eval::ground_truth::{Difficulty, Form, GroundTruth, Query};
use imgsearch::photo::{Exclude, Walk, walk};
use tempfile::TempDir;

use super::{Target, data};

/// The photos `a` to `d` and `q`, which all samples are of.
struct Set {
    folder: TempDir,
    photos: Walk,
}

impl Set {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d", "q"] {
            let photo = RgbImage::new(2, 2);
            photo
                .save(folder.path().join(format!("{name}.png")))
                .unwrap();
        }
        let photos = walk(&[folder.path().to_owned()], &Exclude::default());
        assert_eq!(photos.found.len(), 5);
        Self { folder, photos }
    }

    /// Reads a truth, and does with it what an evaluation does first.
    fn is(&self, form: &Form) -> bool {
        let truth = GroundTruth::read(form, self.folder.path(), &self.photos);
        let Ok(truth) = truth else {
            return false;
        };
        let relevant = truth.queries.iter().map(Query::relevant_count);
        let _ = (
            relevant.sum::<usize>(),
            truth.halves(1),
            truth.half_items(1),
        );
        let _ = truth.sample(1, 1);
        true
    }

    /// A target whose input is a file of this name beside the photos.
    fn reading(self, name: &str, samples: Vec<Vec<u8>>) -> Target {
        let path = self.folder.path().join(name);
        let form = Form::parse(&path.to_string_lossy(), Difficulty::Medium).unwrap();
        Target::new(samples, move |bytes| {
            fs::write(&path, bytes).unwrap();
            self.is(&form)
        })
    }
}

pub fn table() -> Target {
    let plain = "path,group\na.png,1\nb.png,1\nc.png,two\nd.png,two\nq.png,\n";
    let full = "group,path,role,junk\nx,a.png,query,no\nx,b.png,gallery,\nx,\"c.png\",both,yes\n";
    let samples = [plain, full].map(|text| text.as_bytes().to_vec());
    Set::new().reading("table.csv", samples.to_vec())
}

pub fn revisited_pickle() -> Target {
    let target = Set::new().reading("gnd.pkl", vec![data("goldens/revisited.pkl")]);
    Target {
        hostile: bombs(),
        ..target
    }
}

/// Small pickles that would be large, or deep, were they taken literally.
fn bombs() -> Vec<Vec<u8>> {
    let deep = [vec![b']'; 30_000], vec![b'a'; 29_999]].concat();
    let tuples = [vec![b')'], vec![0x85; 60_000]].concat();
    // Each list has the one before twice.
    let twice = |n: u8| [&b"0](h"[..], &[n], b"h", &[n], b"eq", &[n + 1]].concat();
    let doubled = [b"]q\x00".to_vec(), (0..60).flat_map(twice).collect()].concat();
    let long = b"X\xff\xff\xff\x7fabc".to_vec();
    // Of one list of a thousand items each query has all.
    let items = [&b"]q\x00("[..], &b"K\x01".repeat(1000), b"e0"].concat();
    let judged = b"}X\x04\x00\x00\x00easyh\x00sq\x010}(X\x06\x00\x00\x00imlist]\
        X\x07\x00\x00\x00qimlist]X\x03\x00\x00\x00gnd](";
    let squared = [&items[..], judged, &b"h\x01".repeat(25_000), b"eu."].concat();
    // A dict that has nothing to do with it, but for what it is made of.
    let with = |more: Vec<u8>| {
        let lists = b"}(X\x06\x00\x00\x00imlist]X\x04\x00\x00\x00more";
        [lists, &more[..], b"u."].concat()
    };
    let bombs = [deep, tuples, doubled, long].map(with);
    bombs.into_iter().chain([squared]).collect()
}

pub fn revisited_json() -> Target {
    let json = r#"{"imlist": ["a", "b", "c", "d"], "qimlist": ["q"], "gnd": [
        {"bbx": [1.0, 2.0, 30.5, 40.0], "easy": [2], "hard": [0], "junk": [3]}]}"#;
    let target = Set::new().reading("gnd.json", vec![json.as_bytes().to_vec()]);
    Target {
        hostile: vec![vec![b'['; 60_000]],
        ..target
    }
}

/// Between the files of a query, in one input.
const BETWEEN: u8 = b'|';

pub fn oxford() -> Target {
    let set = Set::new();
    let form = Form::Oxford(set.folder.path().to_owned());
    let sample = b"oxc1_a 0.5 0.5 1.5 1.5\n|a\nb\n|c\n|d\n".to_vec();
    Target::new(vec![sample], move |bytes| {
        let mut parts = bytes.split(|byte| *byte == BETWEEN);
        for kind in ["query", "good", "ok", "junk"] {
            let path = set.folder.path().join(format!("all_souls_1_{kind}.txt"));
            write(&path, parts.next());
        }
        set.is(&form)
    })
}

fn write(path: &Path, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => drop(fs::remove_file(path)),
    }
}
