//! Whether two pictures that lie over each other are one photograph: what differs, and where.

use std::ops::Range;

use super::grey::Grey;
use super::register::{Registered, warped};

/// Pixels along a side of a cell.
const CELL: usize = 8;
/// Pixels on each side of one by which it is told how light and how contrasty it is there.
const AROUND: usize = 12;
/// Grey levels by which pixels of equal pictures may differ anywhere.
const NOISE: f32 = 8.0;
/// How much the light may differ from place to place: recoloured, or too bright for white.
const LOCAL_GAIN: (f32, f32) = (0.5, 2.0);
/// From this share of what a cell shows on it shows something else.
const OTHER: f32 = 0.45;
/// A cell with less contrast, in grey levels, is flat.
const FLAT: f32 = 3.0;
/// A line of text is written over no more of a picture, as a share of its height.
const BAND: f32 = 0.23;
/// The share of cells that show something else in a row of a strip, which may let some through.
const FULL: f32 = 0.3;

/// What was measured of two pictures laid over each other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Likeness {
    /// Correlation of the luminances.
    pub correlation: f32,
    /// Correlation of what is left of them when what is blurred is taken away.
    pub detail: f32,
    /// How much of that there is, in grey levels.
    pub contrast: f32,
}

/// What was measured cell by cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cells {
    /// The most that a cell differs by, as a share of what it shows.
    pub worst: f32,
    /// The share of cells that show something else.
    pub other: f32,
    /// Whether, in the rows that do not count, there is one in which much is something else.
    pub strip: bool,
    /// What half of the cells that are not flat differ by at most.
    pub usual: f32,
    /// The share of flat cells.
    pub flat: f32,
}

/// Which rows of a picture count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    All,
    WithoutTop,
    WithoutBottom,
}

impl Rows {
    pub const EACH: [Self; 3] = [Self::All, Self::WithoutTop, Self::WithoutBottom];

    fn of(self, height: usize) -> Range<usize> {
        let band = (height as f32 * BAND).ceil() as usize;
        match self {
            Self::All => 0..height,
            Self::WithoutTop => band..height,
            Self::WithoutBottom => 0..height - band.min(height),
        }
    }
}

/// Two pictures of one size compared pixel by pixel, as they are: the worst cell and the usual one, as in
/// [`Cells`]. Where most of both is equal that is all there is to say, and quick.
pub fn plainly(a: &Grey, b: &Grey) -> Option<(f32, f32)> {
    if (a.width, a.height) != (b.width, b.height) {
        return None;
    }
    let columns = a.width.div_ceil(CELL);
    let (mut worst, mut telling) = (0.0_f32, Vec::new());
    let bands = a.values.chunks(a.width * CELL);
    for (a_band, b_band) in bands.zip(b.values.chunks(a.width * CELL)) {
        let mut sums = vec![[0.0_f32; 6]; columns];
        let lines = a_band.chunks(a.width).zip(b_band.chunks(a.width));
        for (a_line, b_line) in lines {
            let cells = a_line.chunks(CELL).zip(b_line.chunks(CELL));
            for ((a, b), sums) in cells.zip(&mut sums) {
                for (a, b) in a.iter().zip(b) {
                    let terms = [1.0, *a, *b, a * a, b * b, (a - b).powi(2)];
                    sums.iter_mut().zip(terms).for_each(|(sum, it)| *sum += it);
                }
            }
        }
        for [count, sums @ ..] in sums {
            let [a, b, aa, bb, apart] = sums.map(|sum| sum / count);
            let variance = (aa - a * a).max(bb - b * b).max(0.0);
            let differs = apart / (variance + NOISE * NOISE);
            worst = worst.max(differs);
            if variance >= FLAT * FLAT {
                telling.push(differs);
            }
        }
    }
    Some((worst, median(telling.into_iter())))
}

/// Two pictures of one size, laid over each other.
pub struct Laid {
    inner: Grey,
    /// The outer picture with gain and offset; where it is not, the inner one.
    outer: Grey,
    is_there: Vec<bool>,
}

