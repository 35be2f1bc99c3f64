//! Whether two pictures that lie over each other are one photograph: what differs, and where.

use std::ops::Range;

use super::grey::Grey;
use super::register::{Registered, Rows, warped};

/// Pixels along a side of a cell.
const CELL: usize = 8;
/// Grey levels by which pixels of equal pictures may differ anywhere.
const NOISE: f32 = 8.0;
/// Grey levels by which pixels of pictures differ on average that were not made lighter or darker.
const EQUALLY_LIT: f32 = 2.0;
/// Fewer pixels are no cell.
const LEAST: f32 = 16.0;
/// How much the contrast may differ from cell to cell: recoloured, or too bright for white.
const GAIN: (f32, f32) = (0.5, 2.0);
/// From this share of what a cell shows on it shows something else.
const OTHER: f32 = 0.45;
/// Degrees from which on a picture was turned.
const TURNED: f32 = 0.8;
/// A cell with less contrast, in grey levels, is flat.
const FLAT: f32 = 3.0;
/// One with more tells how much cells usually differ.
const TELLING: f32 = 10.0;
/// One with more has what compression and noise do not take away or make,
const SHOWN: f32 = 24.0;
/// and one with no more than this part of its variance has nothing of it.
const MISSED: f32 = 0.1;
/// Luminances so near to black or white that what was darker or lighter still would be there too,
const BLOWN: (f32, f32) = (10.0, 245.0);
/// and in what share of a cell's pixels they are where it is, of what is beyond these in the other picture.
const BLOWN_SHARE: f32 = 0.7;
const NEARLY_BLOWN: (f32, f32) = (105.0, 150.0);
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
    /// The most that a cell shows other structure, as a share of all its structure.
    pub worst: f32,
    /// The same where only one of both shows any: no more than half of it counts in the others, since it may
    /// have been lost.
    pub missing: f32,
    /// What all but one of a hundred cells differ by at most.
    pub most: f32,
    /// What half of the cells differ by at most, of those with much structure.
    pub usual: f32,
    /// The most that a cell is lighter or darker, in grey levels.
    pub lighter: f32,
    /// Whether, in the rows that do not count, there is one in which much is something else.
    pub strip: bool,
    /// The share of flat cells.
    pub flat: f32,
    /// The share of all structure that is something else.
    pub unlike: f32,
}

/// Two pictures of one size, laid over each other.
pub struct Laid {
    inner: Grey,
    /// The outer picture with gain and offset; where it is not, the inner one.
    outer: Grey,
    is_there: Vec<bool>,
    /// As they were laid, in one light.
    blown: Vec<Blown>,
    /// Whether what lies in the corners may be what a turn left over.
    is_turned: bool,
}

/// Whether a pixel of either picture is black, or white, so that nothing darker or lighter shows.
#[derive(Clone, Copy)]
struct Blown {
    black: [bool; 2],
    white: [bool; 2],
}

impl Blown {
    fn of(inner: f32, outer: f32) -> Self {
        Self {
            black: [inner, outer].map(|it| it <= BLOWN.0),
            white: [inner, outer].map(|it| it >= BLOWN.1),
        }
    }
}

impl Laid {
    pub fn new(inner: &Grey, outer: &Grey, state: &Registered) -> Self {
        let there = warped(inner, outer, state);
        let blown = there.iter().zip(&inner.values);
        let blown = blown.map(|(outer, own)| Blown::of(*own, outer.unwrap_or(*own)));
        let size = |grey: &Grey| (grey.width as f32, grey.height as f32);
        let values = there.iter().zip(&inner.values);
        let values = values.map(|(outer, own)| outer.map_or(*own, |it| it.clamp(0.0, 255.0)));
        Self {
            outer: Grey {
                values: values.collect(),
                ..*inner
            },
            is_there: there.iter().map(Option::is_some).collect(),
            blown: blown.collect(),
            is_turned: state.placing.shape(size(inner), size(outer)).turn.abs() >= TURNED,
            inner: inner.clone(),
        }
    }

    /// Two of one size and nearly one light, as they are; nothing where they are not.
    pub fn plainly(a: &Grey, b: &Grey) -> Option<Self> {
        if (a.width, a.height) != (b.width, b.height) {
            return None;
        }
        let pixels = a.values.iter().zip(&b.values);
        let apart = pixels.map(|(a, b)| (a - b).abs()).sum::<f32>();
        (apart <= EQUALLY_LIT * a.values.len() as f32).then(|| Self {
            inner: a.clone(),
            outer: b.clone(),
            is_there: vec![true; a.values.len()],
            blown: a
                .values
                .iter()
                .zip(&b.values)
                .map(|(a, b)| Blown::of(*a, *b))
                .collect(),
            is_turned: false,
        })
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
        let fine = [&self.inner, &self.outer].map(|grey| grey.detail(reach));
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
        self.as_they_are(counting)
    }

