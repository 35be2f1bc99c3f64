//! Fewer values for segments and searches: descriptors along axes fitted on the gallery itself.
//!
//! The axes are the right singular vectors of the gallery's descriptors as they are. The first of them is
//! nearly their mean, which all photos have in common; it counts less, after Mu & Viswanath,
//! "All-but-the-Top", 2018, which takes it out. Axes of other photos find less: they are fitted anew when the
//! gallery has outgrown them, from descriptors, which the store keeps whole.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::blocks::{BlockWriter, Blocks, damaged};
use super::graph::directions;
use crate::descriptor::{Matrix, Vectors, dot, normalize_in_place};
use crate::error::{FileError, Result};

/// What values along the first axis are multiplied by. On photos of objects, textures and landmarks, alone
/// and mixed, .5 to .8 find more and lose no first answer; 1 does.
const FIRST: f32 = 0.7;

/// Axes fitted on a gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduction {
    /// `[axes, dimension]`, orthonormal, that with most of the descriptors first.
    axes: Matrix,
}

/// Which file has a snapshot's axes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReductionRef {
    /// `axes-N`.
    pub number: u64,
    /// What its writing gave.
    pub stamp: u32,
    /// Values of a vector.
    pub values: usize,
    /// Photos that there were when they were fitted.
    pub photos: u64,
}

/// What the file says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct About {
    dimension: usize,
    values: usize,
}

impl ReductionRef {
    /// The file's name.
    pub fn name(&self) -> String {
        format!("axes-{}", self.number)
    }
}

impl Reduction {
    /// `values` axes of descriptors; nothing where they have no so many.
    pub fn fit(rows: Vectors<'_>, values: usize) -> Option<Self> {
        let (count, dimension) = (rows.len(), rows.dimension());
        if !(1..dimension.min(count + 1)).contains(&values) {
            return None;
        }
        let axes = Matrix::new(directions(rows.values(), dimension, values), dimension);
        Some(Self { axes: axes.ok()? })
    }

    /// Opens what a snapshot in `dir` names, for descriptors of `dimension` values.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`](crate::error::GalleryError::DamagedSnapshot);
    /// [`FileError::Read`].
    pub fn open(dir: &Path, wanted: &ReductionRef, dimension: usize) -> Result<Self> {
        let path = dir.join(wanted.name());
        let (file, about): (Blocks, About) = Blocks::open(&path)?;
        let axes = file.all(file.section("axes"));
        let axes: Option<&[f32]> = axes.and_then(|bytes| bytemuck::try_cast_slice(bytes).ok());
        let fits = (file.stamp(), about.values, about.dimension)
            == (wanted.stamp, wanted.values, dimension);
        let axes = axes.filter(|axes| fits && axes.len() == wanted.values * dimension);
        let axes = axes.ok_or_else(|| damaged(&path, "it is damaged or another snapshot's"))?;
        Ok(Self {
            axes: Matrix::new(axes.to_vec(), dimension)?,
        })
    }

    /// Writes the file `axes-N` of axes that were fitted on so many photos.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn write(&self, dir: &Path, number: u64, photos: u64) -> Result<ReductionRef, FileError> {
        let values = self.values();
        let mut reference = ReductionRef {
            number,
            stamp: 0,
            values,
            photos,
        };
        let mut file = BlockWriter::create(&dir.join(reference.name()))?;
        let axes = self.axes.as_vectors().values();
        file.whole_section("axes", bytemuck::cast_slice(axes))?;
        let about = About {
            dimension: self.axes.dimension(),
            values,
        };
        reference.stamp = file.finish(&about)?.stamp;
        Ok(reference)
    }

    /// Values of a vector.
    pub fn values(&self) -> usize {
        self.axes.as_vectors().len()
    }

    /// A descriptor of the gallery's as segments have it, of length 1.
    pub fn applied(&self, descriptor: &[f32]) -> Vec<f32> {
        normalized(self.along(descriptor))
    }

    /// A query's descriptor as segments are searched with. Its length is what it would be along all axes:
    /// what the gallery's photos have no part in is like none of them, and shall not make the rest more
    /// alike than it is.
    pub fn asked(&self, descriptor: &[f32]) -> Vec<f32> {
        let mut along = self.along(descriptor);
        let first = along.first().map_or(0.0, |value| value / FIRST);
        let all = dot(descriptor, descriptor);
        let length = (all - (1.0 - FIRST * FIRST) * first * first).max(0.0);
        if length > 0.0 {
            for value in &mut along {
                *value /= length.sqrt();
            }
        }
        along
    }

    /// The descriptor, of length 1, that becomes this vector and has no part along other axes: what is left
    /// of one that the store has lost.
    pub fn lifted(&self, vector: &[f32]) -> Vec<f32> {
        let mut descriptor = vec![0.0; self.axes.dimension()];
        let rows = self.axes.as_vectors().rows();
        for (axis, (row, value)) in rows.zip(vector).enumerate() {
            let value = if axis == 0 { value / FIRST } else { *value };
            for (sum, part) in descriptor.iter_mut().zip(row) {
                *sum += value * part;
            }
        }
        normalized(descriptor)
    }

    fn along(&self, descriptor: &[f32]) -> Vec<f32> {
        let axes = self.axes.as_vectors().rows();
        let mut along: Vec<f32> = axes.map(|axis| dot(axis, descriptor)).collect();
        if let Some(first) = along.first_mut() {
            *first *= FIRST;
        }
        along
    }
}