impl Laid {
    pub fn new(inner: &Grey, outer: &Grey, state: &Registered) -> Self {
        let there = warped(inner, outer, state);
        let values = there.iter().zip(&inner.values);
        let values = values.map(|(outer, own)| outer.map_or(*own, |it| it.clamp(0.0, 255.0)));
        Self {
            outer: Grey {
                values: values.collect(),
                ..*inner
            },
            is_there: there.iter().map(Option::is_some).collect(),
            inner: inner.clone(),
        }
    }

    /// The share of the inner picture that lies in the outer.
    pub fn covered(&self) -> f32 {
        self.is_there.iter().filter(|it| **it).count() as f32 / self.is_there.len() as f32
    }

    /// How alike they are in these rows.
    pub fn likeness(&self, rows: Rows) -> Likeness {
        let at = rows.of(self.inner.height);
        let at = at.start * self.inner.width..at.end * self.inner.width;
        let there = &self.is_there[at.clone()];
        let reach = (self.inner.long() / 16).max(2);
        let fine = [&self.inner, &self.outer].map(|grey| detail(grey, reach));
        let (a, b) = (&fine[0].values[at.clone()], &fine[1].values[at.clone()]);
        let whole = (&self.inner.values[at.clone()], &self.outer.values[at]);
        Likeness {
            correlation: correlation(whole.0, whole.1, there),
            detail: correlation(a, b, there),
            contrast: deviation(a, there).min(deviation(b, there)),
        }
    }

    /// Compares cell by cell in these rows, which tells a digit. In the others a strip has to be that was
    /// laid over one of both.
    pub fn cells(mut self, counting: Rows) -> Cells {
        let at = counting.of(self.inner.height);
        let pixels = at.start * self.inner.width..at.end * self.inner.width;
        self.sharpen_equally(&pixels);
        self.tone(pixels);
        let (columns, rows) = (
            self.inner.width.div_ceil(CELL),
            self.inner.height.div_ceil(CELL),
        );
        let apart = self.apart();
        let each = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        let each: Vec<(usize, Option<Cell>)> = each
            .map(|(column, row)| (row, self.cell(&apart, column, row)))
            .collect();
        let seen: Vec<(usize, &Cell)> = each
            .iter()
            .filter_map(|(row, cell)| Some((*row, cell.as_ref()?)))
            .collect();
        if seen.is_empty() {
            return Cells::default();
        }
        let noise = 4.0 * median(seen.iter().map(|(_, cell)| cell.apart)) + NOISE * NOISE;
        let differs = |cell: &Cell| cell.apart / (cell.variance + noise);
        let inside = at.start.div_ceil(CELL)..at.end / CELL;
        let beside: Vec<(usize, &Cell)> = seen
            .iter()
            .filter(|(row, _)| !inside.contains(row))
            .copied()
            .collect();
        let is_strip = has_full_row(&beside, |cell| {
            cell.plainly / (cell.variance + noise) > OTHER
        });
        let counted: Vec<f32> = seen
            .iter()
            .filter(|(row, _)| inside.contains(row) || counting == Rows::All)
            .map(|(_, cell)| differs(cell))
            .collect();
        let (flat, telling): (Vec<_>, Vec<_>) = seen
            .iter()
            .partition(|(_, cell)| cell.variance < FLAT * FLAT);
        let others = counted.iter().filter(|it| **it > OTHER).count();
        Cells {
            worst: counted.iter().copied().fold(0.0, f32::max),
            other: others as f32 / counted.len().max(1) as f32,
            strip: is_strip,
            usual: median(telling.iter().map(|(_, cell)| differs(cell))),
            flat: flat.len() as f32 / seen.len() as f32,
        }
    }

