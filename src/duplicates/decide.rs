//! Whether two pictures are the same photograph, by their pixels.

use std::sync::Arc;

use serde::Serialize;

use super::compare::{Cells, Laid, Likeness};
use super::grey::Grey;
use super::placing::{Placing, Shape, VIEWS};
use super::register::{Registered, Rows, refine, register};
use super::repeats::elsewhere;
use super::windows::{Hypothesis, Seen, Windows};

/// Longer sides at which pictures are laid over each other.
const SIZES: [usize; 3] = [16, 32, 64];
/// The same on the way to where they are compared.
const BETWEEN: [usize; 2] = [128, 256];
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
    /// The same at half of that size.
    pub const HOPELESS: f32 = 0.5;
    /// The same where a strip was left out.
    pub const BESIDE_A_STRIP: f32 = 0.93;
    /// Grey levels of detail: with less there is nothing to tell by.
    pub const CONTRAST: f32 = 3.0;
    /// Of the inner picture in the outer.
    pub const COVERED: f32 = 0.88;
    /// Of a side of the outer picture.
    pub const SIDE: f32 = 0.66;
    /// The most that a cell shows something else: in any picture, and where much of it is flat, as text is.
    pub const WORST: f32 = 0.85;
    pub const WORST_OF_FLAT: f32 = 0.65;
    /// What half of the cells differ by at most.
    pub const USUAL: f32 = 0.25;
    /// Grey levels by which a cell is lighter at most.
    pub const LIGHTER: f32 = 60.0;
    /// The worst cell differs by so many times what 99 of 100 cells do: more is one place that was
    /// changed, as a digit is.
    pub const ALONE: f32 = 8.0;
    /// The same of what half of them do, from this difference on.
    pub const ABOVE_USUAL: f32 = 15.0;
    pub const SMALL: f32 = 0.4;
    /// So little that it makes no ratio larger.
    pub const NOTHING: f32 = 0.01;
    /// With a worse cell the detail of the whole has to correlate by as much.
    pub const CLEAR: f32 = 0.2;
    pub const AS_A_WHOLE: f32 = 0.9;
    /// Where pixels had to be kept square all the same fits well: a step aside nearly does.
    pub const WORST_OF_SQUARE: f32 = 0.3;
    /// Where cells usually differ by no more, both are equal as they are but for what was changed.
    pub const EQUAL: f32 = 0.02;
    /// Less of the inner picture in the outer one, and each shows what the other does not.
    pub const WHOLE: f32 = 0.98;
    /// With more flat cells there is too little to tell where it lies: only as it is.
    pub const EMPTY: f32 = 0.93;
    /// The share of flat cells from which on a picture may be a page or a screen.
    pub const FLAT: f32 = 0.35;
    /// Where it lies over itself elsewhere with no more of all structure unlike, a picture repeats; a copy
    /// of it is unlike by no more than this part of that, or by so little that nothing else is.
    pub const REPEATED: f32 = 0.3;
    pub const OF_REPEATED: f32 = 0.25;
    pub const ALL_ALIKE: f32 = 0.01;
    /// With no more of all structure unlike, both lie exactly over each other.
    pub const EXACT: f32 = 0.003;
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

    fn aspect(&self) -> f32 {
        self.size.0.max(1) as f32 / self.size.1.max(1) as f32
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
    /// A picture so placed in itself.
    const fn at(placing: Placing) -> Self {
        Self {
            first_is_inner: true,
            state: Registered {
                placing,
                gain: 1.0,
                offset: 0.0,
                square: None,
            },
            rows: Rows::All,
            likeness: Likeness {
                correlation: 1.0,
                detail: 1.0,
                contrast: 0.0,
            },
            covered: 1.0,
        }
    }

    /// Whether a strip was left out.
    fn is_in_part(&self) -> bool {
        self.rows != Rows::All
    }
}

/// Decides; `readable` gives the first or the second picture again at [`READABLE`], where it is needed.
pub fn decide(a: &Look, b: &Look, readable: &dyn Fn(bool) -> Option<Arc<Grey>>) -> Verdict {
    let Some(mut found) = lay(a, b) else {
        return Verdict::Other;
    };
    let (inner, outer) = if found.first_is_inner { (a, b) } else { (b, a) };
    let Some((cells, shape)) = fitting(inner, outer, &mut found) else {
        return Verdict::Other;
    };
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
    if !is_told_from_itself(&inner.fine, &cells) {
        return Verdict::Other;
    }
    Verdict::Same(Change {
        turned: [0, 0, 180, 180, 90, 270, 270, 90][shape.view],
        mirrored: [false, true, false, true, true, false, true, false][shape.view],
        shows: found.state.placing.area().min(1.0),
        strip: cells.strip,
    })
}

