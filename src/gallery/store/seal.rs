//! What all records together amount to.

/// Bytes of a stored seal.
const STORED: usize = 8 + 8 + 16;

/// A generation, the number of records, and the sum of their hashes: kept up to date record by
/// record, in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seal {
    pub generation: u64,
    count: u64,
    sum: u128,
}

impl Seal {
    /// Of no records.
    pub fn of_none(generation: u64) -> Self {
        Self {
            generation,
            ..Self::default()
        }
    }

    pub fn add(&mut self, path: &[u8], stored: &[u8]) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(hash(path, stored));
    }

    pub fn take(&mut self, path: &[u8], stored: &[u8]) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(hash(path, stored));
    }

    pub fn to_stored(self) -> [u8; STORED] {
        let mut stored = [0; STORED];
        stored[..8].copy_from_slice(&self.generation.to_le_bytes());
        stored[8..16].copy_from_slice(&self.count.to_le_bytes());
        stored[16..].copy_from_slice(&self.sum.to_le_bytes());
        stored
    }

    /// Nothing if `stored` is not one.
    pub fn from_stored(stored: &[u8]) -> Option<Self> {
        let stored: &[u8; STORED] = stored.try_into().ok()?;
        Some(Self {
            generation: u64::from_le_bytes(stored[..8].try_into().ok()?),
            count: u64::from_le_bytes(stored[8..16].try_into().ok()?),
            sum: u128::from_le_bytes(stored[16..].try_into().ok()?),
        })
    }
}

fn hash(path: &[u8], stored: &[u8]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(path.len() as u64).to_le_bytes());
    hasher.update(path).update(stored);
    let mut first = [0; 16];
    hasher.finalize_xof().fill(&mut first);
    u128::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_added_and_taken_again_leaves_no_trace(
            kept in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..9), any::<u8>()), 0..9),
            other: u8,
        ) {
            let mut plain = Seal::default();
            for (path, stored) in &kept {
                plain.add(path, &[*stored]);
            }
            let mut mixed = Seal::default();
            mixed.add(b"other", &[other]);
            for (path, stored) in kept.iter().rev() {
                mixed.add(path, &[*stored]);
            }
            prop_assert_ne!(mixed, plain);
            mixed.take(b"other", &[other]);
            prop_assert_eq!(mixed, plain);
            prop_assert_eq!(Seal::from_stored(&plain.to_stored()), Some(plain));
        }
    }
}
