//! Lays one picture over another to a fraction of a pixel: the affine map, gain and offset under which
//! the outer picture is most nearly the inner one.
//!
//! Gauss-Newton from coarse to fine as Lucas and Kanade ("An iterative image registration technique",
//! IJCAI 1981), with a gain and an offset as further unknowns (Bartoli, "Groupwise geometric and
//! photometric direct image registration", 2008) and weights that pass over what is not in both.

use std::array;
use std::ops::Range;

use super::grey::Grey;
use super::placing::Placing;
use super::windows::product;

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
    let looked = each_line(inner, outer, &state.placing, rows, |_, line| {
        count += line.own.len() as f64;
        for (value, other) in line.own.iter().zip(&line.other) {
            let (value, other) = (f64::from(*value), f64::from(*other));
            let terms = [value, value * value, other, other * other];
            sums.iter_mut()
                .zip(terms)
                .for_each(|(sum, term)| *sum += term);
        }
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

/// The pixels of one row of the inner picture that lie in the outer one.
#[derive(Default)]
struct Line {
    /// Where they are, centred, 0 … 1 a side.
    across: Vec<f32>,
    own: Vec<f32>,
    /// What lies there in the outer picture, and its slopes per side.
    other: Vec<f32>,
    right: Vec<f32>,
    down: Vec<f32>,
}

impl Line {
    fn clear(&mut self) {
        let Self {
            across,
            own,
            other,
            right,
            down,
        } = self;
        for values in [across, own, other, right, down] {
            values.clear();
        }
    }
}

/// Calls `take` with the place of each row (centred, 0 … 1) and its pixels; returns how many were looked
/// at.
fn each_line(
    inner: &Grey,
    outer: &Grey,
    placing: &Placing,
    rows: Rows,
    mut take: impl FnMut(f32, &Line),
) -> usize {
    // Of a large picture every second pixel of every second row, or fewer, say as much.
    let step = ((inner.values.len() as f32 / ENOUGH).sqrt().ceil() as usize).max(1);
    let mut looked = 0;
    let (width, height) = (outer.width as f32, outer.height as f32);
    let lines = inner.values.chunks_exact(inner.width).enumerate();
    let Range { start, end } = rows.of(inner.height);
    let mut line = Line::default();
    for (row, values) in lines.take(end).skip(start).step_by(step) {
        let y = (row as f32 + 0.5) / inner.height as f32;
        line.clear();
        for (column, value) in values.iter().enumerate().step_by(step) {
            looked += 1;
            let x = (column as f32 + 0.5) / inner.width as f32;
            let (u, v) = placing.apply(x, y);
            if let Some((other, right, down)) = outer.at(u * width - 0.5, v * height - 0.5) {
                line.across.push(x - 0.5);
                line.own.push(*value);
                line.other.push(other);
                line.right.push(right * width);
                line.down.push(down * height);
            }
        }
        take(y - 0.5, &line);
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
    let near = (FAR * scale).max(4.0).recip();
    let mut terms = Terms::default();
    let looked = each_line(inner, outer, &state.placing, rows, |y, line| {
        terms.of(line, state, near);
        residuals.extend(terms.residuals.iter().map(|it| it.abs()));
        terms.add(y, &mut normal);
    });
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

/// What the residuals of a row's pixels change by with the unknowns, but for the row's own place: with
/// what lies there moved right and down, the same times the place across, with gain and offset.
#[derive(Default)]
struct Terms {
    plain: [Vec<f32>; Self::COUNT],
    /// The same times the pixels' weights.
    weighted: [Vec<f32>; Self::COUNT],
    residuals: Vec<f32>,
}

impl Terms {
    const COUNT: usize = 6;
    /// Which of them each unknown has, and whether times the row's place.
    const OF_UNKNOWN: [(usize, bool); UNKNOWNS] = [
        (2, false),
        (0, true),
        (3, false),
        (1, true),
        (0, false),
        (1, false),
        (4, false),
        (5, false),
    ];

    /// Those of a row; residuals of one by `near` weigh half.
    fn of(&mut self, line: &Line, state: &Registered, near: f32) {
        let Registered { gain, offset, .. } = *state;
        let along = |slopes: &[f32]| slopes.iter().map(|it| gain * it).collect::<Vec<f32>>();
        let (right, down) = (along(&line.right), along(&line.down));
        let across = |slopes: &[f32]| {
            let both = slopes.iter().zip(&line.across);
            both.map(|(slope, x)| slope * x).collect::<Vec<f32>>()
        };
        let ones = vec![1.0; right.len()];
        let (right_across, down_across) = (across(&right), across(&down));
        let other = line.other.clone();
        self.plain = [right, down, right_across, down_across, other, ones];
        let both = line.own.iter().zip(&line.other);
        self.residuals.clear();
        self.residuals
            .extend(both.map(|(own, other)| own - gain * other - offset));
        let weights = self
            .residuals
            .iter()
            .map(|it| 1.0 / (1.0 + (it * near).powi(2)));
        let weights: Vec<f32> = weights.collect();
        for (weighted, term) in self.weighted.iter_mut().zip(&self.plain) {
            weighted.clear();
            weighted.extend(
                term.iter()
                    .zip(&weights)
                    .map(|(term, weight)| term * weight),
            );
        }
    }

    /// Adds the row at this place to the normal equations.
    fn add(&self, y: f32, normal: &mut [[f64; UNKNOWNS + 1]; UNKNOWNS]) {
        let products: [[f64; Self::COUNT + 1]; Self::COUNT] = array::from_fn(|a| {
            array::from_fn(|b| {
                let other = self.plain.get(b).unwrap_or(&self.residuals);
                f64::from(product(&self.weighted[a], other))
            })
        });
        let times = |is_times_place: bool| if is_times_place { f64::from(y) } else { 1.0 };
        for (row, (a, is_times_place)) in normal.iter_mut().zip(Self::OF_UNKNOWN) {
            let own = times(is_times_place);
            for (cell, (b, is_times_place)) in row.iter_mut().zip(Self::OF_UNKNOWN) {
                *cell += own * times(is_times_place) * products[a][b];
            }
            row[UNKNOWNS] += own * products[a][Self::COUNT];
        }
    }
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
    let lit = |value: f32| value * state.gain + state.offset;
    if state.placing == Placing::of_whole(0)
        && (inner.width, inner.height) == (outer.width, outer.height)
    {
        return outer.values.iter().map(|value| Some(lit(*value))).collect();
    }
    let (width, height) = (outer.width as f32, outer.height as f32);
    let columns: Vec<f32> = (0..inner.width)
        .map(|column| (column as f32 + 0.5) / inner.width as f32)
        .collect();
    let mut there = Vec::with_capacity(inner.values.len());
    for row in 0..inner.height {
        let y = (row as f32 + 0.5) / inner.height as f32;
        there.extend(columns.iter().map(|x| {
            let (u, v) = state.placing.apply(*x, y);
            let there = outer.at(u * width - 0.5, v * height - 0.5);
            there.map(|(value, ..)| lit(value))
        }));
    }
    there
}
