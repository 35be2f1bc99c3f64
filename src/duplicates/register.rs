//! Lays one picture over another to a fraction of a pixel: the affine map, gain and offset under which
//! the outer picture is most nearly the inner one.
//!
//! Gauss-Newton from coarse to fine as Lucas and Kanade ("An iterative image registration technique",
//! IJCAI 1981), with a gain and an offset as further unknowns (Bartoli, "Groupwise geometric and
//! photometric direct image registration", 2008) and weights that pass over what is not in both.

use std::ops::Range;

use super::grey::Grey;
use super::placing::Placing;

/// Unknowns: four of the matrix, two of the shift, gain, offset.
const UNKNOWNS: usize = 8;
/// Steps at one size; most stop before.
const STEPS: usize = 24;
/// A step that moves nothing by more of the side is the last.
const STILL: f32 = 2e-4;
/// Median residuals from which on a pixel counts less than half.
const FAR: f32 = 4.0;
/// Pixels that are looked at for a step.
const ENOUGH: f32 = 20_000.0;
/// A line of text is written over no more of a picture, as a share of its height.
const BAND: f32 = 0.23;
/// Less of the inner picture must not lie in the outer one.
const LEAST_COVERED: f32 = 0.6;

/// What a picture is after registration.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    pub placing: Placing,
    /// The inner picture is `gain` times the outer one and `offset`.
    pub gain: f32,
    pub offset: f32,
    /// Where only what keeps pixels square and upright is asked for, as stripes need, along which all lies
    /// alike: width by height of the inner picture and of the outer.
    pub square: Option<(f32, f32)>,
}

impl Registered {
    /// The same seen from the outer picture.
    pub fn inverse(&self) -> Option<Self> {
        Some(Self {
            placing: self.placing.inverse()?,
            gain: self.gain.recip(),
            offset: -self.offset / self.gain,
            square: self.square.map(|(inner, outer)| (outer, inner)),
        })
    }
}

/// Which rows of the inner picture count: a line of text may be over the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    All,
    WithoutTop,
    WithoutBottom,
}

impl Rows {
    pub const EACH: [Self; 3] = [Self::All, Self::WithoutTop, Self::WithoutBottom];

    /// Those of a picture so high.
    pub fn of(self, height: usize) -> Range<usize> {
        let band = (height as f32 * BAND).ceil() as usize;
        match self {
            Self::All => 0..height,
            Self::WithoutTop => band..height,
            Self::WithoutBottom => 0..height - band.min(height),
        }
    }
}

/// Registers `inner` in `outer`, sizes from small to large, beginning with a guess. Nothing where it
/// runs away.
pub fn register(
    inner: &[Grey],
    outer: &[Grey],
    guess: Placing,
    rows: Rows,
    square: Option<(f32, f32)>,
) -> Option<Registered> {
    let mut state = Registered {
        placing: guess,
        gain: 1.0,
        offset: 0.0,
        square,
    };
    let mut is_new = true;
    for (inner, outer) in inner.iter().zip(outer) {
        if is_new {
            state = with_levels(inner, outer, state, rows)?;
            is_new = false;
        }
        state = refine(inner, outer, state, rows)?;
    }
    Some(state)
}

/// The same at one size more.
pub fn refine(inner: &Grey, outer: &Grey, mut state: Registered, rows: Rows) -> Option<Registered> {
    let mut scale = f32::INFINITY;
    for _ in 0..STEPS {
        let (step, deviation) = solve(inner, outer, &state, rows, scale)?;
        scale = deviation;
        let moved = step[..6]
            .iter()
            .fold(0.0_f32, |most, it| most.max(it.abs()));
        for (value, step) in state.placing.matrix.iter_mut().zip(&step) {
            *value += step;
        }
        for (value, step) in state.placing.shift.iter_mut().zip(&step[4..]) {
            *value += step;
        }
        state.gain += step[6];
        state.offset += step[7];
        if moved > 0.3 || !state.gain.is_finite() {
            return None;
        }
        if moved < STILL {
            break;
        }
    }
    (state.gain > 0.05).then_some(state)
}

