//! The axes that codes are of: the principal directions of the rows.

use rayon::prelude::*;

use super::code::{CODE, COLUMNS, Code, Columns};
use super::principal;
use super::shorts::{Shorts, to_shorts};
use crate::kernels::products::Products;

/// Rows that the axes are fitted on.
const SAMPLE: usize = 10_000;
/// Rows whose nearest in the sample tell how far the rests of near rows agree.
const PROBES: usize = 128;
/// Nearest of each.
const NEAREST: usize = 10;
/// Rows whose codes one thread computes at a time.
const BLOCK: usize = 64;
/// Of an axis' magnitudes, the share that its columns hold; larger ones are cut off.
const HELD: f32 = 0.9999;

/// The axes of some rows, and how values along them become codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes {
    dimension: usize,
    /// `[axes, dimension]`, as i16 with a step each: a query has to read them all.
    values: Vec<i16>,
    steps: Vec<f32>,
    columns: Columns,
}

impl Axes {
    /// The axes of unit rows of `dimension` values; nothing if there is no row or `dimension` is 0.
    /// The same rows give the same axes on the same machine.
    #[must_use]
    pub fn fit(rows: &[f32], dimension: usize) -> Option<Self> {
        if dimension == 0 || rows.len() < dimension {
            return None;
        }
        let count = rows.len() / dimension;
        let sample: Vec<f32> = (0..count.min(SAMPLE))
            .flat_map(|i| {
                let row = i * count / count.min(SAMPLE);
                &rows[row * dimension..(row + 1) * dimension]
            })
            .map(|value| if value.is_finite() { *value } else { 0.0 })
            .collect();
        let all = dimension.min(COLUMNS);
        let directions = principal::directions(&sample, dimension, all);
        let along = principal::product(&sample, &directions, dimension);
        let columns = fitted_columns(&along, all);
        let held = columns.of_axis.len();
        let (values, steps) = to_shorts(&directions[..held * dimension], dimension);
        let mut axes = Self {
            dimension,
            values,
            steps,
            columns,
        };
        axes.fit_rest(&sample, &along, all);
        Some(axes)
    }

