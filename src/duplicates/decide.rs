//! Whether two pictures are the same photograph, by their pixels.

use std::sync::Arc;

use serde::Serialize;

use super::compare::{Cells, Laid, Likeness, Rows, plainly};
use super::grey::Grey;
use super::placing::{Placing, Shape, VIEWS};
use super::register::{Registered, refine, register};
use super::windows::{Hypothesis, Seen, Windows};

/// Longer sides at which pictures are laid over each other.
const SIZES: [usize; 3] = [16, 32, 64];
/// The longer side at which they are compared cell by cell.
const FINE: usize = 512;
/// The same for pictures that are hardly larger: their own size.
pub const OWN: usize = 800;
/// The same for pictures of which much is flat: text has to be read to be told apart.
pub const READABLE: usize = 1600;
/// Guesses that are tried.
const GUESSES: usize = 3;
/// So alike that no other guess need be tried.
const SURE: f32 = 0.97;

/// Thresholds; `benches/duplicates` set them on one half of its pictures.
mod limit {
    /// Correlation of what lies over each other, at 64 pixels.
    pub const CORRELATION: f32 = 0.85;
    pub const DETAIL: f32 = 0.7;
    /// The same where a strip was left out.
    pub const BESIDE_A_STRIP: f32 = 0.93;
    /// Grey levels of detail: with less there is nothing to tell by.
    pub const CONTRAST: f32 = 3.0;
    /// Of the inner picture in the outer.
    pub const COVERED: f32 = 0.88;
    /// Of a side of the outer picture.
    pub const SIDE: f32 = 0.66;
    /// The largest differences of a cell: in any picture, and where much of it is flat, as text is.
    pub const WORST: f32 = 1.1;
    pub const WORST_OF_FLAT: f32 = 0.4;
    /// Where cells usually differ by no more, both are equal as they are but for what was changed.
    pub const EQUAL: f32 = 0.05;
    /// The worst cell then, and how much more for what cells usually differ by.
    pub const PLAIN: (f32, f32) = (0.08, 20.0);
    /// Less of the inner picture in the outer one, and each shows what the other does not.
    pub const WHOLE: f32 = 0.98;
    /// Or the worst cell differs by so many times what cells usually do, where much is flat.
    pub const SPIKE: f32 = 14.0;
    /// The share of cells that show something else.
    pub const OTHER: f32 = 0.02;
    /// The share of flat cells from which on a picture may be a page or a screen.
    pub const FLAT: f32 = 0.35;
}

/// A picture as it is compared.
#[derive(Clone, Debug)]
pub struct Look {
    pub seen: Seen,
    /// Pixels of the whole picture.
    pub size: (u32, u32),
    small: Vec<Grey>,
    fine: Grey,
}

impl Look {
    /// Of a decoded picture.
    pub fn new(seen: Seen, size: (u32, u32), grey: &Grey) -> Self {
        let fine = if grey.long() <= OWN {
            grey.clone()
        } else {
            grey.within(FINE)
        };
        Self {
            seen,
            size,
            small: SIZES.map(|size| fine.within(size)).to_vec(),
            fine,
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let greys = self.small.iter().chain([&self.fine]);
        1024 + greys.map(|grey| 4 * grey.values.len()).sum::<usize>()
    }

    fn sides(&self) -> (f32, f32) {
        (self.size.0 as f32, self.size.1 as f32)
    }

    /// Whether a larger decoding would show more.
    const fn is_small(&self) -> bool {
        self.size.0 as usize <= OWN && self.size.1 as usize <= OWN
    }
}

/// What was done to one of two pictures to make it the other, as far as one sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    /// Degrees by which it is turned: 0, 90, 180 or 270.
    pub turned: u32,
    /// Whether left and right are exchanged (before it is turned).
    pub mirrored: bool,
    /// The part of the larger picture's area that the smaller one shows.
    pub shows: f32,
    /// Whether a strip at one edge is something else.
    pub strip: bool,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Same(Change),
    Other,
}