    /// For each pixel what is left between both, where the light may differ from place to place.
    fn apart(&self) -> Vec<f32> {
        let product = |a: &Grey, b: &Grey| {
            let values = a.values.iter().zip(&b.values).map(|(a, b)| a * b);
            let values = values.collect();
            Grey { values, ..*a }.mean(AROUND)
        };
        let means = [&self.inner, &self.outer].map(|grey| grey.mean(AROUND));
        let (both, squares) = (
            product(&self.inner, &self.outer),
            product(&self.outer, &self.outer),
        );
        let one = |at: usize| {
            let (mean, other) = (means[0].values[at], means[1].values[at]);
            let variance = (squares.values[at] - other * other).max(0.0) + NOISE;
            let gain = (both.values[at] - mean * other + NOISE) / variance;
            let gain = gain.clamp(LOCAL_GAIN.0, LOCAL_GAIN.1);
            self.inner.values[at] - mean - gain * (self.outer.values[at] - other)
        };
        (0..self.inner.values.len()).map(one).collect()
    }

    /// Nothing where less than all of it lies in both.
    fn cell(&self, apart: &[f32], column: usize, row: usize) -> Option<Cell> {
        let width = self.inner.width;
        let columns = column * CELL..((column + 1) * CELL).min(width);
        let (mut count, mut sums) = (0.0_f32, [0.0_f32; 6]);
        for y in row * CELL..((row + 1) * CELL).min(self.inner.height) {
            for at in columns.clone().map(|x| y * width + x) {
                if !self.is_there[at] {
                    return None;
                }
                let (a, b) = (self.inner.values[at], self.outer.values[at]);
                count += 1.0;
                let terms = [a, b, a * a, b * b, apart[at].powi(2), (a - b).powi(2)];
                sums.iter_mut()
                    .zip(terms)
                    .for_each(|(sum, term)| *sum += term);
            }
        }
        let [a, b, aa, bb, apart, plainly] = sums.map(|sum| sum / count);
        Some(Cell {
            apart,
            plainly,
            variance: (aa - a * a).max(bb - b * b).max(0.0),
        })
    }

    /// Gives one of both the other's tones, level by level: what was made brighter than white has lost what
    /// the other one shows there, so it is tried both ways.
    fn tone(&mut self, at: Range<usize>) {
        let one_way = |from: &Grey, to: &Grey| {
            let toned = toned(from, to, &self.is_there, at.clone());
            let all = toned.values.iter().zip(&to.values).zip(&self.is_there);
            let known = all.take(at.end).skip(at.start).filter(|(_, it)| **it);
            let apart = known.map(|((a, b), _)| (a - b).powi(2)).sum::<f32>();
            let contrast = deviation(&centred(to).values, &self.is_there);
            (apart / (contrast * contrast + NOISE), toned)
        };
        let (outer, inner) = (
            one_way(&self.outer, &self.inner),
            one_way(&self.inner, &self.outer),
        );
        if outer.0 <= inner.0 {
            self.outer = outer.1;
        } else {
            self.inner = inner.1;
        }
    }

    /// Smooths the sharper one until they are as alike as they become.
    fn sharpen_equally(&mut self, at: &Range<usize>) {
        let distance = |a: &Grey, b: &Grey| {
            let all = a.values.iter().zip(&b.values).zip(&self.is_there);
            let known = all.take(at.end).skip(at.start).filter(|(_, it)| **it);
            known.map(|((a, b), _)| (a - b).powi(2)).sum::<f32>()
        };
        let first = distance(&self.inner, &self.outer);
        // Equal as they are, but for compression.
        if first < 9.0 * at.len() as f32 {
            return;
        }
        let mut best = (first, None);
        for deviation in [0.7, 1.2, 1.8, 2.5] {
            let softer = (
                self.inner.smoothed(deviation),
                self.outer.smoothed(deviation),
            );
            let apart = (
                distance(&softer.0, &self.outer),
                distance(&self.inner, &softer.1),
            );
            if apart.0.min(apart.1) < 0.97 * best.0 {
                best = if apart.0 < apart.1 {
                    (apart.0, Some((softer.0, self.outer.clone())))
                } else {
                    (apart.1, Some((self.inner.clone(), softer.1)))
                };
            }
        }
        if let Some((inner, outer)) = best.1 {
            (self.inner, self.outer) = (inner, outer);
        }
    }
}

