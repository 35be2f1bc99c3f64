//! Whether two pictures are the same photograph, by their pixels.

use std::sync::Arc;

use serde::Serialize;

use super::compare::{Cells, Laid};
use super::grey::Grey;
use super::lay::{Found, Look, is_copys, lay};
use super::placing::{Placing, Shape, VIEWS};
use super::register::{Registered, Rows, refine};
use super::repeats::elsewhere;

/// Longer sides on the way from where they are laid over each other to where they are compared.
const BETWEEN: [usize; 2] = [128, 256];
/// The longer side at which those are compared of which much is flat: text has to be read to be told apart.
pub const READABLE: usize = 1600;

/// Thresholds; `benches/duplicates` set them on one half of its pictures.
mod limit {
    /// Correlation of what lies over each other, at 64 pixels.
    pub const CORRELATION: f32 = 0.85;
    pub const DETAIL: f32 = 0.7;
    /// The same where a strip was left out.
    pub const BESIDE_A_STRIP: f32 = 0.93;
    /// Grey levels of detail: with less there is nothing to tell by.
    pub const CONTRAST: f32 = 3.0;
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
    /// The same of all of one as all of the other: of what repeats another part hardly lies just so.
    pub const OF_REPEATED_AS_A_WHOLE: f32 = 0.7;
    pub const ALL_ALIKE: f32 = 0.01;
    /// What lies elsewhere than all on all has no more than this part unlike of what that has.
    pub const BETTER: f32 = 0.5;
    /// With no more of all structure unlike, both lie exactly over each other.
    pub const EXACT: f32 = 0.003;
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
    if !is_told_from_itself(&inner.fine, &cells, &found) {
        return Verdict::Other;
    }
    Verdict::Same(Change {
        turned: [0, 0, 180, 180, 90, 270, 270, 90][shape.view],
        mirrored: [false, true, false, true, true, false, true, false][shape.view],
        shows: found.state.placing.area().min(1.0),
        strip: cells.strip,
    })
}

/// What the cells say where they say that both are one: all on all; as they were laid; from there on once more,
/// with a strip only where one is; and with square pixels.
fn fitting(inner: &Look, outer: &Look, found: &mut Found) -> Option<(Cells, Shape)> {
    let shape = found.state.placing.shape(inner.sides(), outer.sides());
    if !is_copys(&shape, found.covered) || !is_alike(found) {
        return None;
    }
    if is_one_place_apart(&inner.fine, &outer.fine, &shape, found) {
        return None;
    }
    let mut unlike_as_a_whole = f32::INFINITY;
    if let Some(whole) = as_a_whole(found, &shape) {
        let shape = whole.state.placing.shape(inner.sides(), outer.sides());
        let (cells, _) = cells(&inner.fine, &outer.fine, &shape, &whole)?;
        if is_one(&cells, &shape, (inner, outer), &whole) {
            *found = whole;
            return Some((cells, shape));
        }
        unlike_as_a_whole = cells.unlike;
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
        let is_exact = cells.unlike <= limit::EXACT && !shows_one(&cells);
        let is_no_better = cells.unlike > limit::BETTER * unlike_as_a_whole;
        if is_exact || is_no_better || is_as_it_is(&shape, found) {
            return None;
        }
        if !is_copys(&shape, found.covered) {
            continue;
        }
        found.state = state;
        found.is_laid_finely = true;
        if !cells.strip {
            found.rows = Rows::All;
        }
    }
    None
}

/// All of one as all of the other, if it lies nearly so: nothing draws that aside, be it that all lies alike
/// along its stripes.
fn as_a_whole(found: &Found, shape: &Shape) -> Option<Found> {
    let placing = Placing::of_whole(shape.view);
    placing.is_near(&found.state.placing).then_some(Found {
        state: Registered {
            placing,
            square: None,
            ..found.state
        },
        covered: 1.0,
        ..*found
    })
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
fn is_told_from_itself(picture: &Grey, both: &Cells, found: &Found) -> bool {
    let part = if found.state.placing.is_whole() {
        limit::OF_REPEATED_AS_A_WHOLE
    } else {
        limit::OF_REPEATED
    };
    let own = || {
        let found = Found::at(elsewhere(picture)?);
        let shape = found.state.placing.shape((1.0, 1.0), (1.0, 1.0));
        let (cells, state) = cells(picture, picture, &shape, &found)?;
        let [right, down] = state.placing.shift;
        (right.hypot(down) > 0.03).then_some(cells.unlike)
    };
    both.unlike <= limit::ALL_ALIKE
        || own().is_none_or(|own| own > limit::REPEATED || both.unlike <= part * own)
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

/// Compares at the resolution that both have, laid over each other as well as it goes; the whole of one on
/// the whole of the other stays there.
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
    if !state.placing.is_whole() {
        let sizes = BETWEEN
            .into_iter()
            .filter(|size| !found.is_laid_finely && *size < inner.long().max(outer.long()));
        for size in sizes {
            let (inner, outer) = (inner.within(size), outer.within(size));
            state = refine(&inner, &outer, state, found.rows)?;
        }
        state = refine(&inner, &outer, state, found.rows)?;
    }
    let cells = Laid::new(&inner, &outer, &state).cells(found.rows);
    Some((cells, state))
}

/// Whether what is written in both is the same.
fn reads_alike(inner: &Grey, outer: &Grey, shape: &Shape, found: &Found) -> bool {
    !is_one_place_apart(inner, outer, shape, found)
        && cells(inner, outer, shape, found).is_some_and(|(cells, _)| shows_one(&cells))
}

/// Whether nothing was moved, so that there is no better place.
fn is_as_it_is(shape: &Shape, found: &Found) -> bool {
    shape.view == 0
        && found.rows == Rows::All
        && shape.turn.abs() < 0.2
        && shape.sides.iter().all(|side| (side - 1.0).abs() < 0.004)
}

/// Whether they lie over each other as they are, equal but for a place or two: that needs no better look.
fn is_one_place_apart(inner: &Grey, outer: &Grey, shape: &Shape, found: &Found) -> bool {
    is_as_it_is(shape, found)
        && Laid::plainly(inner, outer).is_some_and(|laid| {
            let cells = laid.as_they_are(Rows::All);
            cells.usual <= limit::EQUAL && !shows_one(&cells)
        })
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
    let is_missing = cells.flat >= limit::FLAT && cells.missing > limit::WORST_OF_FLAT;
    !is_alone
        && !is_missing
        && cells.worst <= most
        && cells.usual <= limit::USUAL
        && cells.lighter <= limit::LIGHTER
}
