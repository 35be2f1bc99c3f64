//! The samples of a lossless JPEG as pixels: of 16 bits where they have more than 8 and are grey or RGB,
//! of 8 otherwise.

use super::super::decoded::Stored;
use super::canvas::Canvas;
use super::colours::Colours;
use super::layout::Layout;
use super::lossless::Samples;

/// What is made of the samples.
pub enum Pixels {
    /// Eight bits each, as other JPEGs have them.
    Eight(Vec<u8>),
    /// More.
    Sixteen(Stored),
}

/// Bytes that [`pixels`] takes.
pub fn bytes(layout: &Layout, colours: Colours) -> u64 {
    let (width, height) = layout.picture;
    2 * (width * height * colours.channels()) as u64 + Canvas::bytes(layout, colours)
}

/// The pixels of samples of so many bits. None if there are not enough.
pub fn pixels(
    samples: &[Samples],
    precision: u8,
    layout: &Layout,
    colours: Colours,
) -> Option<Pixels> {
    if precision <= 8 || !matches!(colours, Colours::Grey | Colours::Rgb | Colours::Raw(1 | 3)) {
        return Some(Pixels::Eight(eight(samples, precision, layout, colours)));
    }
    let size = (layout.picture.0 as u32, layout.picture.1 as u32);
    let numbers = sixteen(samples, precision, layout);
    Stored::of_words(size, samples.len(), numbers).map(Pixels::Sixteen)
}

/// A row of units after the other, as they come from frequencies.
fn eight(samples: &[Samples], precision: u8, layout: &Layout, colours: Colours) -> Vec<u8> {
    let largest = (1u32 << precision) - 1;
    let level = |value: u16| match precision {
        8 => value as u8,
        9.. => (value >> (precision - 8)) as u8,
        _ => (u32::from(value) * 255 / largest) as u8,
    };
    let mut canvas = Canvas::new(layout, colours);
    for row in 0..layout.units.1 {
        for (samples, plane) in samples.iter().zip(&mut canvas.planes) {
            let count = plane.pixels.len() / 2;
            let values = &samples.values[row * count..(row + 1) * count];
            let pixels = &mut plane.pixels[plane.from..plane.from + count];
            for (pixel, value) in pixels.iter_mut().zip(values) {
                *pixel = level(*value);
            }
        }
        canvas.finish_units();
    }
    canvas.into_pixels()
}

fn sixteen(samples: &[Samples], precision: u8, layout: &Layout) -> Vec<u16> {
    let (width, height) = layout.picture;
    let mut numbers = Vec::with_capacity(width * height * samples.len());
    // The highest bits once more below the lowest: all ones stay so.
    let number = |value: u16| {
        let again = value.checked_shr(u32::from(2 * precision - 16));
        value << (16 - precision) | again.unwrap_or(0)
    };
    for y in 0..height {
        for x in 0..width {
            for (samples, component) in samples.iter().zip(&layout.components) {
                let (across, down) = component.stretch;
                let (x, y) = (across.nearest(x), down.nearest(y));
                numbers.push(number(samples.values[y * samples.stride + x]));
            }
        }
    }
    numbers
}