/// What the cells say where they say that both are one: as they were laid; from there on once more,
/// with a strip only where one is; and with square pixels.
fn fitting(inner: &Look, outer: &Look, found: &mut Found) -> Option<(Cells, Shape)> {
    let shape = found.state.placing.shape(inner.sides(), outer.sides());
    if !is_copys(&shape, found.covered) || !is_alike(found) {
        return None;
    }
    for attempt in 0..3 {
        if attempt == 2 {
            found.state.square = Some((inner.aspect(), outer.aspect()));
        }
        let shape = found.state.placing.shape(inner.sides(), outer.sides());
        let Some((cells, state)) = cells(&inner.fine, &outer.fine, &shape, found) else {
            continue;
        };
        let shape = state.placing.shape(inner.sides(), outer.sides());
        if is_one(&cells, &shape, (inner, outer), found) {
            return Some((cells, shape));
        }
        // Laid as it should be; what differs is another thing.
        if cells.unlike <= limit::EXACT && !shows_one(&cells) {
            return None;
        }
        if !is_copys(&shape, found.covered) {
            continue;
        }
        found.state = state;
        if !cells.strip {
            found.rows = Rows::All;
        }
    }
    None
}

/// Whether cells and placing are those of a copy.
fn is_one(cells: &Cells, shape: &Shape, (inner, outer): (&Look, &Look), found: &Found) -> bool {
    // What differs here and there is alike as a whole: it was saved badly, and is nothing else.
    let is_clear = cells.worst <= limit::CLEAR || found.likeness.detail >= limit::AS_A_WHOLE;
    let is_as_large = shape.sides.iter().all(|side| (side - 1.0).abs() < 0.02);
    let is_whole = found.covered >= limit::WHOLE || shape.turn.abs() >= 1.0;
    let is_free = found.state.square.is_none() || cells.worst <= limit::WORST_OF_SQUARE;
    is_clear
        && is_free
        && (is_as_large || cells.flat <= limit::EMPTY)
        && (is_whole || is_certain(found, cells))
        && is_exactly_copys(shape, inner, outer)
        && shows_one(cells)
        && cells.strip == found.is_in_part()
}

/// Whether the picture lies worse over itself elsewhere, where it repeats, than over the other one.
fn is_told_from_itself(picture: &Grey, both: &Cells) -> bool {
    let own = || {
        let found = Found::at(elsewhere(picture)?);
        let shape = found.state.placing.shape((1.0, 1.0), (1.0, 1.0));
        let (cells, state) = cells(picture, picture, &shape, &found)?;
        let [right, down] = state.placing.shift;
        (right.hypot(down) > 0.03).then_some(cells.unlike)
    };
    both.unlike <= limit::ALL_ALIKE
        || own().is_none_or(|own| own > limit::REPEATED || both.unlike <= limit::OF_REPEATED * own)
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
    let guesses = guesses.into_iter();
    let whole = guesses.map(|(first_is_inner, guess)| (first_is_inner, guess.placing, Rows::All));
    // What is written over one of both would draw it aside.
    let beside_a_strip = windows.1.without_a_band(&a.seen).into_iter();
    let beside_a_strip = beside_a_strip.flat_map(|it| {
        let parts = [Rows::WithoutTop, Rows::WithoutBottom];
        parts.map(|rows| (true, it.placing, rows))
    });
    let guesses: Vec<Guess> = whole.chain(beside_a_strip).collect();
    let free = best(a, b, &guesses, false);
    let is_copy = |found: &Found| {
        let (inner, outer) = if found.first_is_inner { (a, b) } else { (b, a) };
        let shape = found.state.placing.shape(inner.sides(), outer.sides());
        is_copys(&shape, found.covered)
    };
    if free.as_ref().is_some_and(is_copy) {
        free
    } else {
        best(a, b, &guesses, true)
    }
}

/// Whether the first is the inner one, where it lies, and what counts of it.
type Guess = (bool, Placing, Rows);

