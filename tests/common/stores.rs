//! Stores as they lie on disk, for who looks into them.

use std::path::{Path, PathBuf};

use imgsearch::descriptor::{Descriptor, Fingerprint};
use imgsearch::gallery::Record;

use super::collection::fingerprint;

/// A store as versions before 4 had it: everything in sled, in the folder `store` of `dir`.
pub fn earlier_store(dir: &Path, version: u64, photos: &[(Record, Option<Descriptor>)]) {
    earlier_store_of(dir, version, &fingerprint(), photos);
}

/// The same of descriptors that were made otherwise.
pub fn earlier_store_of(
    dir: &Path,
    version: u64,
    made_with: &Fingerprint,
    photos: &[(Record, Option<Descriptor>)],
) {
    let db = sled::open(dir.join("store")).unwrap();
    let tree = |name| db.open_tree(name).unwrap();
    let (meta, records, descriptors) = (tree("meta"), tree("records"), tree("descriptors"));
    let (generation, mut sum) = (41u64, 0u128);
    for (record, descriptor) in photos {
        let path = record.path.as_os_str().as_encoded_bytes();
        let mut stored = record.hash.as_bytes().to_vec();
        stored.extend(record.size.to_le_bytes());
        stored.extend(record.modified.to_le_bytes());
        stored.extend(record.width.to_le_bytes());
        stored.extend(record.height.to_le_bytes());
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(path.len() as u64).to_le_bytes());
        hasher.update(path).update(&stored);
        let mut first = [0; 16];
        hasher.finalize_xof().fill(&mut first);
        sum = sum.wrapping_add(u128::from_le_bytes(first));
        records.insert(path, stored).unwrap();
        if let Some(descriptor) = descriptor {
            let values = descriptor.as_slice().iter();
            let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
            let hash = record.hash.as_bytes();
            descriptors.insert(hash, bytes).unwrap();
        }
    }
    // Version 1 had its generation among the rest, and no seal.
    if version == 1 {
        meta.insert("generation", &generation.to_le_bytes())
            .unwrap();
    } else {
        let mut seal = generation.to_le_bytes().to_vec();
        seal.extend((photos.len() as u64).to_le_bytes());
        seal.extend(sum.to_le_bytes());
        records.insert("", seal).unwrap();
    }
    meta.insert("version", &version.to_le_bytes()).unwrap();
    let json = serde_json::to_vec(made_with).unwrap();
    meta.insert("provenance", json).unwrap();
    db.flush().unwrap();
}

/// The database of what was written last, in the gallery in `dir`.
pub fn recent(dir: &Path) -> PathBuf {
    let mut names = std::fs::read_dir(dir.join("store"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    names.next().unwrap()
}
