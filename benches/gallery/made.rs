//! Vectors like photos', as many as one likes: real ones mixed and disturbed.

use std::path::PathBuf;
use std::sync::Arc;

use imgsearch::descriptor::{Descriptor, Fingerprint, Matrix, UnitVector, Whitening};
use imgsearch::gallery::Record;
use imgsearch::photo::ContentHash;

/// Beside a real vector, the largest part of another.
const OTHER: f32 = 0.5;
/// The length of what disturbs both. With these two hnswlib finds as many of the nearest as among real ones.
const NOISE: f32 = 0.3;
/// Where the numbers of queries begin.
const QUERIES: u64 = 1 << 48;

/// Of each vector and photo what its number says.
pub struct Made {
    real: Matrix,
    fingerprint: Arc<Fingerprint>,
    /// For each share of photos that shall pass a filter, the similarity to the first real vector from which
    /// on they do.
    likes: Vec<(&'static str, f32)>,
}

/// Names of shares of photos, and one in how many it is.
pub const SHARES: [(&str, u64); 5] = [
    ("50", 2),
    ("10", 10),
    ("1", 100),
    (".1", 1000),
    (".01", 10_000),
];

impl Made {
    /// Like these, along as many of their principal axes.
    pub fn like(rows: &Matrix, dimension: usize) -> Self {
        let axes = Whitening::fit(rows.as_vectors(), dimension, 1.0).unwrap();
        let real = axes.apply_all(rows.as_vectors()).unwrap();
        let recipe = "efficientnet_lite0:head@none".parse().unwrap();
        let fingerprint = Arc::new(Fingerprint::new(recipe, "0".repeat(64), dimension));
        let mut made = Self {
            real,
            fingerprint,
            likes: Vec::new(),
        };
        let mut like: Vec<f32> = (0..200_000)
            .map(|number| made.likeness(&made.values(number)))
            .collect();
        like.sort_unstable_by(|a, b| b.total_cmp(a));
        made.likes = SHARES
            .iter()
            .map(|(name, one_in)| (*name, like[like.len() / *one_in as usize]))
            .collect();
        made
    }

    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// A photo; with tags for filters of every share, by chance and by what it is like.
    pub fn photo(&self, number: u64, is_tagged: bool) -> (Record, Option<Descriptor>) {
        let values = self.values(number);
        let mut tags = Vec::new();
        if is_tagged {
            let like = self.likeness(&values);
            let is_like = self.likes.iter().filter(|(_, least)| like >= *least);
            tags.extend(is_like.map(|(name, _)| format!("like-{name}")));
            let mut random = fastrand::Rng::with_seed(number ^ 0xface);
            let by_chance = SHARES
                .iter()
                .filter(|(_, one_in)| random.u64(..*one_in) == 0);
            tags.extend(by_chance.map(|(name, _)| format!("chance-{name}")));
        }
        let name = format!("/photos/{:04}/{number}.jpg", number / 1000);
        let record = Record {
            hash: ContentHash::of(name.as_bytes()),
            path: PathBuf::from(name),
            size: 1_000_000,
            modified: 1_700_000_000_000_000_000,
            width: 4000,
            height: 3000,
            facts: None,
            tags,
        };
        (record, Some(self.descriptor(values)))
    }

    /// What is asked with: no photo's.
    pub fn query(&self, number: u64) -> Descriptor {
        self.descriptor(self.values(QUERIES + number))
    }

    fn descriptor(&self, values: Vec<f32>) -> Descriptor {
        let vector = UnitVector::normalize(values).unwrap();
        Descriptor::new(vector, &self.fingerprint).unwrap()
    }

    fn values(&self, number: u64) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(number);
        let real = self.real.as_vectors();
        let (a, b) = (random.usize(..real.len()), random.usize(..real.len()));
        let part = OTHER * random.f32();
        let one = NOISE / (real.dimension() as f32).sqrt();
        let mut disturbed = |(a, b): (&f32, &f32)| {
            // Four of them have the variance 1/3.
            let noise: f32 = (0..4).map(|_| random.f32() - 0.5).sum::<f32>() * 3f32.sqrt();
            (1.0 - part) * a + part * b + one * noise
        };
        let pairs = real.row(a).iter().zip(real.row(b));
        pairs.map(&mut disturbed).collect()
    }

    fn likeness(&self, values: &[f32]) -> f32 {
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        let first = self.real.as_vectors().row(0).iter();
        first.zip(values).map(|(a, b)| a * b).sum::<f32>() / length
    }
}
