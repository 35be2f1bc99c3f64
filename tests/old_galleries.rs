//! Galleries in data/galleries, as earlier versions wrote them: they open, answer as they did and
//! take new photos, and what their descriptors were made with reads as it was written.
//!
//! A folder there is a gallery, packed, and what the version that wrote it said of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use imgsearch::descriptor::{Descriptor, Fingerprint, UnitVector, dot};
use imgsearch::gallery::{
    Gallery, Match, Record, Repair, SearchOptions, Snapshot, VERSION, open_for_search,
};
use imgsearch::photo::ContentHash;
use imgsearch::ranking::Expansion;
use serde::Deserialize;
use zip::ZipArchive;

use crate::common::Workspace;
use crate::common::collection::publish;

const ALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/galleries");
const PAINTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/painted");

/// Between similarities to a stored vector, then and now, as it lies and in the 16 bits of a segment.
const BY_VECTOR: f32 = 2e-5;
/// Where the picture is described anew: kernels of another instruction set add in another order, and
/// JPEGs are decoded by other rules since, a level away here and there, which a whitening makes more of.
const BY_PICTURE: f32 = 5e-3;
/// The same for format 1, whose pixels were resized and cropped a little otherwise.
const BY_PICTURE_OF_1: f32 = 5e-3;

/// When all photos in them were changed last, in nanoseconds since 1970.
const TAKEN: i64 = 1_700_000_000_000_000_000;

/// A gallery that an earlier version wrote.
struct Old {
    /// `format-2-graph`, for instance.
    name: String,
    told: Told,
}

/// What that version said of it.
#[derive(Deserialize)]
struct Told {
    photos: usize,
    vectors: usize,
    provenance: Recorded,
    augmentation: Option<Expansion>,
    answers: Vec<Answer>,
}

/// What it recorded of how its descriptors were made.
#[derive(Debug, Deserialize, PartialEq)]
struct Recorded {
    spec: String,
    preprocess: String,
    weights: String,
    dimension: usize,
    whitening: Option<String>,
}

/// The same, as it reads today.
fn recorded(today: &Fingerprint) -> Recorded {
    Recorded {
        spec: today.spec().to_string(),
        preprocess: today.recipe().preprocess.to_string(),
        weights: today.weights().to_owned(),
        dimension: today.dimension(),
        whitening: today.projection().map(str::to_owned),
    }
}

/// What it answered to a picture of data/painted.
#[derive(Deserialize)]
struct Answer {
    query: [String; 1],
    matches: Vec<Found>,
}

/// A match, as `query --json` prints it.
#[derive(Clone, Debug, Deserialize)]
struct Found {
    similarity: f32,
    path: PathBuf,
    width: u32,
    height: u32,
    hash: String,
}

impl From<Match> for Found {
    fn from(found: Match) -> Self {
        Self {
            similarity: found.similarity,
            path: found.record.path,
            width: found.record.width,
            height: found.record.height,
            hash: found.record.hash.to_string(),
        }
    }
}

impl Old {
    /// All that there are.
    fn all() -> Vec<Self> {
        let names = fs::read_dir(ALL).unwrap().filter_map(|entry| {
            let entry = entry.unwrap();
            let is_gallery = entry.file_type().unwrap().is_dir();
            is_gallery.then(|| entry.file_name().into_string().unwrap())
        });
        let mut all: Vec<Self> = names.map(Self::read).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(!all.is_empty());
        all
    }

    fn read(name: String) -> Self {
        let told = fs::read(Path::new(ALL).join(&name).join("told.json")).unwrap();
        let told = serde_json::from_slice(&told).unwrap();
        Self { name, told }
    }

    /// Whether its snapshot can be searched; that of format 1 is made anew from the store.
    fn has_snapshot(&self) -> bool {
        !self.is_of_1()
    }

    fn is_of_1(&self) -> bool {
        self.name.starts_with("format-1-")
    }

    /// A copy of its own in a workspace, in the folder `gallery`.
    fn unpacked(&self) -> (Workspace, PathBuf) {
        let workspace = Workspace::new();
        let dir = workspace.path("gallery");
        let packed = Path::new(ALL).join(&self.name).join("gallery.zip");
        let packed = File::open(packed).unwrap();
        ZipArchive::new(packed).unwrap().extract(&dir).unwrap();
        (workspace, dir)
    }

