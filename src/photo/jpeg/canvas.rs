//! One row of units at a time, from the planes of the components to pixels.

use pulp::{Arch, Simd, WithSimd};

use super::colours::Colours;
use super::convert;
use super::layout::Layout;
use super::stretch::{self, Stretch};
use super::wide::Wide;

/// The picture so far, and the planes of the units being decoded.
pub struct Canvas {
    /// For each component the pixels of a row of units and of the one before it.
    pub planes: Vec<Plane>,
    colours: Colours,
    width: usize,
    height: usize,
    /// Rows of a unit, and how many rows of units are done.
    unit: usize,
    done: usize,
    /// How many rows of the picture are done.
    finished: usize,
    out: Vec<u8>,
    sums: Vec<u16>,
    arch: Arch,
    wide: Wide,
}

/// A component's pixels, in two parts that take turns.
pub struct Plane {
    pub pixels: Vec<u8>,
    /// Pixels in a row.
    pub stride: usize,
    /// Where the row of units begins that is being decoded.
    pub from: usize,
    rows: usize,
    covered: (usize, usize),
    stretch: Stretch,
    /// A row as wide as the picture.
    row: Vec<u8>,
}

impl Canvas {
    /// An empty picture.
    pub fn new(layout: &Layout, colours: Colours) -> Self {
        let (width, height) = layout.picture;
        let planes = layout.components.iter().map(|component| {
            let (stride, rows) = (component.stride(layout), component.rows());
            Plane {
                pixels: vec![0; 2 * stride * rows],
                stride,
                from: 0,
                rows,
                covered: component.pixels,
                stretch: Stretch::of(component, layout),
                row: vec![0; width],
            }
        });
        Self {
            planes: planes.collect(),
            colours,
            width,
            height,
            unit: layout.unit.1,
            done: 0,
            finished: 0,
            out: vec![0; width * height * colours.channels()],
            sums: vec![0; width + 1],
            arch: Arch::new(),
            wide: Wide::new(),
        }
    }

    /// Bytes that [`Canvas::new`] takes.
    pub fn bytes(layout: &Layout, colours: Colours) -> u64 {
        let (width, height) = layout.picture;
        let plane = |component: &super::layout::Component| {
            2 * component.stride(layout) * component.rows() + width
        };
        let planes: usize = layout.components.iter().map(plane).sum();
        (width * height * colours.channels() + planes + 2 * (width + 1)) as u64
    }

    /// The row of units is decoded: adds its rows to the picture, but none beyond its end.
    pub fn finish_units(&mut self) {
        self.done += 1;
        let looks_below = self.planes.iter().any(|plane| plane.stretch.looks_below());
        let mut end = self.done * self.unit;
        if end >= self.height {
            end = self.height;
        } else if looks_below {
            end -= 1;
        }
        let arch = self.arch;
        arch.dispatch(Rows(self, end));
        self.finished = end.max(self.finished);
        for plane in &mut self.planes {
            plane.from = (self.done % 2) * plane.rows * plane.stride;
        }
    }

    #[inline(always)]
    fn finish_rows(&mut self, end: usize) {
        let of_row = self.width * self.colours.channels();
        for y in self.finished..end {
            for plane in &mut self.planes {
                plane.make(y, &mut self.sums);
            }
            let rows: [&[u8]; 4] =
                std::array::from_fn(|at| self.planes.get(at).map_or(&[][..], |plane| plane.at(y)));
            let rows = &rows[..self.planes.len().min(4)];
            convert::pixels(
                self.wide,
                self.colours,
                rows,
                &mut self.out[y * of_row..(y + 1) * of_row],
            );
        }
    }

    /// The pixels.
    pub fn into_pixels(self) -> Vec<u8> {
        self.out
    }
}

/// The canvas whose rows are to be finished, up to this one.
struct Rows<'a>(&'a mut Canvas, usize);

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.finish_rows(self.1);
    }
}

impl Plane {
    #[inline(always)]
    fn stored(&self, row: usize) -> &[u8] {
        let from = row % (2 * self.rows) * self.stride;
        &self.pixels[from..from + self.covered.0]
    }

    /// Prepares row `y` of the picture where it is not stored.
    #[inline(always)]
    fn make(&mut self, y: usize, sums: &mut [u16]) {
        if self.stretch == Stretch::None {
            return;
        }
        let mut out = std::mem::take(&mut self.row);
        let (near, other) = self.stretch.rows_for(y, self.covered.1);
        let (near, other) = (self.stored(near), self.stored(other));
        match self.stretch {
            Stretch::None => {}
            Stretch::Across => stretch::across(near, &mut out),
            Stretch::Down => stretch::down(near, other, y.is_multiple_of(2), &mut out),
            Stretch::Both => stretch::both(near, other, sums, &mut out),
            Stretch::Repeated(across, _) => stretch::repeated(near, across, &mut out),
        }
        self.row = out;
    }

    /// Row `y` of the picture.
    #[inline(always)]
    fn at(&self, y: usize) -> &[u8] {
        match self.stretch {
            Stretch::None => self.stored(y),
            _ => &self.row,
        }
    }
}