/// Gain and offset by the two pictures' means and deviations where they lie over each other.
fn with_levels(inner: &Grey, outer: &Grey, state: Registered, rows: Rows) -> Option<Registered> {
    let (mut count, mut sums) = (0.0_f64, [0.0_f64; 4]);
    let looked = each_pixel(inner, outer, &state.placing, rows, |_, value, other| {
        let (value, other) = (f64::from(value), f64::from(other.0));
        count += 1.0;
        sums[0] += value;
        sums[1] += value * value;
        sums[2] += other;
        sums[3] += other * other;
    });
    if count < f64::from(LEAST_COVERED) * looked as f64 {
        return None;
    }
    let [mean, squares, other, other_squares] = sums.map(|sum| sum / count);
    let variance = (squares - mean * mean).max(0.0);
    let other_variance = other_squares - other * other;
    if other_variance < 1e-3 {
        return None;
    }
    let gain = (variance / other_variance).sqrt();
    Some(Registered {
        gain: gain as f32,
        offset: (mean - gain * other) as f32,
        ..state
    })
}

/// Calls `take` with the place of each inner pixel (centred, 0 … 1 a side), its value, and what lies
/// there in the outer picture with its slopes per side.
fn each_pixel(
    inner: &Grey,
    outer: &Grey,
    placing: &Placing,
    rows: Rows,
    mut take: impl FnMut((f32, f32), f32, (f32, f32, f32)),
) -> usize {
    // Of a large picture every second pixel of every second row, or fewer, say as much.
    let step = ((inner.values.len() as f32 / ENOUGH).sqrt().ceil() as usize).max(1);
    let mut looked = 0;
    let (width, height) = (outer.width as f32, outer.height as f32);
    let lines = inner.values.chunks_exact(inner.width).enumerate();
    let Range { start, end } = rows.of(inner.height);
    for (row, line) in lines.take(end).skip(start).step_by(step) {
        let y = (row as f32 + 0.5) / inner.height as f32;
        for (column, value) in line.iter().enumerate().step_by(step) {
            looked += 1;
            let x = (column as f32 + 0.5) / inner.width as f32;
            let (u, v) = placing.apply(x, y);
            if let Some((other, right, down)) = outer.at(u * width - 0.5, v * height - 0.5) {
                take(
                    (x - 0.5, y - 0.5),
                    *value,
                    (other, right * width, down * height),
                );
            }
        }
    }
    looked
}

/// One step of Gauss-Newton, and the median of the residuals before it.
fn solve(
    inner: &Grey,
    outer: &Grey,
    state: &Registered,
    rows: Rows,
    scale: f32,
) -> Option<([f32; UNKNOWNS], f32)> {
    let mut normal = [[0.0_f64; UNKNOWNS + 1]; UNKNOWNS];
    let mut residuals = Vec::new();
    let far = (FAR * scale).max(4.0);
    let looked = each_pixel(
        inner,
        outer,
        &state.placing,
        rows,
        |(x, y), value, (other, right, down)| {
            let residual = value - state.gain * other - state.offset;
            let weight = if scale.is_finite() {
                1.0 / (1.0 + (residual / far).powi(2))
            } else {
                1.0
            };
            residuals.push(residual.abs());
            let (right, down) = (state.gain * right, state.gain * down);
            let slopes = [
                right * x,
                right * y,
                down * x,
                down * y,
                right,
                down,
                other,
                1.0,
            ];
            for (row, a) in normal.iter_mut().zip(&slopes) {
                let weighted = weight * a;
                for (cell, b) in row.iter_mut().zip(&slopes) {
                    *cell += f64::from(weighted * b);
                }
                row[UNKNOWNS] += f64::from(weighted * residual);
            }
        },
    );
    if residuals.len() as f32 <= LEAST_COVERED * looked as f32 {
        return None;
    }
    if let Some(aspects) = state.square {
        keep_square(&mut normal, &state.placing, aspects);
    }
    let middle = residuals.len() / 2;
    let (_, median, _) = residuals.select_nth_unstable_by(middle, f32::total_cmp);
    Some((eliminate(normal)?, *median))
}