    /// Asked with the stored vectors of its own photos it answers as it did.
    fn assert_answers(&self, snapshot: &Snapshot) {
        self.assert_answers_but_for(snapshot, Path::new("/new"));
    }

    /// The same where photos in the folder `new` have come since, two at most.
    fn assert_answers_but_for(&self, snapshot: &Snapshot, new: &Path) {
        let mut asked = 0;
        for answer in &self.told.answers {
            let Some(query) = stored(snapshot, &answer.query[0]) else {
                continue;
            };
            let options = SearchOptions {
                k: answer.matches.len() + 2,
                ..SearchOptions::default()
            };
            let found = snapshot.search(&query, &options).unwrap().into_iter();
            let found = found.filter(|found| !found.record.path.starts_with(new));
            let found: Vec<Found> = found.map(Found::from).take(answer.matches.len()).collect();
            self.assert_same(&found, answer, BY_VECTOR);
            asked += 1;
        }
        assert!(asked >= 2, "{}", self.name);
    }

    /// Nothing was written to it since it was unpacked.
    fn assert_untouched(&self, dir: &Path, unpacked: &BTreeMap<PathBuf, Vec<u8>>) {
        let now = contents(dir);
        let names = unpacked.keys().chain(now.keys());
        let changed: Vec<_> = names
            .filter(|name| unpacked.get(*name) != now.get(*name))
            .collect();
        assert!(changed.is_empty(), "{}: {changed:?}", self.name);
    }

    fn assert_same(&self, found: &[Found], answer: &Answer, within: f32) {
        let asked = format!("{}, {}", self.name, answer.query[0]);
        assert!(!found.is_empty(), "{asked}");
        assert_eq!(found.len(), answer.matches.len(), "{asked}");
        if self.told.augmentation.is_some() {
            // A query that was one of the photos was its neighbours' neighbour then, which moved them, and now
            // comes first.
            let paths: Vec<_> = found.iter().map(|found| &found.path).collect();
            let kept = answer
                .matches
                .iter()
                .filter(|told| paths.contains(&&told.path));
            assert!(kept.count() + 1 >= found.len(), "{asked}: {found:?}");
            let itself = found
                .iter()
                .position(|it| it.path.ends_with(&answer.query[0]));
            assert!(itself.unwrap_or(0) == 0, "{asked}: {found:?}");
            return;
        }
        for (found, told) in found.iter().zip(&answer.matches) {
            assert_eq!(found.path, told.path, "{asked}");
            assert_eq!(found.hash, told.hash, "{asked}");
            let sides = |found: &Found| [found.width, found.height];
            assert_eq!(sides(found), sides(told), "{asked}");
            let moved = (found.similarity - told.similarity).abs();
            assert!(moved <= within, "{asked}: {found:?} {told:?}");
        }
    }
}

/// The vector of the photo called so, if there is one.
fn stored(snapshot: &Snapshot, name: &str) -> Option<Descriptor> {
    let is_it = |record: Record| record.path.ends_with(name);
    let mut vectors = snapshot.vectors().enumerate();
    let (_, vector) = vectors.find(|(index, _)| snapshot.owners(*index).any(is_it))?;
    Some(made_as_those_of(snapshot, vector))
}

fn made_as_those_of(snapshot: &Snapshot, values: Vec<f32>) -> Descriptor {
    let vector = UnitVector::normalize(values).unwrap();
    Descriptor::new(vector, snapshot.fingerprint()).unwrap()
}

/// All files under `dir` and what is in them.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// A photo that looks like none of those there.
fn unlike_all(snapshot: &Snapshot) -> (Record, Descriptor) {
    let dimension = snapshot.fingerprint().dimension();
    let axes = (0..dimension).flat_map(|axis| [1.0, -1.0].map(|sign| (axis, sign)));
    let axes = axes.map(|(axis, sign)| {
        let mut values = vec![0.0; dimension];
        values[axis] = sign;
        values
    });
    let likeness = |values: &Vec<f32>| {
        let each = snapshot.vectors().map(|vector| dot(&vector, values));
        each.fold(-1.0, f32::max)
    };
    let values = axes.min_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let record = Record {
        path: "/new/unlike.jpg".into(),
        size: 7,
        modified: 7,
        hash: ContentHash::of(b"new"),
        width: 40,
        height: 30,
        facts: None,
        tags: Vec::new(),
    };
    (record, made_as_those_of(snapshot, values.unwrap()))
}

