//! Brightness and two colour differences, of which neighbours may share one pair.
//!
//! Reference: TIFF 6.0, section 21; libtiff's `TIFFYCbCrToRGBInit` for what tags that are missing mean.
//! A pair is repeated for all the pixels that share it, as libtiff does.

use super::super::super::directory::Directory;
use super::canvas::Canvas;
use super::layout::Layout;

/// Puts a row of units of a chunk (see [`Layout::row_bytes`]) to the place of its first pixel.
pub fn put(canvas: &mut Canvas, layout: &Layout, row: &[u8], plane: usize, (x, y): (usize, usize)) {
    let (width, height) = canvas.size();
    let (across, down) = (layout.subsampling.0 as usize, layout.subsampling.1 as usize);
    if x >= width || y >= height {
        return;
    }
    let columns = (width - x).min(layout.chunk.0 as usize);
    let Some(to) = canvas.eight() else {
        return;
    };
    if layout.is_planar {
        let (across, down) = if plane == 0 { (1, 1) } else { (across, down) };
        for line in y..(y + down).min(height) {
            let to = &mut to[3 * (line * width + x)..][..3 * columns];
            for (column, pixel) in to.chunks_exact_mut(3).enumerate() {
                if let Some(value) = pixel.get_mut(plane) {
                    *value = row[column / across];
                }
            }
        }
        return;
    }
    let of_unit = across * down + 2;
    for line in 0..down.min(height - y) {
        let to = &mut to[3 * ((y + line) * width + x)..][..3 * columns];
        for (column, pixel) in to.chunks_exact_mut(3).enumerate() {
            let unit = &row[column / across * of_unit..][..of_unit];
            let brightness = unit[line * across + column % across];
            pixel.copy_from_slice(&[brightness, unit[of_unit - 2], unit[of_unit - 1]]);
        }
    }
}

/// Turns the first three of every `channels` samples into red, green and blue.
pub fn to_rgb(samples: &mut [u8], channels: usize, tags: &Directory) {
    let real = |tag, index, missing: f64| {
        let said = tags.values(tag).and_then(|values| values.real(index));
        said.filter(|value| value.is_finite()).unwrap_or(missing) as f32
    };
    let [red, green, blue] =
        [(0, 0.299), (1, 0.587), (2, 0.114)].map(|(at, usual)| real(529, at, usual));
    let (red, green, blue) = if green > 0.0 {
        (red, green, blue)
    } else {
        (0.299, 0.587, 0.114)
    };
    let table = |index: usize, black: f64, steps: f32| {
        let (low, high) = (real(532, index, black), real(532, index + 1, 255.0));
        let range = if high > low { high - low } else { 255.0 };
        let value = |code: usize| (code as f32 - low) * steps / range;
        std::array::from_fn::<f32, 256, _>(value)
    };
    let brightness = table(0, 0.0, 255.0);
    let differences = [table(2, 128.0, 127.0), table(4, 128.0, 127.0)];
    for pixel in samples.chunks_exact_mut(channels) {
        let y = brightness[usize::from(pixel[0])];
        let [cb, cr] = [1, 2].map(|at| differences[at - 1][usize::from(pixel[at])]);
        let r = y + cr * (2.0 - 2.0 * red);
        let b = y + cb * (2.0 - 2.0 * blue);
        let g = (y - blue * b - red * r) / green;
        pixel[..3].copy_from_slice(&[r, g, b].map(|value| (value + 0.5) as u8));
    }
}
