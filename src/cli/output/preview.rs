//! Matches with their pictures in a terminal: a character is two pixels, one above the other.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use imgsearch::gallery::Match;
use imgsearch::photo::{Photo, Rendering};

use super::table;

/// The most columns of characters, and the most pixels one above the other: 15 rows.
const COLUMNS: u32 = 30;
const HEIGHT: u32 = 30;

/// Whether standard output is a terminal that has colours.
pub fn is_possible() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// Each picture, as far as it can be read, and the line about it below.
pub fn matches(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    for (rank, found) in (1..).zip(matches) {
        if let Some(picture) = thumbnail(&found.record.path) {
            out.write_all(drawn(&picture).as_bytes())?;
        }
        table::one_match(rank, found, out)?;
    }
    Ok(())
}

fn thumbnail(path: &Path) -> Option<RgbImage> {
    let photo = Photo::read(path).ok()?;
    let picture = DynamicImage::from(photo.decode_for(&Rendering::of_side(HEIGHT)).ok()?.image);
    let small = picture.resize(COLUMNS, HEIGHT, FilterType::Triangle);
    Some(small.into_rgb8())
}

/// The upper of two pixels is the colour of the upper half block, the lower the one behind it.
fn drawn(picture: &RgbImage) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for top in (0..picture.height()).step_by(2) {
        for left in 0..picture.width() {
            let [red, green, blue] = picture.get_pixel(left, top).0;
            let _ = write!(text, "\x1b[38;2;{red};{green};{blue}");
            if let Some(below) = picture.get_pixel_checked(left, top + 1) {
                let [red, green, blue] = below.0;
                let _ = write!(text, ";48;2;{red};{green};{blue}");
            }
            text.push_str("m▀");
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_of_pixels_are_one_of_characters_and_the_last_may_be_half() {
        let picture = RgbImage::from_fn(2, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let expected = "\x1b[38;2;0;0;7;48;2;0;1;7m▀\x1b[38;2;1;0;7;48;2;1;1;7m▀\x1b[0m\n\
                        \x1b[38;2;0;2;7m▀\x1b[38;2;1;2;7m▀\x1b[0m\n";
        assert_eq!(drawn(&picture), expected);
    }

    #[test]
    fn a_picture_keeps_its_shape_and_one_that_is_gone_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        RgbImage::new(400, 100).save(&path).unwrap();
        let small = thumbnail(&path).unwrap();
        assert_eq!(small.dimensions(), (30, 8));
        assert!(thumbnail(&folder.path().join("gone.png")).is_none());
    }
}