    /// Of the products of near rows, what their values along the axes do not tell is a share of the
    /// product of their rests' lengths, by least squares.
    fn fit_rest(&mut self, sample: &[f32], along: &[f32], all: usize) {
        let (dimension, held) = (self.dimension, self.columns.of_axis.len());
        let products = Products::best();
        let count = sample.len() / dimension;
        let row = |i: usize| &sample[i * dimension..(i + 1) * dimension];
        let values = |i: usize| &along[i * all..i * all + held];
        let rests: Vec<f32> = (0..count).map(|i| rest(row(i), values(i))).collect();
        let (mut left, mut whole) = (0.0, 0.0);
        for probe in 0..count.min(PROBES) {
            let probe = probe * count / count.min(PROBES);
            let mut others: Vec<(f32, usize)> = (0..count)
                .filter(|other| *other != probe)
                .map(|other| (products.floats(values(probe), values(other)), other))
                .collect();
            others.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
            for (known, other) in others.into_iter().take(NEAREST) {
                let both = rests[probe] * rests[other];
                left += (products.floats(row(probe), row(other)) - known) * both;
                whole += both * both;
            }
        }
        let share = if whole > 0.0 {
            (left / whole).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let longest = rests.into_iter().fold(0.0, f32::max);
        let scale = self.columns.scale * share.sqrt();
        self.columns.rest_scale = scale.min(f32::from(i8::MAX) / longest.max(1e-6));
    }

    /// Values of a row.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// What one unit of a product of two codes is as a cosine.
    #[cfg(test)]
    pub fn unit(&self) -> f32 {
        1.0 / (self.columns.scale * self.columns.scale)
    }

    /// The code of a row; values that it has too few of count as 0.
    #[must_use]
    pub fn code(&self, row: &[f32]) -> Code {
        let Some(axes) = Shorts::new(&self.values, &self.steps, self.dimension) else {
            return [0; CODE];
        };
        let dots = (0..axes.len() as u32).map(|axis| axes.dot(axis, row).unwrap_or(0.0));
        let along: Vec<f32> = dots.collect();
        self.columns.code(&along, rest(row, &along))
    }

    /// The codes of rows, `[rows, CODE]`: as from [`code`](Self::code), to the rounding of sums.
    #[must_use]
    pub fn codes(&self, rows: &[f32]) -> Vec<i8> {
        let (dimension, held) = (self.dimension, self.steps.len());
        let axes = self.values.chunks(dimension).zip(&self.steps);
        let axes = axes.flat_map(|(axis, step)| axis.iter().map(move |v| f32::from(*v) * step));
        let axes: Vec<f32> = axes.collect();
        let mut codes = vec![0; rows.len() / dimension * CODE];
        let blocks = codes.par_chunks_mut(BLOCK * CODE);
        blocks
            .zip(rows.par_chunks(BLOCK * dimension))
            .for_each(|(codes, rows)| {
                let rows = &rows[..codes.len() / CODE * dimension];
                let mut along = vec![0.0; codes.len() / CODE * held];
                Products::best().many_floats(rows, &axes, dimension, &mut along);
                let rows = rows.chunks(dimension).zip(along.chunks(held));
                for (code, (row, along)) in codes.chunks_mut(CODE).zip(rows) {
                    code.copy_from_slice(&self.columns.code(along, rest(row, along)));
                }
            });
        codes
    }

    /// For a file: little-endian, read again by [`from_bytes`](Self::from_bytes).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.steps.len() * 8 + self.values.len() * 2);
        bytes.extend((self.dimension as u32).to_le_bytes());
        bytes.extend((self.steps.len() as u32).to_le_bytes());
        bytes.extend(self.columns.scale.to_le_bytes());
        bytes.extend(self.columns.rest_scale.to_le_bytes());
        bytes.extend(
            self.columns
                .of_axis
                .iter()
                .flat_map(|count| count.to_le_bytes()),
        );
        bytes.extend(self.steps.iter().flat_map(|step| step.to_le_bytes()));
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// The axes that such bytes are of; nothing if they cannot be any.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<16>()?;
        let (head, _) = head.as_chunks::<4>();
        let dimension = u32::from_le_bytes(head[0]) as usize;
        let held = u32::from_le_bytes(head[1]) as usize;
        if dimension == 0 || held == 0 || held > COLUMNS {
            return None;
        }
        let (of_axis, rest) = rest.split_at_checked(held * 4)?;
        let (steps, values) = rest.split_at_checked(held * 4)?;
        if held.checked_mul(dimension)?.checked_mul(2)? != values.len() {
            return None;
        }
        let columns = Columns {
            of_axis: of_axis
                .as_chunks()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b))
                .collect(),
            scale: f32::from_le_bytes(head[2]),
            rest_scale: f32::from_le_bytes(head[3]),
        };
        columns.is_sound().then(|| Self {
            dimension,
            values: values
                .as_chunks()
                .0
                .iter()
                .map(|b| i16::from_le_bytes(*b))
                .collect(),
            steps: steps
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
            columns,
        })
    }
}

/// The columns for values along `all` axes, row by row.
fn fitted_columns(along: &[f32], all: usize) -> Columns {
    let count = along.len() / all;
    let (mut largest, mut energies) = (Vec::new(), Vec::new());
    for axis in 0..all {
        let values = (0..count).map(|row| along[row * all + axis]);
        let mut magnitudes: Vec<f32> = values.map(f32::abs).collect();
        energies.push(magnitudes.iter().map(|value| value * value).sum::<f32>() / count as f32);
        let place = ((count - 1) as f32 * HELD) as usize;
        largest.push(*magnitudes.select_nth_unstable_by(place, f32::total_cmp).1);
    }
    Columns::fit(&largest, &energies)
}

/// The length of what the axes do not hold of a row.
fn rest(row: &[f32], along: &[f32]) -> f32 {
    let products = Products::best();
    let left = products.floats(row, row) - products.floats(along, along);
    left.max(0.0).sqrt()
}
