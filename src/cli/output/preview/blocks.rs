//! A picture of characters: each is two pixels, one above the other.

use std::fmt::Write as _;

use image::RgbImage;

/// The upper of two pixels is the colour of the upper half block, the lower the one behind it.
pub fn drawn(picture: &RgbImage) -> String {
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
}
