//! Whatever is written, removed and published in whatever order: a gallery shows what it should.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgsearch::descriptor::{Descriptor, dot};
use imgsearch::gallery::{Gallery, GraphBuilder, IndexPolicy, Record, SearchOptions, Snapshot};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::common::collection::{fingerprint, photo, publish};

const POLICY: IndexPolicy = IndexPolicy {
    graph_from: 20,
    worn_share: 0.3,
    sealed_from: 9,
    builder: GraphBuilder::Own,
};

#[derive(Clone, Debug)]
enum Step {
    /// Photos from one to another, which may be known.
    Put(usize, usize),
    /// The content of one photo at the path of another.
    Overwrite(usize, usize),
    Remove(usize, usize),
    Publish,
    PublishSoon,
    Reopen,
    Mend,
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..70usize, 1..25usize).prop_map(|(from, count)| Step::Put(from, from + count)),
        2 => (0..90usize, 0..90usize).prop_map(|(path, content)| Step::Overwrite(path, content)),
        3 => (0..90usize, 1..20usize).prop_map(|(from, count)| Step::Remove(from, from + count)),
        4 => Just(Step::Publish),
        2 => Just(Step::PublishSoon),
        2 => Just(Step::Reopen),
        1 => Just(Step::Mend),
        1 => Just(Step::Forget),
    ]
}

type Model = BTreeMap<PathBuf, (Record, Descriptor)>;

fn known(number: usize) -> (Record, Descriptor) {
    let (record, descriptor) = photo(number);
    (record, descriptor.unwrap())
}

/// The snapshot has exactly these photos, and finds the nearest of them.
fn assert_shows(dir: &Path, model: &Model) {
    let snapshot = Snapshot::open(dir).unwrap();
    snapshot.verify().unwrap();
    let mut shown: Vec<Record> = snapshot.records().collect();
    shown.sort_by(|a, b| a.path.cmp(&b.path));
    let expected: Vec<Record> = model.values().map(|(record, _)| record.clone()).collect();
    assert_eq!(shown, expected);
    assert_eq!(snapshot.len(), expected.len());
    for (path, (record, descriptor)) in model {
        let (found, vector) = snapshot
            .find(path, Some((record.size, record.modified)))
            .unwrap();
        assert_eq!(found, *record);
        let vector = snapshot.vector(vector).unwrap();
        assert!((dot(&vector, descriptor.as_slice()) - 1.0).abs() < 2e-5);
    }
    for number in [3, 40, 77, 200] {
        let query = known(number).1;
        let mut exact: Vec<f32> = model
            .values()
            .map(|(_, descriptor)| dot(descriptor.as_slice(), query.as_slice()))
            .collect();
        exact.sort_by(|a, b| b.total_cmp(a));
        for is_exact in [true, false] {
            let options = SearchOptions {
                k: 7,
                exact: is_exact,
                ..SearchOptions::default()
            };
            let found = snapshot.search(&query, &options).unwrap();
            assert_eq!(found.len(), exact.len().min(7));
            for (found, exact) in found.iter().zip(&exact) {
                assert!((found.similarity - exact).abs() < 4e-5, "{found:?} {exact}");
            }
        }
    }
}

fn holds(gallery: &Gallery, model: &Model) -> bool {
    let records: Vec<Record> = gallery.records().map(Result::unwrap).collect();
    let is_there = |(record, descriptor): &(Record, Descriptor)| {
        let stored = gallery.descriptor(&record.hash).unwrap();
        records.contains(record) && stored.as_deref() == Some(descriptor.as_slice())
    };
    records.len() == model.len() && model.values().all(is_there)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]
    #[test]
    fn a_gallery_shows_what_was_written(steps in prop::collection::vec(step(), 1..30)) {
        let dir = TempDir::new().unwrap();
        let open = || Gallery::open_or_create(dir.path(), &fingerprint()).unwrap().with_policy(POLICY);
        let mut gallery = open();
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Put(from, to) => {
                    let put: Vec<_> = (from..to).map(photo).collect();
                    gallery.write(&put, &[]).unwrap();
                    for number in from..to {
                        let known = known(number);
                        model.insert(known.0.path.clone(), known);
                    }
                }
                Step::Overwrite(path, content) => {
                    let (mut record, descriptor) = known(content);
                    record.path = known(path).0.path;
                    gallery.write(&[(record.clone(), Some(descriptor.clone()))], &[]).unwrap();
                    model.insert(record.path.clone(), (record, descriptor));
                }
                Step::Remove(from, to) => {
                    let paths: Vec<PathBuf> = (from..to).map(|number| known(number).0.path).collect();
                    gallery.write(&[], &paths).unwrap();
                    for path in paths {
                        model.remove(&path);
                    }
                }
                Step::Publish => publish(&mut gallery).unwrap(),
                Step::PublishSoon => {
                    gallery.publish_soon(&mut |_, _| ControlFlow::Continue(())).unwrap();
                }
                Step::Reopen => {
                    drop(gallery);
                    gallery = open();
                }
                Step::Mend => {
                    gallery.mend(&mut |_, _| ControlFlow::Continue(())).unwrap();
                }
                Step::Forget => {
                    gallery.forget_removed().unwrap();
                }
            }
            prop_assert!(gallery.repairs().is_empty());
            let is_shown = matches!(step, Step::Publish | Step::PublishSoon | Step::Mend | Step::Forget);
            if is_shown {
                assert_shows(dir.path(), &model);
            }
            prop_assert!(holds(&gallery, &model));
        }
        publish(&mut gallery).unwrap();
        assert_shows(dir.path(), &model);
    }
}
