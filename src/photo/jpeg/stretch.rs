//! A component's rows made as wide and as many as the picture's, as libjpeg-turbo does by default
//! (`fancy upsampling`): twice as many by weights of 3 to 1, any other number by repetition.

use super::layout::{Component, Layout, Ratio};

/// How the rows of one component become the picture's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stretch {
    /// They are.
    None,
    /// Twice as many columns, smoothly.
    Across,
    /// Twice as many rows, smoothly.
    Down,
    /// Both.
    Both,
    /// Repeated, or some left out.
    Repeated(Ratio, Ratio),
}

impl Stretch {
    /// For a component of `layout`.
    pub const fn of(component: &Component, layout: &Layout) -> Self {
        let (across, down) = component.stretch;
        let is_smooth = layout.eighths > 1;
        // Too narrow a picture has no middle.
        let is_smooth_across = is_smooth && across.is(2) && component.pixels.0 > 2;
        if across.is(1) && down.is(1) {
            Self::None
        } else if is_smooth_across && down.is(1) {
            Self::Across
        } else if is_smooth_across && down.is(2) {
            Self::Both
        } else if is_smooth && across.is(1) && down.is(2) {
            Self::Down
        } else {
            Self::Repeated(across, down)
        }
    }

    /// Whether a row needs the one below it.
    pub const fn looks_below(self) -> bool {
        matches!(self, Self::Down | Self::Both)
    }

    /// The component's row nearest to row `y` of the picture, and for smooth ones the one next to it on
    /// the other side. `rows` is how many there are.
    pub fn rows_for(self, y: usize, rows: usize) -> (usize, usize) {
        let last = rows.saturating_sub(1);
        match self {
            Self::None | Self::Across => (y.min(last), y.min(last)),
            Self::Down | Self::Both => {
                let near = y / 2;
                let other = if y.is_multiple_of(2) {
                    near.saturating_sub(1)
                } else {
                    near + 1
                };
                (near.min(last), other.min(last))
            }
            Self::Repeated(_, down) => {
                let row = down.nearest(y).min(last);
                (row, row)
            }
        }
    }
}

/// `row` with twice as many columns; `out` may be shorter or longer by one.
#[inline(always)]
pub fn across(row: &[u8], out: &mut [u8]) {
    let count = row.len();
    let value = |at: usize| u16::from(row[at]);
    if let [first, .., last] = row {
        let twice =
            |at: usize, other: usize, bias: u16| ((3 * value(at) + value(other) + bias) >> 2) as u8;
        put(out, 0, *first);
        put(out, 1, twice(0, 1, 2));
        put(out, 2 * count - 2, twice(count - 1, count - 2, 1));
        put(out, 2 * count - 1, *last);
        let middle = row[1..].windows(2).zip(row.iter());
        let pairs = out.get_mut(2..).unwrap_or_default().as_chunks_mut::<2>().0;
        for (pair, (window, before)) in pairs.iter_mut().zip(middle) {
            let (before, here, after) = (
                u16::from(*before),
                3 * u16::from(window[0]),
                u16::from(window[1]),
            );
            *pair = [
                ((here + before + 1) >> 2) as u8,
                ((here + after + 2) >> 2) as u8,
            ];
        }
    }
}

/// A row between `near` and `other`, nearer to the first; `is_above` if it lies above it.
#[inline(always)]
pub fn down(near: &[u8], other: &[u8], is_above: bool, out: &mut [u8]) {
    let bias = if is_above { 1 } else { 2 };
    for ((near, other), out) in near.iter().zip(other).zip(out) {
        *out = ((3 * u16::from(*near) + u16::from(*other) + bias) >> 2) as u8;
    }
}

/// Both; `sums` has room for a row's sums.
#[inline(always)]
pub fn both(near: &[u8], other: &[u8], sums: &mut [u16], out: &mut [u8]) {
    let count = near.len();
    let sums = &mut sums[..count];
    for ((near, other), sum) in near.iter().zip(other).zip(sums.iter_mut()) {
        *sum = 3 * u16::from(*near) + u16::from(*other);
    }
    if let [first, .., last] = *sums {
        put(out, 0, ((4 * first + 8) >> 4) as u8);
        put(out, 1, ((3 * first + sums[1] + 7) >> 4) as u8);
        put(
            out,
            2 * count - 2,
            ((3 * last + sums[count - 2] + 8) >> 4) as u8,
        );
        put(out, 2 * count - 1, ((4 * last + 7) >> 4) as u8);
        let pairs = out.get_mut(2..).unwrap_or_default().as_chunks_mut::<2>().0;
        for (pair, window) in pairs.iter_mut().zip(sums.windows(3)) {
            let here = 3 * window[1];
            *pair = [
                ((here + window[0] + 8) >> 4) as u8,
                ((here + window[2] + 7) >> 4) as u8,
            ];
        }
    }
}

/// `row` with its columns repeated.
pub fn repeated(row: &[u8], across: Ratio, out: &mut [u8]) {
    let last = row.len().saturating_sub(1);
    for (x, out) in out.iter_mut().enumerate() {
        *out = row[across.nearest(x).min(last)];
    }
}

#[inline(always)]
fn put(out: &mut [u8], at: usize, value: u8) {
    if let Some(out) = out.get_mut(at) {
        *out = value;
    }
}
