//! Photos that may lie in the wrong folder, and photos that are like no other.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::document::{Document, Place};
use crate::error::Result;
use crate::gallery::{Record, Snapshot};

/// The nearest of a folder that count.
const NEAREST: usize = 3;
/// Neighbours that are looked at. A folder without one among them counts as if its photos were as near as the
/// last.
const NEIGHBORS: usize = 64;
/// Photos whose neighbours are looked for at once.
const BLOCK: usize = 256;

/// A photo whose neighbours say another folder.
#[derive(Clone, Debug, Serialize)]
pub struct Misplaced {
    /// The photo.
    #[serde(flatten)]
    pub record: Record,
    /// The folder where its nearest are.
    pub folder: Place,
    /// The mean similarity of its three nearest in its own folder.
    pub own: f32,
    /// The same in that folder.
    pub other: f32,
    /// What the first is more than the second: the least come first.
    pub margin: f32,
}

/// A photo that is like no other.
#[derive(Clone, Debug, Serialize)]
pub struct Alone {
    /// The photo.
    #[serde(flatten)]
    pub record: Record,
    /// The mean similarity of its three nearest.
    pub nearest: f32,
}

/// What lies where it should not, worst first.
#[derive(Clone, Debug, Serialize)]
pub struct Outliers {
    /// Photos that were looked at.
    pub photos: usize,
    /// Folders that they lie in.
    pub folders: usize,
    /// Photos whose neighbours say another folder than their own.
    pub misplaced: Vec<Misplaced>,
    /// Photos that stand alone.
    pub alone: Vec<Alone>,
}

impl Document for Outliers {
    const KIND: &'static str = "outliers";
}

/// The `count` worst of either kind among a gallery's photos, by their descriptors as they are; a photo's
/// folder is the one that it lies in. Of 5 % of photos with exchanged folders some 95 % to all are in the first
/// tenth of the list. Nothing if `on_progress`, which is told how many photos of how many were looked at, breaks.
///
/// # Errors
/// [`GalleryError::DamagedSnapshot`](crate::error::GalleryError::DamagedSnapshot).
pub fn outliers(
    snapshot: &Snapshot,
    count: usize,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Option<Outliers>> {
    let photos = Photos::of(snapshot);
    let mut scored: Vec<Scored> = Vec::with_capacity(photos.records.len());
    let all = photos.records.len();
    let numbers: Vec<usize> = (0..all).collect();
    for block in numbers.chunks(BLOCK) {
        if on_progress(scored.len(), all).is_break() {
            return Ok(None);
        }
        let vectors = block.iter().map(|photo| photos.records[*photo].1);
        let queries: Vec<Vec<f32>> = vectors
            .map(|vector| snapshot.vector(vector).unwrap_or_default())
            .collect();
        let near = snapshot.nearest_vectors(&queries, NEIGHBORS + 1)?;
        let scores = block.iter().zip(near);
        scored.extend(scores.map(|(photo, near)| photos.score(*photo, &near)));
    }
    Ok(Some(photos.report(&scored, count)))
}

/// The photos of a gallery and the folders that they lie in.
struct Photos {
    /// Each with the number of its vector.
    records: Vec<(Record, usize)>,
    /// The folder of each.
    folders: Vec<usize>,
    names: Vec<PathBuf>,
    /// Photos in each folder.
    sizes: Vec<usize>,
    of_vector: HashMap<usize, Vec<usize>>,
}

struct Scored {
    own: Option<f32>,
    other: Option<(usize, f32)>,
    nearest: f32,
}

impl Photos {
    fn of(snapshot: &Snapshot) -> Self {
        let with_vectors = snapshot.photos();
        let with_vectors = with_vectors.filter_map(|(record, vector)| Some((record, vector?)));
        let mut photos = Self {
            records: with_vectors.collect(),
            folders: Vec::new(),
            names: Vec::new(),
            sizes: Vec::new(),
            of_vector: HashMap::new(),
        };
        let mut known: HashMap<PathBuf, usize> = HashMap::new();
        for (photo, (record, vector)) in photos.records.iter().enumerate() {
            let name = record.path.parent().unwrap_or(Path::new("")).to_owned();
            let folder = *known.entry(name.clone()).or_insert(photos.names.len());
            if folder == photos.names.len() {
                photos.names.push(name);
                photos.sizes.push(0);
            }
            photos.sizes[folder] += 1;
            photos.folders.push(folder);
            photos.of_vector.entry(*vector).or_default().push(photo);
        }
        photos
    }

    fn score(&self, photo: usize, near: &[(usize, f32)]) -> Scored {
        let last = near.last().map_or(0.0, |(_, similarity)| *similarity);
        let mut all: Vec<f32> = Vec::new();
        let mut of_folder: HashMap<usize, Vec<f32>> = HashMap::new();
        for (vector, similarity) in near {
            let owners = self.of_vector.get(vector).into_iter().flatten();
            for other in owners.filter(|other| **other != photo) {
                all.push(*similarity);
                let nearest = of_folder.entry(self.folders[*other]).or_default();
                if nearest.len() < NEAREST {
                    nearest.push(*similarity);
                }
            }
        }
        let own = self.folders[photo];
        let mean = |folder: usize| {
            let others = self.sizes[folder] - usize::from(folder == own);
            let wanted = others.min(NEAREST);
            let mut nearest = of_folder.get(&folder).cloned().unwrap_or_default();
            nearest.resize(wanted.max(nearest.len()), last);
            (wanted > 0).then(|| nearest.iter().sum::<f32>() / nearest.len() as f32)
        };
        let others = of_folder.keys().filter(|folder| **folder != own);
        let others = others.filter_map(|folder| Some((*folder, mean(*folder)?)));
        let first = all.iter().take(NEAREST);
        Scored {
            own: mean(own),
            other: others.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))),
            nearest: first.clone().sum::<f32>() / first.len().max(1) as f32,
        }
    }

    fn report(&self, scored: &[Scored], count: usize) -> Outliers {
        let each = || self.records.iter().zip(scored);
        let misplaced = each().filter_map(|((record, _), scored)| {
            let (own, (folder, other)) = scored.own.zip(scored.other)?;
            (own < other).then(|| Misplaced {
                record: record.clone(),
                folder: Place::of(&self.names[folder]),
                own,
                other,
                margin: own - other,
            })
        });
        let mut misplaced: Vec<Misplaced> = misplaced.collect();
        misplaced.sort_by(|a, b| {
            let order = a.margin.total_cmp(&b.margin);
            order.then_with(|| a.record.path.cmp(&b.record.path))
        });
        misplaced.truncate(count);
        let alone = each().map(|((record, _), scored)| Alone {
            record: record.clone(),
            nearest: scored.nearest,
        });
        let mut alone: Vec<Alone> = alone.collect();
        alone.sort_by(|a, b| {
            let order = a.nearest.total_cmp(&b.nearest);
            order.then_with(|| a.record.path.cmp(&b.record.path))
        });
        alone.truncate(count);
        Outliers {
            photos: self.records.len(),
            folders: self.names.len(),
            misplaced,
            alone,
        }
    }
}
