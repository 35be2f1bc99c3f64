//! How two pictures may lie in each other, by their signatures alone: one of the eight views of one in a
//! window of the other, for what was cropped, framed or had a line added.

use std::cell::OnceCell;

use super::placing::{Placing, VIEWS};

/// Cells along a side of a signature.
const SIDE: usize = 11;
const CELLS: usize = SIDE * SIDE;

/// The parts of a side that are looked at, shortest last: all of it, and shorter ones at three places.
const PARTS: [f32; 6] = [1.0, 0.94, 0.87, 0.8, 0.74, 0.68];
/// Places of a shorter part: how much of what is cut is cut in front, in quarters. Every second is looked
/// at first.
const PLACES: [u8; 5] = [2, 0, 4, 1, 3];
/// How much longer than wide one window may make a pixel; more is no crop.
const STRETCH: f32 = 1.07;

/// A signature to be compared with others: its numbers less their mean and of length 1, and the
/// picture's width by its height.
#[derive(Clone, Debug)]
pub struct Seen {
    cells: [f32; CELLS],
    aspect: f32,
}

/// A signature through each window; each is made when it is looked through first.
pub struct Windows {
    outer: Seen,
    sizes: Vec<Size>,
}

/// The windows of one size.
struct Size {
    width: f32,
    height: f32,
    windows: Vec<Window>,
}

/// A window with the signature that it has.
struct Window {
    columns: (f32, f32),
    rows: (f32, f32),
    /// Across and down, as in [`PLACES`].
    places: [u8; 2],
    cells: OnceCell<Box<[f32; CELLS]>>,
}

/// How a picture may lie in another.
#[derive(Clone, Copy, Debug)]
pub struct Hypothesis {
    pub placing: Placing,
    /// Of the two signatures then.
    pub correlation: f32,
}

impl Seen {
    /// Of a signature's bytes.
    pub fn of(bytes: &[u8], aspect: f32) -> Self {
        let mut cells = [0.0; CELLS];
        for (cell, byte) in cells.iter_mut().zip(bytes) {
            *cell = f32::from(byte.cast_signed());
        }
        let cells = normalized(cells);
        Self { cells, aspect }
    }

    /// How alike both are as wholes, in the best of the eight views.
    pub fn correlation(&self, other: &Self) -> f32 {
        let views = (0..VIEWS.len()).map(|view| product(&seen_so(&self.cells, view), &other.cells));
        views.fold(-1.0, f32::max)
    }
}

impl Windows {
    /// Of a signature that others may lie in.
    pub fn of(outer: &Seen) -> Self {
        let places = |part: f32| {
            let count = if part < 1.0 { PLACES.len() } else { 1 };
            PLACES[..count].iter().map(move |place| {
                let start = (1.0 - part) * f32::from(*place) / 4.0;
                (*place, (start, start + part))
            })
        };
        let windows = |width: f32, height: f32| {
            let all =
                places(width).flat_map(|columns| places(height).map(move |rows| (columns, rows)));
            let window = all.map(|((across, columns), (down, rows))| Window {
                columns,
                rows,
                places: [across, down],
                cells: OnceCell::new(),
            });
            window.collect()
        };
        let sizes = PARTS
            .iter()
            .flat_map(|width| PARTS.map(|height| (*width, height)));
        let sizes = sizes.map(|(width, height)| Size {
            width,
            height,
            windows: windows(width, height),
        });
        Self {
            outer: outer.clone(),
            sizes: sizes.collect(),
        }
    }

    /// The best way in which `inner` may lie here in each of the eight views, best first. A crop keeps
    /// its pixels square, so of the other windows only the whole is looked through.
    pub fn hypotheses(&self, inner: &Seen) -> Vec<Hypothesis> {
        let views = (0..VIEWS.len()).filter_map(|view| self.best(inner, view, true));
        let mut found: Vec<Hypothesis> = views.collect();
        found.sort_by(|a, b| b.correlation.total_cmp(&a.correlation));
        found
    }

    /// About how alike both are in the best of those ways; quicker, since not every window is looked
    /// through.
    pub fn correlation(&self, inner: &Seen) -> Option<f32> {
        let views = (0..VIEWS.len()).filter_map(|view| self.best(inner, view, false));
        views.map(|it| it.correlation).max_by(f32::total_cmp)
    }