/// Asks for a step to where pixels are square and upright, more than for any other.
fn keep_square(
    normal: &mut [[f64; UNKNOWNS + 1]; UNKNOWNS],
    placing: &Placing,
    (inner, outer): (f32, f32),
) {
    /// Times what the picture itself says.
    const MORE: f64 = 10.0;
    let most = (0..4).map(|at| normal[at][at]).fold(0.0, f64::max);
    let matrix = placing.matrix.map(f64::from);
    let is_upright = (matrix[0] * matrix[3]).abs() > (matrix[1] * matrix[2]).abs();
    // Of the matrix, row by row: what keeps a side's direction, and what turns it.
    let (along, aside) = if is_upright {
        ([0, 3], [1, 2])
    } else {
        ([1, 2], [0, 3])
    };
    // So long is what was a pixel's side, in pixels of the outer picture.
    let (inner, outer) = (f64::from(inner), f64::from(outer));
    let lengths = if is_upright {
        [outer / inner, 1.0]
    } else {
        [outer, inner.recip()]
    };
    let mut conditions = [[0.0; 4]; 3];
    conditions[0][aside[0]] = 1.0;
    conditions[1][aside[1]] = 1.0;
    conditions[2][along[0]] = lengths[0] * matrix[along[0]].signum();
    conditions[2][along[1]] = -lengths[1] * matrix[along[1]].signum();
    for condition in &conditions {
        let missing: f64 = condition.iter().zip(&matrix).map(|(a, b)| a * b).sum();
        for (row, a) in normal.iter_mut().zip(condition) {
            for (cell, b) in row.iter_mut().zip(condition) {
                *cell += MORE * most * a * b;
            }
            row[UNKNOWNS] -= MORE * most * a * missing;
        }
    }
}

/// Gauss with pivots, slightly damped: a picture without structure in one direction moves nowhere in
/// it.
fn eliminate(mut rows: [[f64; UNKNOWNS + 1]; UNKNOWNS]) -> Option<[f32; UNKNOWNS]> {
    for (at, row) in rows.iter_mut().enumerate() {
        row[at] = row[at].mul_add(1.0 + 1e-4, 1e-9);
    }
    for at in 0..UNKNOWNS {
        let pivot =
            (at..UNKNOWNS).max_by(|a, b| rows[*a][at].abs().total_cmp(&rows[*b][at].abs()))?;
        rows.swap(at, pivot);
        let head = rows[at];
        if head[at].abs() < 1e-12 {
            return None;
        }
        for row in &mut rows[at + 1..] {
            let factor = row[at] / head[at];
            for (cell, above) in row.iter_mut().zip(&head).skip(at) {
                *cell -= factor * above;
            }
        }
    }
    let mut solution = [0.0; UNKNOWNS];
    for at in (0..UNKNOWNS).rev() {
        let known: f64 = (at + 1..UNKNOWNS)
            .map(|it| rows[at][it] * solution[it])
            .sum();
        solution[at] = (rows[at][UNKNOWNS] - known) / rows[at][at];
    }
    let solution = solution.map(|it| it as f32);
    solution.iter().all(|it| it.is_finite()).then_some(solution)
}

/// What the outer picture is at each inner pixel, with gain and offset, where it is.
pub fn warped(inner: &Grey, outer: &Grey, state: &Registered) -> Vec<Option<f32>> {
    let (width, height) = (outer.width as f32, outer.height as f32);
    let rows = (0..inner.height).flat_map(|row| (0..inner.width).map(move |column| (column, row)));
    rows.map(|(column, row)| {
        let x = (column as f32 + 0.5) / inner.width as f32;
        let y = (row as f32 + 0.5) / inner.height as f32;
        let (u, v) = state.placing.apply(x, y);
        let there = outer.at(u * width - 0.5, v * height - 0.5);
        there.map(|(value, ..)| value * state.gain + state.offset)
    })
    .collect()
}
