//! Photos that were taken out, by their content: what comes back under another name is known by that.

use std::collections::{HashMap, HashSet};

use super::Store;
use crate::error::GalleryError;
use crate::gallery::record::Stored;
use crate::photo::ContentHash;

impl Store {
    /// Of each of these contents the photo that was taken out last, where none with it is left.
    pub fn gone(
        &self,
        hashes: &HashSet<ContentHash>,
    ) -> Result<HashMap<ContentHash, Stored>, GalleryError> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        if hashes.is_empty() {
            return Ok(HashMap::new());
        }
        for entry in self.recent.entries() {
            let (key, stored) = entry?;
            keys.extend(hashes.contains(&stored.hash).then_some(key));
        }
        for records in &self.records {
            let of_records = hashes.iter().flat_map(|hash| records.keys_of_content(hash));
            keys.extend(of_records);
        }
        let mut last: HashMap<ContentHash, Stored> = HashMap::new();
        for key in keys {
            // What one file says, a newer one may have changed.
            let Some(stored) = self.stored(&key)? else {
                continue;
            };
            let counts = |before: &Stored| (!before.is_removed, before.generation);
            let before = last.get(&stored.hash);
            if before.is_none_or(|before| counts(before) < counts(&stored)) {
                last.insert(stored.hash, stored);
            }
        }
        last.retain(|_, stored| stored.is_removed);
        self.checked(last)
    }
}