#[test]
fn every_older_format_has_a_gallery() {
    let names: Vec<String> = Old::all().into_iter().map(|old| old.name).collect();
    for format in 1..VERSION {
        let prefix = format!("format-{format}-");
        assert!(
            names.iter().any(|name| name.starts_with(&prefix)),
            "{format}"
        );
    }
}

#[test]
fn old_galleries_are_searched_as_they_lie_and_answer_as_they_did() {
    for old in Old::all() {
        let (_workspace, dir) = old.unpacked();
        let unpacked = contents(&dir);
        let (snapshot, repairs) = open_for_search(&dir).unwrap();
        snapshot.verify().unwrap();
        assert_eq!(recorded(snapshot.fingerprint()), old.told.provenance);
        assert_eq!(snapshot.ranking().augment, old.told.augmentation);
        assert_eq!(snapshot.len(), old.told.photos);
        old.assert_answers(&snapshot);
        if old.has_snapshot() {
            assert_eq!(repairs, [], "{}", old.name);
            // Its graph is not walked any more: the next `index` makes a better one.
            let counts = [snapshot.vector_count(), snapshot.graph_points()];
            assert_eq!(counts, [old.told.vectors, 0]);
            old.assert_untouched(&dir, &unpacked);
        } else {
            assert!(matches!(repairs[..], [Repair::SnapshotRebuilt { .. }]));
        }
    }
}

#[test]
fn the_command_answers_from_old_galleries_as_it_did() {
    for old in Old::all() {
        let (workspace, dir) = old.unpacked();
        let unpacked = contents(&dir);
        for answer in &old.told.answers {
            let picture = Path::new(PAINTED).join(&answer.query[0]);
            let query = ["query", "--json", "--gallery", "gallery"];
            let query = [&query[..], &[picture.to_str().unwrap()]].concat();
            let mut found = workspace.json(&query, 0);
            let found: Vec<Found> = serde_json::from_value(found["matches"].take()).unwrap();
            let within = if old.is_of_1() {
                BY_PICTURE_OF_1
            } else {
                BY_PICTURE
            };
            old.assert_same(&found, answer, within);
        }
        if old.has_snapshot() {
            old.assert_untouched(&dir, &unpacked);
        }
    }
}

#[test]
fn an_old_gallerys_store_holds_what_it_answers_with() {
    for old in Old::all() {
        let (_workspace, dir) = old.unpacked();
        let gallery = Gallery::open(&dir).unwrap();
        assert_eq!(gallery.repairs(), [], "{}", old.name);
        assert_eq!(recorded(gallery.fingerprint()), old.told.provenance);
        assert_eq!(gallery.ranking().augment, old.told.augmentation);
        let records = gallery.records().map(Result::unwrap);
        let records: BTreeMap<PathBuf, Record> = records
            .map(|record| (record.path.clone(), record))
            .collect();
        assert_eq!(records.len(), old.told.photos);
        for found in old.told.answers.iter().flat_map(|answer| &answer.matches) {
            let record = &records[&found.path];
            assert_eq!(record.hash.to_string(), found.hash);
            assert_eq!(record.modified, TAKEN, "{}", old.name);
            assert!(gallery.has_descriptor(&record.hash).unwrap());
        }
        if !old.has_snapshot() {
            continue;
        }
        let snapshot = Snapshot::open(&dir).unwrap();
        for (index, vector) in snapshot.vectors().enumerate() {
            for record in snapshot.owners(index) {
                assert_eq!(records[&record.path], record);
                let descriptor = gallery.descriptor(&record.hash).unwrap();
                assert_eq!(descriptor.as_ref(), Some(&vector));
            }
        }
    }
}

