//! DEC's sixels (VT330/VT340 Programmer Reference Manual, chapter 14): a letter is six pixels, one
//! above the other, in one of 252 colours.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use image::RgbImage;

/// Levels of red, green and blue: the eye tells most greens apart.
const LEVELS: [i32; 3] = [6, 7, 6];

/// The picture, each pixel as one of the colours, the difference spread over those that come.
pub fn drawn(picture: &RgbImage) -> String {
    let (width, height) = picture.dimensions();
    let colours = dithered(picture);
    // Pixels are square, and what is not drawn keeps its colour. Writing to a string cannot fail.
    let mut text = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    let mut used: Vec<u8> = colours.clone();
    used.sort_unstable();
    used.dedup();
    for colour in used {
        let [red, green, blue] = levels_of(colour, 100);
        let _ = write!(text, "#{colour};2;{red};{green};{blue}");
    }
    for strip in colours.chunks(6 * width as usize) {
        // Of each colour in the strip a row of letters.
        let mut rows: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for (place, colour) in strip.iter().enumerate() {
            let (row, column) = (place / width as usize, place % width as usize);
            let letters = rows
                .entry(*colour)
                .or_insert_with(|| vec![0; width as usize]);
            letters[column] |= 1 << row;
        }
        for (colour, letters) in rows {
            let _ = write!(text, "#{colour}");
            push_repeated(&mut text, &letters);
            // Back to the strip's beginning.
            text.push('$');
        }
        text.push('-');
    }
    text.push_str("\x1b\\\n");
    text
}

/// Runs of one letter are written with their length.
fn push_repeated(text: &mut String, letters: &[u8]) {
    for run in letters.chunk_by(|one, other| one == other) {
        let letter = char::from(b'?' + run[0]);
        match run.len() {
            1..=3 => text.extend(std::iter::repeat_n(letter, run.len())),
            length => {
                let _ = write!(text, "!{length}{letter}");
            }
        }
    }
}

/// Each pixel's colour by its number: Floyd and Steinberg, "An Adaptive Algorithm for Spatial
/// Greyscale", 1976.
fn dithered(picture: &RgbImage) -> Vec<u8> {
    let width = picture.width() as usize;
    // In sixteenths; one pixel more at either side takes what falls beside the picture.
    let mut below = vec![[0i32; 3]; width + 2];
    let mut colours = Vec::with_capacity(width * picture.height() as usize);
    for row in picture.rows() {
        let mut errors = std::mem::replace(&mut below, vec![[0; 3]; width + 2]);
        for (place, pixel) in row.enumerate() {
            let mut number = 0;
            for (channel, levels) in LEVELS.into_iter().enumerate() {
                let wanted = i32::from(pixel.0[channel]) + errors[place + 1][channel] / 16;
                let level = ((wanted * (levels - 1) + 127) / 255).clamp(0, levels - 1);
                let error = wanted.clamp(0, 255) - level * 255 / (levels - 1);
                number = number * levels + level;
                errors[place + 2][channel] += 7 * error;
                below[place][channel] += 3 * error;
                below[place + 1][channel] += 5 * error;
                below[place + 2][channel] += error;
            }
            colours.push(number as u8);
        }
    }
    colours
}

/// Red, green and blue of a colour, of `most` each.
fn levels_of(colour: u8, most: i32) -> [i32; 3] {
    let (colour, [reds, greens, blues]) = (i32::from(colour), LEVELS);
    let (red, green, blue) = (
        colour / (greens * blues),
        colour / blues % greens,
        colour % blues,
    );
    [(red, reds), (green, greens), (blue, blues)].map(|(level, levels)| level * most / (levels - 1))
}