/// How two pictures lie in each other.
struct Found {
    /// Whether the first is the inner one.
    first_is_inner: bool,
    state: Registered,
    rows: Rows,
    likeness: Likeness,
    covered: f32,
}

impl Found {
    /// Whether a strip was left out.
    fn is_in_part(&self) -> bool {
        self.rows != Rows::All
    }
}

/// Decides; `readable` gives the first or the second picture again at [`READABLE`], where it is needed.
pub fn decide(a: &Look, b: &Look, readable: &dyn Fn(bool) -> Option<Arc<Grey>>) -> Verdict {
    let Some(found) = lay(a, b) else {
        return Verdict::Other;
    };
    let (inner, outer) = if found.first_is_inner { (a, b) } else { (b, a) };
    let shape = found.state.placing.shape(inner.sides(), outer.sides());
    if !is_copys(&shape, found.covered) || !is_alike(&found) {
        return Verdict::Other;
    }
    let Some((cells, placing)) = cells(&inner.fine, &outer.fine, &shape, &found) else {
        return Verdict::Other;
    };
    let shape = placing.shape(inner.sides(), outer.sides());
    let is_copy = is_exactly_copys(&shape) && fits(&cells) && cells.strip == found.is_in_part();
    if !is_copy
        || (found.covered < limit::WHOLE && shape.turn.abs() < 1.0 && !is_certain(&found, &cells))
    {
        return Verdict::Other;
    }
    if cells.flat >= limit::FLAT {
        let both = if inner.is_small() && outer.is_small() {
            Some((Arc::new(inner.fine.clone()), Arc::new(outer.fine.clone())))
        } else {
            readable(found.first_is_inner).zip(readable(!found.first_is_inner))
        };
        let reads =
            |(inner, outer): (Arc<Grey>, Arc<Grey>)| reads_alike(&inner, &outer, &shape, &found);
        if !both.is_some_and(reads) {
            return Verdict::Other;
        }
    }
    Verdict::Same(Change {
        turned: [0, 0, 180, 180, 90, 270, 270, 90][shape.view],
        mirrored: [false, true, false, true, true, false, true, false][shape.view],
        shows: found.state.placing.area().min(1.0),
        strip: cells.strip,
    })
}

/// Lays them over each other, in the best way of those that their signatures suggest.
fn lay(a: &Look, b: &Look) -> Option<Found> {
    let windows = (Windows::of(&a.seen), Windows::of(&b.seen));
    let of_first = windows
        .1
        .hypotheses(&a.seen)
        .into_iter()
        .map(|it| (true, it));
    let of_second = windows
        .0
        .hypotheses(&b.seen)
        .into_iter()
        .map(|it| (false, it));
    let mut guesses: Vec<(bool, Hypothesis)> = of_first.chain(of_second).collect();
    guesses.sort_by(|a, b| b.1.correlation.total_cmp(&a.1.correlation));
    guesses.truncate(GUESSES);
    guesses.extend(windows.1.without_a_band(&a.seen).map(|it| (true, it)));
    let mut best: Option<(f32, Found)> = None;
    for (first_is_inner, guess) in guesses {
        let Some(found) = lay_so(a, b, first_is_inner, guess.placing) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| found.0 > best.0) {
            best = Some(found);
        }
        if best.as_ref().is_some_and(|best| best.0 > SURE) {
            break;
        }
    }
    best.map(|(_, found)| found)
}

fn lay_so(a: &Look, b: &Look, mut first_is_inner: bool, guess: Placing) -> Option<(f32, Found)> {
    let (inner, outer) = if first_is_inner { (a, b) } else { (b, a) };
    let mut state = register(&inner.small, &outer.small, guess)?;
    if state.placing.area() > 1.0 {
        state = state.inverse()?;
        first_is_inner = !first_is_inner;
    }
    let (inner, outer) = if first_is_inner { (a, b) } else { (b, a) };
    let laid = Laid::new(inner.small.last()?, outer.small.last()?, &state);
    let covered = laid.covered();
    let each = Rows::EACH.map(|rows| {
        let likeness = laid.likeness(rows);
        // A strip is believed in where it explains much.
        let cost = if rows == Rows::All { 0.0 } else { 0.05 };
        (
            likeness.correlation.min(likeness.detail) - cost,
            rows,
            likeness,
        )
    });
    let (score, rows, likeness) = each.into_iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let found = Found {
        first_is_inner,
        state,
        rows,
        likeness,
        covered,
    };
    Some((score, found))
}