#[test]
fn old_galleries_take_new_photos_and_answer_the_same_for_the_old_ones() {
    for old in Old::all() {
        let (_workspace, dir) = old.unpacked();
        let (snapshot, _) = open_for_search(&dir).unwrap();
        let (record, descriptor) = unlike_all(&snapshot);
        let copy = Record {
            path: "/new/copy.jpg".into(),
            ..snapshot.records().next().unwrap()
        };
        let mut new = vec![(copy, None)];
        // It would be some photo's neighbour.
        let is_alone = snapshot.ranking().augment.is_none();
        if is_alone {
            new.push((record.clone(), Some(descriptor.clone())));
        }
        let mut gallery = Gallery::open(&dir).unwrap();
        gallery.write(&new, &[]).unwrap();
        publish(&mut gallery).unwrap();
        let snapshot = Snapshot::open(&dir).unwrap();
        snapshot.verify().unwrap();
        assert_eq!(snapshot.len(), old.told.photos + new.len());
        assert_eq!(recorded(snapshot.fingerprint()), old.told.provenance);
        old.assert_answers_but_for(&snapshot, Path::new("/new"));
        if !is_alone {
            gallery
                .write(&[(record.clone(), Some(descriptor.clone()))], &[])
                .unwrap();
            publish(&mut gallery).unwrap();
        }
        let snapshot = Snapshot::open(&dir).unwrap();
        let first = snapshot
            .search(&descriptor, &SearchOptions::default())
            .unwrap();
        assert_eq!(first[0].record, record, "{}", old.name);

        drop(gallery);
        let mut gallery = Gallery::open(&dir).unwrap();
        assert_eq!(gallery.repairs(), [], "{}", old.name);
        let gone = ["/new/copy.jpg", "/new/unlike.jpg"].map(PathBuf::from);
        gallery.write(&[], &gone).unwrap();
        publish(&mut gallery).unwrap();
        old.assert_answers(&Snapshot::open(&dir).unwrap());
    }
}

#[test]
fn the_command_adds_a_photo_to_an_old_gallery_described_like_the_others() {
    for old in Old::all() {
        let (workspace, dir) = old.unpacked();
        let (path, new) = (workspace.path("new"), "new/balloons_3.jpg");
        fs::create_dir(&path).unwrap();
        let painted = Path::new(PAINTED).join("balloons_3.jpg");
        fs::copy(painted, workspace.path(new)).unwrap();
        let preprocess = &old.told.provenance.preprocess;
        let index = ["index", "new", "--gallery", "gallery", "--json"];
        let index = [&index[..], &["--preprocess", preprocess]].concat();
        let report = workspace.json(&index, 0);
        assert_eq!(report["added"], 1, "{}", old.name);
        assert_eq!(report["photos"], old.told.photos + 1, "{}", old.name);
        let found = workspace.query(&[new, "--gallery", "gallery", "-k", "1"]);
        assert!(Path::new(&found[0]).ends_with(new), "{}", old.name);
        let snapshot = Snapshot::open(&dir).unwrap();
        snapshot.verify().unwrap();
        assert_eq!(recorded(snapshot.fingerprint()), old.told.provenance);
        if snapshot.ranking().augment.is_none() {
            old.assert_answers_but_for(&snapshot, &fs::canonicalize(&path).unwrap());
        }
    }
}

#[test]
fn an_old_gallerys_snapshot_brings_back_a_lost_store() {
    for old in Old::all().into_iter().filter(Old::has_snapshot) {
        let (_workspace, dir) = old.unpacked();
        fs::remove_dir_all(dir.join("store")).unwrap();
        let gallery = Gallery::open(&dir).unwrap();
        let photos = old.told.photos;
        let rebuilt = Repair::StoreRebuilt {
            aside: None,
            photos,
        };
        assert_eq!(gallery.repairs(), [rebuilt], "{}", old.name);
        assert_eq!(gallery.records().count(), photos);
        assert_eq!(recorded(gallery.fingerprint()), old.told.provenance);
        assert_eq!(gallery.ranking().augment, old.told.augmentation);
        old.assert_answers(&Snapshot::open(&dir).unwrap());
    }
}

#[test]
fn an_old_gallerys_store_brings_back_a_lost_snapshot() {
    for old in Old::all() {
        let (_workspace, dir) = old.unpacked();
        fs::remove_file(dir.join("current")).unwrap();
        let (snapshot, repairs) = open_for_search(&dir).unwrap();
        assert!(matches!(repairs[..], [Repair::SnapshotRebuilt { .. }]));
        assert_eq!(snapshot.len(), old.told.photos);
        assert_eq!(recorded(snapshot.fingerprint()), old.told.provenance);
        assert_eq!(snapshot.ranking().augment, old.told.augmentation);
        old.assert_answers(&snapshot);
    }
}