    /// The same without making tones and sharpness equal first.
    pub fn as_they_are(&self, counting: Rows) -> Cells {
        let (width, height) = (self.inner.width, self.inner.height);
        let at = counting.of(height);
        let is_last = at.end == height;
        let end = if is_last {
            height.div_ceil(CELL)
        } else {
            at.end / CELL
        };
        let inside = at.start.div_ceil(CELL)..end;
        let rows = (0..height.div_ceil(CELL)).map(|row| {
            let cells = (0..width.div_ceil(CELL)).filter_map(|column| self.cell(column, row));
            (row, cells.collect::<Vec<Cell>>())
        });
        let (counted, beside): (Vec<_>, Vec<_>) = rows.partition(|(row, _)| inside.contains(row));
        let counted: Vec<Cell> = counted.into_iter().flat_map(|it| it.1).collect();
        let apart = quantile(counted.iter().map(|cell| cell.apart), 0.5);
        let noise = 4.0 * apart + NOISE * NOISE;
        let is_other = |cell: &Cell| cell.plainly / (cell.variance + noise) > OTHER;
        let is_full = |row: &[Cell]| {
            let others = row.iter().filter(|cell| is_other(cell)).count();
            others as f32 > FULL * row.len() as f32
        };
        let differs = |cell: &Cell| cell.apart / (cell.variance + NOISE * NOISE);
        let telling = counted.iter().filter(|it| it.variance >= TELLING * TELLING);
        let flat = counted
            .iter()
            .filter(|it| it.variance < FLAT * FLAT)
            .count();
        Cells {
            worst: quantile(counted.iter().map(differs), 1.0),
            missing: quantile(counted.iter().map(|cell| cell.missing), 1.0),
            most: quantile(counted.iter().map(differs), 0.99),
            usual: quantile(telling.map(differs), 0.5),
            lighter: quantile(counted.iter().map(|cell| cell.lighter), 1.0),
            strip: beside.iter().any(|(_, row)| is_full(row)),
            flat: flat as f32 / counted.len().max(1) as f32,
            unlike: counted.iter().map(|cell| cell.apart).sum::<f32>()
                / counted
                    .iter()
                    .map(|cell| cell.variance)
                    .sum::<f32>()
                    .max(1.0),
        }
    }

    /// Nothing where less than all of it lies in both, or it is but the rest of one.
    fn cell(&self, column: usize, row: usize) -> Option<Cell> {
        let width = self.inner.width;
        let columns = column * CELL..((column + 1) * CELL).min(width);
        let (mut count, mut sums) = (0.0_f32, [0.0_f32; 5]);
        let (mut white, mut black) = ([0.0_f32; 2], [0.0_f32; 2]);
        for y in row * CELL..((row + 1) * CELL).min(self.inner.height) {
            for at in columns.clone().map(|x| y * width + x) {
                if !self.is_there[at] {
                    return None;
                }
                let (a, b) = (self.inner.values[at], self.outer.values[at]);
                count += 1.0;
                for (of, blown) in [
                    (&mut white, self.blown[at].white),
                    (&mut black, self.blown[at].black),
                ] {
                    of.iter_mut()
                        .zip(blown)
                        .for_each(|(of, it)| *of += f32::from(u8::from(it)));
                }
                let terms = [a, b, a * a, b * b, a * b];
                sums.iter_mut().zip(terms).for_each(|(sum, it)| *sum += it);
            }
        }
        let [a, b, aa, bb, ab] = sums.map(|sum| sum / count);
        let (own, other, both) = ((aa - a * a).max(0.0), (bb - b * b).max(0.0), ab - a * b);
        let ways = (left(own, other, both), left(other, own, both));
        // What shows something, and the number of the one that may lack it.
        let (light, contrast, without) = if own > other {
            (a, own.sqrt(), 1)
        } else {
            (b, other.sqrt(), 0)
        };
        let is_all = |blown: [f32; 2]| blown[without] >= BLOWN_SHARE * count;
        let is_blown = is_all(white) && light - contrast >= NEARLY_BLOWN.1
            || is_all(black) && light + contrast <= NEARLY_BLOWN.0;
        let is_missing = contrast >= SHOWN && own.min(other) < MISSED * own.max(other);
        Some(Cell {
            apart: ways.0.min(ways.1),
            missing: if is_missing && !is_blown && !self.is_turned {
                ways.0.max(ways.1) / (own.max(other) + NOISE * NOISE)
            } else {
                0.0
            },
            plainly: aa - 2.0 * ab + bb,
            lighter: (a - b).abs(),
            variance: own.max(other),
        })
        .filter(|_| count >= LEAST)
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
            // Where more no longer helps, still more does not.
            if apart.0.min(apart.1) >= 0.97 * best.0 {
                break;
            }
            best = if apart.0 < apart.1 {
                (apart.0, Some((softer.0, self.outer.clone())))
            } else {
                (apart.1, Some((self.inner.clone(), softer.1)))
            };
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
        // To the nearest: luminances are not negative.
        let sum = &mut sums[((from / STEP + 0.5) as i32 as usize).min(LEVELS - 1)];
        sum.0 += 1.0;
        sum.1 += from;
        sum.2 += to;
    }
    // Of few pixels nothing is learned: as many that stay as they are count with them.
    let few = from.values.len() as f32 / 500.0;
    let moved = sums.map(|(count, from, to)| (to - from) / (count + few));
    let value = |value: &f32| {
        let at = (value / STEP).clamp(0.0, (LEVELS - 1) as f32);
        let first = (at as i32 as usize).min(LEVELS - 2);
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

/// What is in a cell, in squares of grey levels.
struct Cell {
    /// What is left of one where the other, with some light, is taken away.
    apart: f32,
    /// As [`Cells::missing`].
    missing: f32,
    /// The mean square of the difference as it is.
    plainly: f32,
    /// Grey levels between the means.
    lighter: f32,
    /// Of the more contrasty one.
    variance: f32,
}

/// The variance that is left of one where the other with the best gain is taken away.
fn left(own: f32, other: f32, both: f32) -> f32 {
    let gain = (both / (other + 1.0)).clamp(GAIN.0, GAIN.1);
    (own - 2.0 * gain * both + gain * gain * other).max(0.0)
}

/// What a part of all is at most; nothing of nothing.
fn quantile(values: impl Iterator<Item = f32>, part: f32) -> f32 {
    let mut values: Vec<f32> = values.collect();
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f32 * part) as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
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
