use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::gallery::record::Record;

#[test]
fn each_is_larger_than_all_that_is_newer_after_merging() {
    assert_eq!(first_to_merge(&[]), 0);
    assert_eq!(first_to_merge(&[5]), 0);
    assert_eq!(first_to_merge(&[8, 4, 2, 1]), 3);
    assert_eq!(first_to_merge(&[8, 4, 2, 1, 1]), 0);
    assert_eq!(first_to_merge(&[100, 30, 30, 1]), 1);
    assert_eq!(first_to_merge(&[3, 3, 3, 3]), 0);
}

fn fingerprint() -> Fingerprint {
    let recipe = "efficientnet_lite0:head@none".parse().unwrap();
    Fingerprint::new(recipe, "0".repeat(64), 4)
}

fn stored(number: u8, generation: u64) -> Stored {
    let record = Record {
        path: "x".into(),
        size: number.into(),
        modified: 0,
        hash: ContentHash::of(&[number]),
        width: 1,
        height: 1,
        facts: None,
        tags: Vec::new(),
    };
    Stored::new(&record, generation)
}

fn vector(number: u8) -> Vec<f32> {
    vec![f32::from(number), 1.0, 2.0, 3.0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    /// Whatever is written in whatever order, sealed or not, is there; and what was removed has its
    /// descriptor still.
    #[test]
    fn what_was_written_is_there(
        writes in prop::collection::vec(prop::collection::vec((0..12u8, prop::option::of(0..6u8)), 1..5), 1..12),
        sealed_from in 1..6usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Store::create(&path, &fingerprint()).unwrap();
        let mut model: BTreeMap<Vec<u8>, Stored> = BTreeMap::new();
        for write in &writes {
            let generation = store.generation().unwrap() + 1;
            let known = model.clone();
            let mut changes = BTreeMap::new();
            for (key, content) in write {
                let key = vec![0, 0, *key];
                let before = known.get(&key).cloned();
                let change = content.map(|number| (stored(number, generation), Some(vector(number))));
                let removed = before.map(|before| (before.removed(generation), None));
                if let Some(change) = change.or(removed)
                    && !changes.contains_key(&key)
                {
                    model.insert(key.clone(), change.0.clone());
                    changes.insert(key, change);
                }
            }
            let changes: Vec<Change<'_>> = changes
                .iter()
                .map(|(key, (stored, values))| (key.clone(), stored.clone(), values.as_deref()))
                .collect();
            store.write(generation, &changes).unwrap();
            store.seal_from(sealed_from).unwrap();
            prop_assert!(store.recent.len() < sealed_from);
        }
        for reopened in [false, true] {
            if reopened {
                let generation = store.generation().unwrap();
                drop(store);
                store = Store::open(&path).unwrap().unwrap();
                prop_assert_eq!(store.generation().unwrap(), generation);
            }
            let entries = store.entries().map(|entry| entry.map(|(key, it)| (key, it.at(None))));
            let entries: Result<BTreeMap<_, _>, _> = entries.collect();
            prop_assert_eq!(entries.unwrap(), model.clone());
            for (key, known) in &model {
                let found = store.stored(key).unwrap().unwrap();
                prop_assert_eq!(found.at(None), known.clone());
                let number = known.size as u8;
                prop_assert_eq!(store.descriptor_of(&found).unwrap(), Some(vector(number)));
                prop_assert_eq!(store.descriptor(&known.hash).unwrap(), Some(vector(number)));
            }
            prop_assert_eq!(store.descriptor(&ContentHash::of(b"none")).unwrap(), None);
        }
        store.verify().unwrap();
    }
}

#[test]
fn of_a_content_the_photo_that_was_taken_out_last_is_known_unless_one_is_left() {
    for sealed_from in [usize::MAX, 1] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(&folder.path().join("store"), &fingerprint()).unwrap();
        let hash = stored(1, 0).hash;
        let gone = |store: &Store| {
            let gone = store
                .gone(&HashSet::from([hash, stored(2, 0).hash]))
                .unwrap();
            let tags = gone.get(&hash).map(|gone| gone.tags.clone());
            assert_eq!(gone.len(), usize::from(tags.is_some()));
            tags
        };
        let write = |store: &mut Store, key: u8, is_removed: bool, tag: &str| {
            let generation = store.generation().unwrap() + 1;
            let mut photo = stored(1, generation);
            photo.tags = vec![tag.to_owned()];
            photo.is_removed = is_removed;
            let change = (vec![0, 0, key], photo, Some(&vector(1)[..]));
            store.write(generation, &[change]).unwrap();
            store.seal_from(sealed_from).unwrap();
        };
        assert_eq!(gone(&store), None);
        write(&mut store, 1, false, "a");
        write(&mut store, 2, false, "b");
        write(&mut store, 2, true, "b");
        assert_eq!(gone(&store), None);
        write(&mut store, 1, true, "a");
        assert_eq!(gone(&store), Some(vec!["a".to_owned()]));
        write(&mut store, 3, false, "c");
        assert_eq!(gone(&store), None);
    }
}