/// `from` with each of its levels made what `to` is there on average, in the pixels `at`.
fn toned(from: &Grey, to: &Grey, is_there: &[bool], at: Range<usize>) -> Grey {
    /// Levels of grey that become one.
    const STEP: f32 = 8.0;
    const LEVELS: usize = 33;
    let mut sums = [(0.0_f32, 0.0_f32, 0.0_f32); LEVELS];
    let both = from.values.iter().zip(&to.values).zip(is_there);
    let known = both.take(at.end).skip(at.start).filter(|(_, it)| **it);
    for ((from, to), _) in known {
        let sum = &mut sums[((from / STEP).round() as usize).min(LEVELS - 1)];
        sum.0 += 1.0;
        sum.1 += from;
        sum.2 += to;
    }
    // Of few pixels nothing is learned: as many that stay as they are count with them.
    let few = from.values.len() as f32 / 500.0;
    let moved = sums.map(|(count, from, to)| (to - from) / (count + few));
    let value = |value: &f32| {
        let at = (value / STEP).clamp(0.0, (LEVELS - 1) as f32);
        let first = (at as usize).min(LEVELS - 2);
        let part = at - first as f32;
        value + moved[first] * (1.0 - part) + moved[first + 1] * part
    };
    Grey {
        values: from.values.iter().map(value).collect(),
        ..*from
    }
}

fn centred(grey: &Grey) -> Grey {
    let mean = grey.values.iter().sum::<f32>() / grey.values.len() as f32;
    Grey {
        values: grey.values.iter().map(|value| value - mean).collect(),
        ..*grey
    }
}

/// Mean squares within a cell.
struct Cell {
    /// Of what is left where the light may differ.
    apart: f32,
    /// Of the difference as it is.
    plainly: f32,
    /// Of the more contrasty one.
    variance: f32,
}

/// Whether in one of these rows of cells many are other.
fn has_full_row(cells: &[(usize, &Cell)], is_other: impl Fn(&Cell) -> bool) -> bool {
    let is_full = |row: &[(usize, &Cell)]| {
        let others = row.iter().filter(|(_, cell)| is_other(cell)).count();
        others as f32 > FULL * row.len() as f32
    };
    cells.chunk_by(|a, b| a.0 == b.0).any(is_full)
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

fn detail(grey: &Grey, reach: usize) -> Grey {
    let mean = grey.mean(reach);
    let values = grey.values.iter().zip(&mean.values);
    Grey {
        values: values.map(|(value, mean)| value - mean).collect(),
        ..*grey
    }
}

/// Pearson's correlation where both are.
fn correlation(a: &[f32], b: &[f32], there: &[bool]) -> f32 {
    let (mut count, mut sums) = (0.0_f64, [0.0_f64; 5]);
    for ((a, b), _) in a.iter().zip(b).zip(there).filter(|(_, there)| **there) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        count += 1.0;
        let terms = [a, b, a * a, b * b, a * b];
        sums.iter_mut()
            .zip(terms)
            .for_each(|(sum, term)| *sum += term);
    }
    let [a, b, aa, bb, ab] = sums.map(|sum| sum / count.max(1.0));
    let product = (aa - a * a) * (bb - b * b);
    if product <= 1e-6 {
        return 0.0;
    }
    ((ab - a * b) / product.sqrt()) as f32
}

fn deviation(values: &[f32], there: &[bool]) -> f32 {
    let known = values.iter().zip(there).filter(|(_, it)| **it);
    let (count, squares) = known.fold((0.0, 0.0), |(count, squares), (value, _)| {
        (count + 1.0, squares + value * value)
    });
    (squares / f32::max(count, 1.0)).sqrt()
}