/// The best of these, with square pixels or whatever pixels.
fn best(a: &Look, b: &Look, guesses: &[Guess], is_square: bool) -> Option<Found> {
    let mut best: Option<(f32, Found)> = None;
    for guess in guesses {
        let Some(found) = lay_so(a, b, *guess, is_square) else {
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

fn lay_so(
    a: &Look,
    b: &Look,
    (mut first_is_inner, guess, rows): Guess,
    is_square: bool,
) -> Option<(f32, Found)> {
    let (inner, outer) = if first_is_inner { (a, b) } else { (b, a) };
    let square = is_square.then(|| (inner.aspect(), outer.aspect()));
    let (coarse, fine) = (SIZES.len() - 1, SIZES.len());
    let mut state = register(
        &inner.small[..coarse],
        &outer.small[..coarse],
        guess,
        rows,
        square,
    )?;
    if is_hopeless(
        &inner.small[coarse - 1],
        &outer.small[coarse - 1],
        &state,
        rows,
    ) {
        return None;
    }
    state = refine(&inner.small[fine - 1], &outer.small[fine - 1], state, rows)?;
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

/// Whether what lies over each other at a small size is so little alike that more pixels will not make
/// one photograph of them.
fn is_hopeless(inner: &Grey, outer: &Grey, state: &Registered, rows: Rows) -> bool {
    let likeness = Laid::new(inner, outer, state).likeness(rows);
    likeness.correlation < limit::HOPELESS || likeness.detail < limit::HOPELESS
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

/// The same more strictly, where it is known to a fraction of a pixel: of the smaller picture, whose
/// sides were rounded.
fn is_exactly_copys(shape: &Shape, inner: &Look, outer: &Look) -> bool {
    let is_turned = shape.turn.abs() > 1.0;
    let short = |look: &Look| look.size.0.min(look.size.1).max(1) as f32;
    let pixel = short(inner).min(short(outer)).recip();
    shape.shear.abs() < 0.012 + 0.25 * pixel
        && shape.stretch < 1.02 + 0.5 * pixel
        && (!is_turned || shape.sides.iter().all(|side| (0.93..1.07).contains(side)))
}

/// Whether there is no doubt, where each of both shows what the other does not.
fn is_certain(found: &Found, cells: &Cells) -> bool {
    found.likeness.detail >= 0.97 && cells.worst <= 0.2 && cells.usual <= 0.03
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
fn cells(inner: &Grey, outer: &Grey, shape: &Shape, found: &Found) -> Option<(Cells, Registered)> {
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
    let mut state = found.state;
    for size in BETWEEN {
        if size < inner.long().max(outer.long()) {
            let (inner, outer) = (inner.within(size), outer.within(size));
            state = refine(&inner, &outer, state, found.rows)?;
        }
    }
    let state = refine(&inner, &outer, state, found.rows)?;
    let cells = Laid::new(&inner, &outer, &state).cells(found.rows);
    Some((cells, state))
}

/// Whether what is written in both is the same.
fn reads_alike(inner: &Grey, outer: &Grey, shape: &Shape, found: &Found) -> bool {
    let is_as_it_is = shape.view == 0
        && found.rows == Rows::All
        && shape.turn.abs() < 0.2
        && shape.sides.iter().all(|side| (side - 1.0).abs() < 0.004);
    if is_as_it_is && let Some(laid) = Laid::plainly(inner, outer) {
        let cells = laid.as_they_are(Rows::All);
        // What is equal but for one place needs no better look.
        if cells.usual <= limit::EQUAL && !shows_one(&cells) {
            return false;
        }
    }
    cells(inner, outer, shape, found).is_some_and(|(cells, _)| shows_one(&cells))
}

/// Whether all cells show the same: none by much, and none alone.
fn shows_one(cells: &Cells) -> bool {
    let most = if cells.flat >= limit::FLAT {
        limit::WORST_OF_FLAT
    } else {
        limit::WORST
    };
    let is_above = |times: f32, usual: f32| cells.worst > times * (usual + limit::NOTHING);
    let is_alone = is_above(limit::ALONE, cells.most)
        || (cells.worst > limit::SMALL && is_above(limit::ABOVE_USUAL, cells.usual));
    !is_alone
        && cells.worst <= most
        && cells.usual <= limit::USUAL
        && cells.lighter <= limit::LIGHTER
}