/// Whether the placing is one that a copy has: not sheared, hardly turned but by quarters, and with most
/// of the outer picture in it.
fn is_copys(shape: &Shape, covered: f32) -> bool {
    shape.turn.abs() < 7.0
        && shape.shear.abs() < 0.035
        && shape.stretch < 1.05
        && covered > limit::COVERED
        && shape
            .sides
            .iter()
            .all(|side| (limit::SIDE..1.12).contains(side))
}

/// The same more strictly, where it is known to a fraction of a pixel.
fn is_exactly_copys(shape: &Shape) -> bool {
    let is_turned = shape.turn.abs() > 1.0;
    shape.shear.abs() < 0.012
        && shape.stretch < 1.02
        && (!is_turned || shape.sides.iter().all(|side| (0.93..1.07).contains(side)))
}

/// Whether there is no doubt, where each of both shows what the other does not.
fn is_certain(found: &Found, cells: &Cells) -> bool {
    found.likeness.detail >= 0.97
        && cells.worst <= 0.6
        && cells.other <= 0.003
        && cells.usual <= 0.06
}

fn is_alike(found: &Found) -> bool {
    let likeness = &found.likeness;
    let (correlation, detail) = if found.rows == Rows::All {
        (limit::CORRELATION, limit::DETAIL)
    } else {
        (limit::BESIDE_A_STRIP, limit::BESIDE_A_STRIP)
    };
    likeness.correlation >= correlation
        && likeness.detail >= detail
        && likeness.contrast >= limit::CONTRAST
}

/// Compares at the resolution that both have.
fn cells(inner: &Grey, outer: &Grey, shape: &Shape, found: &Found) -> Option<(Cells, Placing)> {
    let along = if VIEWS[shape.view][0] == 0.0 {
        inner.height
    } else {
        inner.width
    };
    let density = outer.width as f32 * shape.sides[0] / along as f32;
    let shrunk = |grey: &Grey, by: f32| {
        let long = (grey.long() as f32 * by).round().max(8.0);
        grey.within(long as usize)
    };
    let (inner, outer) = if density < 1.0 {
        (shrunk(inner, density), outer.clone())
    } else {
        (inner.clone(), shrunk(outer, density.recip()))
    };
    let state = refine(&inner, &outer, found.state)?;
    let cells = Laid::new(&inner, &outer, &state).cells(found.rows);
    Some((cells, state.placing))
}

/// Whether what is written in both is the same.
fn reads_alike(inner: &Grey, outer: &Grey, shape: &Shape, found: &Found) -> bool {
    let is_as_it_is = shape.view == 0
        && found.rows == Rows::All
        && shape.turn.abs() < 0.2
        && shape.sides.iter().all(|side| (side - 1.0).abs() < 0.004);
    if is_as_it_is
        && let Some((worst, usual)) = plainly(inner, outer)
        && usual <= limit::EQUAL
    {
        // What is equal but for one place needs no better look.
        return worst <= limit::PLAIN.0 + limit::PLAIN.1 * usual;
    }
    let read = cells(inner, outer, shape, found);
    read.is_some_and(|(cells, _)| {
        let is_even = cells.worst <= limit::WORST_OF_FLAT
            || cells.worst <= limit::SPIKE * (cells.usual + 0.02);
        is_even && fits(&cells)
    })
}

/// Whether all cells show the same.
fn fits(cells: &Cells) -> bool {
    cells.worst <= limit::WORST && cells.other <= limit::OTHER
}