    fn best(&self, inner: &Seen, view: usize, thoroughly: bool) -> Option<Hypothesis> {
        let is_upright = VIEWS[view][0] != 0.0;
        let aspect = if is_upright {
            inner.aspect
        } else {
            inner.aspect.recip()
        };
        let cells = seen_so(&inner.cells, view);
        let fits = |size: &&Size| {
            let stretch = aspect / (self.outer.aspect * size.width / size.height);
            size.width * size.height > 0.999 || (STRETCH.recip()..=STRETCH).contains(&stretch)
        };
        let look = |window: &Window| Hypothesis {
            placing: Placing::of_window(view, window.columns, window.rows),
            correlation: product(&cells, self.through(window)),
        };
        let better = |a: &Hypothesis, b: &Hypothesis| a.correlation.total_cmp(&b.correlation);
        let fitting = self.sizes.iter().filter(fits);
        if thoroughly {
            let all = fitting.flat_map(|size| &size.windows);
            return all.map(look).max_by(better);
        }
        let first = fitting.flat_map(|size| {
            let windows = size.windows.iter();
            let second = windows.filter(|it| it.places.iter().all(|place| place % 2 == 0));
            second.map(move |window| (look(window), window.places, size))
        });
        let (first, places, size) = first.max_by(|a, b| better(&a.0, &b.0))?;
        let is_beside = |window: &&Window| {
            let mut both = window.places.iter().zip(&places);
            window.places != places && both.all(|(a, b)| a.abs_diff(*b) < 2)
        };
        let beside = size.windows.iter().filter(is_beside).map(look);
        beside.chain([first]).max_by(better)
    }

    fn through<'a>(&self, to: &'a Window) -> &'a [f32; CELLS] {
        let make = || Box::new(normalized(window(&self.outer.cells, to.columns, to.rows)));
        to.cells.get_or_init(make)
    }

    /// How the wholes are alike where two of eleven rows at the top or at the bottom do not count: there
    /// may be a line of text over one.
    pub fn without_a_band(&self, inner: &Seen) -> Option<Hypothesis> {
        let whole = (0.0, 1.0);
        let band = 2 * SIDE;
        let views = (0..VIEWS.len()).flat_map(|view| {
            let cells = seen_so(&inner.cells, view);
            [0..CELLS - band, band..CELLS].map(|rows| Hypothesis {
                placing: Placing::of_window(view, whole, whole),
                correlation: correlation(&cells[rows.clone()], &self.outer.cells[rows]),
            })
        });
        views.max_by(|a, b| a.correlation.total_cmp(&b.correlation))
    }
}

/// What stands at the place of a cell when the picture is looked at so.
#[expect(
    clippy::many_single_char_names,
    reason = "places and a matrix, as they are written elsewhere"
)]
fn seen_so(cells: &[f32; CELLS], view: usize) -> [f32; CELLS] {
    let [a, b, c, d] = VIEWS[view].map(|sign| sign as i32);
    let middle = (SIDE / 2) as i32;
    let mut seen = [0.0; CELLS];
    for (cell, value) in cells.iter().enumerate() {
        let (x, y) = ((cell % SIDE) as i32 - middle, (cell / SIDE) as i32 - middle);
        let (x, y) = (a * x + b * y + middle, c * x + d * y + middle);
        seen[y as usize * SIDE + x as usize] = *value;
    }
    seen
}

/// The cells of a part of the picture, each the mean of what it covers, the numbers between cells
/// interpolated.
fn window(cells: &[f32; CELLS], columns: (f32, f32), rows: (f32, f32)) -> [f32; CELLS] {
    let (columns, rows) = (taps(columns), taps(rows));
    let mut across = [0.0; CELLS];
    for (line, out) in cells.chunks_exact(SIDE).zip(across.chunks_exact_mut(SIDE)) {
        for (out, (first, weights)) in out.iter_mut().zip(&columns) {
            *out = weights[0] * line[*first] + weights[1] * line[first + 1];
        }
    }
    let mut seen = [0.0; CELLS];
    for (out, (first, weights)) in seen.chunks_exact_mut(SIDE).zip(&rows) {
        for (x, out) in out.iter_mut().enumerate() {
            *out =
                weights[0] * across[first * SIDE + x] + weights[1] * across[(first + 1) * SIDE + x];
        }
    }
    seen
}

/// For each cell of a window the two it lies between, by its middle.
fn taps((from, to): (f32, f32)) -> [(usize, [f32; 2]); SIDE] {
    std::array::from_fn(|cell| {
        let middle = from + (to - from) * (cell as f32 + 0.5) / SIDE as f32;
        let place = (middle * SIDE as f32 - 0.5).clamp(0.0, (SIDE - 1) as f32);
        let first = (place as usize).min(SIDE - 2);
        let part = place - first as f32;
        (first, [1.0 - part, part])
    })
}

fn normalized(mut cells: [f32; CELLS]) -> [f32; CELLS] {
    let mean = cells.iter().sum::<f32>() / CELLS as f32;
    for cell in &mut cells {
        *cell -= mean;
    }
    let length = product(&cells, &cells).sqrt();
    if length > 0.0 {
        for cell in &mut cells {
            *cell /= length;
        }
    }
    cells
}

/// Eight sums side by side, which the compiler makes vectors of.
pub fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (a, rest_a) = a.as_chunks::<8>();
    let (b, rest_b) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Pearson's, of numbers that need not be normalized.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let mean = |of: &[f32]| of.iter().sum::<f32>() / of.len() as f32;
    let means = (mean(a), mean(b));
    let mut sums = [0.0_f32; 3];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - means.0, b - means.1);
        sums[0] += a * a;
        sums[1] += b * b;
        sums[2] += a * b;
    }
    sums[2] / (sums[0] * sums[1]).sqrt().max(1e-9)
}
