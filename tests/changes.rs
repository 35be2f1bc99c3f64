//! Whatever is written, removed and published in whatever order: a gallery shows what it should.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgsearch::descriptor::{Descriptor, dot};
use imgsearch::gallery::{Gallery, GraphBuilder, IndexPolicy, Record, SearchOptions, Snapshot};
use imgsearch::ranking::Ranking;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::common::collection::{fingerprint, photo, publish};

const POLICY: IndexPolicy = IndexPolicy {
    graph_from: 20,
    worn_share: 0.3,
    sealed_from: 9,
    reduced_from: usize::MAX,
    builder: GraphBuilder::Own,
};

/// Without a graph, which would leave out a neighbour now and then.
const EXACT: IndexPolicy = IndexPolicy {
    graph_from: 1000,
    ..POLICY
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

fn open(dir: &Path, policy: IndexPolicy) -> Gallery {
    let gallery = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    gallery.with_policy(policy)
}

/// Does it to the gallery and to what it should be; says whether the gallery shows it.
fn perform(step: &Step, gallery: &mut Gallery, model: &mut Model) -> bool {
    match *step {
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
            let put = [(record.clone(), Some(descriptor.clone()))];
            gallery.write(&put, &[]).unwrap();
            model.insert(record.path.clone(), (record, descriptor));
        }
        Step::Remove(from, to) => {
            let paths: Vec<PathBuf> = (from..to).map(|number| known(number).0.path).collect();
            gallery.write(&[], &paths).unwrap();
            for path in paths {
                model.remove(&path);
            }
        }
        Step::Reopen => {}
        Step::Publish => publish(gallery).unwrap(),
        Step::PublishSoon => {
            let mut go_on = |_, _| ControlFlow::Continue(());
            gallery.publish_soon(&mut go_on).unwrap();
        }
        Step::Mend => {
            gallery.mend(&mut |_, _| ControlFlow::Continue(())).unwrap();
        }
        Step::Forget => {
            gallery.forget_removed().unwrap();
        }
    }
    assert!(gallery.repairs().is_empty());
    matches!(
        step,
        Step::Publish | Step::PublishSoon | Step::Mend | Step::Forget
    )
}

/// Every photo's score for a query, by path.
fn scores(dir: &Path, query: usize) -> BTreeMap<PathBuf, f32> {
    let snapshot = Snapshot::open(dir).unwrap();
    let options = SearchOptions {
        k: usize::MAX,
        exact: true,
        ..SearchOptions::default()
    };
    let found = snapshot.search(&known(query).1, &options).unwrap();
    let each = found
        .into_iter()
        .map(|found| (found.record.path, found.similarity));
    each.collect()
}

/// Neighbour lists that came about step by step are those that one finds all at once.
fn assert_ranks(dir: &Path, model: &Model, ranking: Ranking) {
    let anew = TempDir::new().unwrap();
    let mut gallery = open(anew.path(), EXACT);
    gallery.set_ranking(ranking).unwrap();
    let photos = model.values().cloned();
    let photos: Vec<_> = photos
        .map(|(record, descriptor)| (record, Some(descriptor)))
        .collect();
    gallery.write(&photos, &[]).unwrap();
    publish(&mut gallery).unwrap();
    for query in [3, 200] {
        let (found, expected) = (scores(dir, query), scores(anew.path(), query));
        assert_eq!(found.len(), expected.len());
        for ((path, found), (_, expected)) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-4,
                "{ranking}: {} {found} {expected}",
                path.display()
            );
        }
    }
}

const RANKINGS: [&str; 4] = [
    "augment=3",
    "k-reciprocal(6,3,0.3),keep-first=1",
    "centre=0.5,augment=2,expand=3,csls=5",
    "csls=12",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]
    #[test]
    fn a_gallery_shows_what_was_written(steps in prop::collection::vec(step(), 1..30)) {
        let dir = TempDir::new().unwrap();
        let mut gallery = open(dir.path(), POLICY);
        let mut model = Model::new();
        for step in steps {
            if matches!(step, Step::Reopen) {
                drop(gallery);
                gallery = open(dir.path(), POLICY);
            }
            if perform(&step, &mut gallery, &mut model) {
                assert_shows(dir.path(), &model);
            }
            prop_assert!(holds(&gallery, &model));
        }
        publish(&mut gallery).unwrap();
        assert_shows(dir.path(), &model);
    }

    #[test]
    fn a_gallery_ranks_as_one_that_was_made_at_once(
        steps in prop::collection::vec(step(), 1..30),
        ranking in prop::sample::select(&RANKINGS[..]),
    ) {
        let dir = TempDir::new().unwrap();
        let ranking: Ranking = ranking.parse().unwrap();
        let mut gallery = open(dir.path(), EXACT);
        gallery.set_ranking(ranking).unwrap();
        let mut model = Model::new();
        for step in steps {
            if matches!(step, Step::Reopen) {
                drop(gallery);
                gallery = open(dir.path(), EXACT);
            }
            perform(&step, &mut gallery, &mut model);
        }
        publish(&mut gallery).unwrap();
        assert_ranks(dir.path(), &model, ranking);
    }
}
