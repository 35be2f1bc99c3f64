//! How two pictures lie in each other, at a small size.

use super::compare::{Laid, Likeness};
use super::grey::Grey;
use super::placing::{Placing, Shape};
use super::register::{Registered, Rows, refine, register};
use super::windows::{Hypothesis, Seen, Windows};

/// Longer sides at which pictures are laid over each other.
const SIZES: [usize; 3] = [16, 32, 64];
/// The longer side at which they are compared cell by cell.
const FINE: usize = 512;
/// The same for pictures that are hardly larger: their own size.
pub const OWN: usize = 800;
/// Guesses that are tried.
const GUESSES: usize = 3;
/// So alike that no other guess need be tried.
const SURE: f32 = 0.97;
/// Correlation at half of the largest of these sizes with less of which more pixels show no copy.
const HOPELESS: f32 = 0.5;
/// Of the inner picture in the outer.
const COVERED: f32 = 0.88;
/// Of a side of the outer picture.
const SIDE: f32 = 0.66;

/// A picture as it is compared.
#[derive(Clone, Debug)]
pub struct Look {
    pub seen: Seen,
    /// Pixels of the whole picture.
    pub size: (u32, u32),
    small: Vec<Grey>,
    /// At the size at which pictures are compared.
    pub fine: Grey,
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

    /// Width and height.
    pub fn sides(&self) -> (f32, f32) {
        (self.size.0 as f32, self.size.1 as f32)
    }

    /// Width by height.
    pub fn aspect(&self) -> f32 {
        self.size.0.max(1) as f32 / self.size.1.max(1) as f32
    }

    /// Whether a larger decoding would show more.
    pub const fn is_small(&self) -> bool {
        self.size.0 as usize <= OWN && self.size.1 as usize <= OWN
    }
}

/// How two pictures lie in each other.
pub struct Found {
    /// Whether the first is the inner one.
    pub first_is_inner: bool,
    pub state: Registered,
    /// What counts of it.
    pub rows: Rows,
    pub likeness: Likeness,
    /// The share of the inner picture that lies in the outer.
    pub covered: f32,
    /// Whether it is laid so by all their pixels, not by a few.
    pub is_laid_finely: bool,
}

impl Found {
    /// A picture so placed in itself.
    pub const fn at(placing: Placing) -> Self {
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
            is_laid_finely: false,
        }
    }

    /// Whether a strip was left out.
    pub fn is_in_part(&self) -> bool {
        self.rows != Rows::All
    }
}

/// Lays them over each other, in the best way of those that their signatures suggest.
pub fn lay(a: &Look, b: &Look) -> Option<Found> {
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
        is_laid_finely: false,
    };
    Some((score, found))
}

/// Whether what lies over each other at a small size is so little alike that more pixels will not make
/// one photograph of them.
fn is_hopeless(inner: &Grey, outer: &Grey, state: &Registered, rows: Rows) -> bool {
    let likeness = Laid::new(inner, outer, state).likeness(rows);
    likeness.correlation < HOPELESS || likeness.detail < HOPELESS
}

/// Whether the placing is one that a copy has: not sheared, hardly turned but by quarters, and with most
/// of the outer picture in it.
pub fn is_copys(shape: &Shape, covered: f32) -> bool {
    shape.turn.abs() < 7.0
        && shape.shear.abs() < 0.035
        && shape.stretch < 1.05
        && covered > COVERED
        && shape.sides.iter().all(|side| (SIDE..1.12).contains(side))
}