/// Of length 1; what has none stays as it is.
fn normalized(mut values: Vec<f32>) -> Vec<f32> {
    let _ = normalize_in_place(&mut values);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMENSION: usize = 24;

    /// Unit rows around a common direction that differ in eight values alone.
    fn rows(count: usize) -> Matrix {
        let mut random = fastrand::Rng::with_seed(7);
        let row = |_| {
            let mut row = vec![0.5; DIMENSION];
            for value in &mut row[..8] {
                *value += random.f32() - 0.5;
            }
            normalized(row)
        };
        Matrix::new((0..count).flat_map(row).collect(), DIMENSION).unwrap()
    }

    fn reduction() -> (Reduction, Matrix) {
        let rows = rows(200);
        (Reduction::fit(rows.as_vectors(), 12).unwrap(), rows)
    }

    #[test]
    fn what_lies_along_the_axes_comes_back_and_the_common_direction_counts_less() {
        let (reduction, rows) = reduction();
        let rows = rows.as_vectors();
        let pairs = rows.rows().zip(rows.rows().skip(1));
        for (a, b) in pairs {
            let (reduced, other) = (reduction.applied(a), reduction.applied(b));
            assert!((dot(&reduced, &reduced) - 1.0).abs() < 1e-5);
            assert!(dot(&reduced, &other) < dot(a, b));
            let back = reduction.lifted(&reduced);
            assert!(dot(&back, a) > 0.9999, "{}", dot(&back, a));
        }
    }

    #[test]
    fn a_photo_of_the_gallery_asks_with_its_own_vector_and_a_foreign_one_is_like_none() {
        let (reduction, rows) = reduction();
        let own = rows.as_vectors().row(0);
        let (asked, kept) = (reduction.asked(own), reduction.applied(own));
        assert!(asked.iter().zip(&kept).all(|(a, b)| (a - b).abs() < 1e-4));
        let mut foreign = vec![0.0; DIMENSION];
        (foreign[20], foreign[21]) = (0.6f32.sqrt(), -(0.4f32.sqrt()));
        let asked = reduction.asked(&foreign);
        assert!(dot(&asked, &kept).abs() < 0.2, "{}", dot(&asked, &kept));
    }

    #[test]
    fn axes_are_read_as_written_and_no_others_are() {
        let (reduction, rows) = reduction();
        let dir = tempfile::tempdir().unwrap();
        let written = reduction.write(dir.path(), 3, 200).unwrap();
        assert_eq!((written.values, written.photos), (12, 200));
        let read = Reduction::open(dir.path(), &written, DIMENSION).unwrap();
        assert_eq!(read, reduction);
        let other = Reduction::fit(rows.as_vectors(), 11).unwrap();
        other.write(dir.path(), 3, 200).unwrap();
        assert!(Reduction::open(dir.path(), &written, DIMENSION).is_err());
        assert!(Reduction::fit(rows.as_vectors(), DIMENSION).is_none());
        assert!(Reduction::fit(self::rows(5).as_vectors(), 12).is_none());
    }
}
