//! A part of a picture.

use std::fmt;
use std::str::FromStr;

use image::imageops;

use super::picture::Picture;
use crate::error::PhotoError;

/// A distance in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// Pixels of the whole picture, upright.
    Pixels(u32),
    /// Hundredths of the picture's width or height, 0 … 100.
    Percent(f32),
}

/// A rectangle of an upright picture: how far it begins from the left and from the top, and how wide
/// and high it is. One line of text, `X,Y,W,H`, each in pixels or with a `%` behind it.
///
/// ```
/// use imgsearch::photo::Region;
///
/// let middle: Region = "25%,25%,50%,50%".parse()?;
/// assert_eq!(middle.to_string(), "25%,25%,50%,50%");
/// let corner: Region = "0,0,320,200".parse()?;
/// # Ok::<(), imgsearch::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// From the left edge.
    pub left: Length,
    /// From the upper edge.
    pub top: Length,
    /// Columns.
    pub width: Length,
    /// Rows.
    pub height: Length,
}

impl Length {
    /// In pixels of a side of so many, rounded.
    fn of(self, side: u32) -> u32 {
        match self {
            Self::Pixels(pixels) => pixels,
            Self::Percent(percent) => (f64::from(side) * f64::from(percent) / 100.0).round() as u32,
        }
    }
}

impl Region {
    /// The part of the picture, as a picture of its own. The picture has to be decoded in full.
    ///
    /// # Errors
    /// [`PhotoError::RegionOutside`] if it is empty or reaches beyond the picture.
    pub fn cut(&self, picture: &Picture) -> Result<Picture, PhotoError> {
        let (width, height) = picture.image.dimensions();
        let (left, top) = (self.left.of(width), self.top.of(height));
        // What is given in per cent ends where its end is rounded to, so that halves are whole.
        let end = |start: Length, length: Length, side: u32| match (start, length) {
            (Length::Percent(start), Length::Percent(length)) => {
                Some(Length::Percent(start + length).of(side))
            }
            (start, length) => start.of(side).checked_add(length.of(side)),
        };
        let right = end(self.left, self.width, width);
        let bottom = end(self.top, self.height, height);
        match (right, bottom) {
            (Some(right), Some(bottom))
                if left < right && right <= width && top < bottom && bottom <= height =>
            {
                let size = (right - left, bottom - top);
                let part = imageops::crop_imm(&picture.image, left, top, size.0, size.1);
                Ok(Picture::new(part.to_image()))
            }
            _ => Err(PhotoError::RegionOutside {
                path: "-".into(),
                region: self.to_string(),
                size: (width, height),
            }),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels(pixels) => write!(f, "{pixels}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            left,
            top,
            width,
            height,
        } = self;
        write!(f, "{left},{top},{width},{height}")
    }
}

impl FromStr for Region {
    type Err = PhotoError;

    fn from_str(text: &str) -> Result<Self, PhotoError> {
        let lengths: Option<Vec<Length>> = text.split(',').map(parse_length).collect();
        match lengths.as_deref() {
            Some(&[left, top, width, height]) => Ok(Self {
                left,
                top,
                width,
                height,
            }),
            _ => Err(PhotoError::InvalidRegion {
                region: text.to_owned(),
            }),
        }
    }
}

fn parse_length(text: &str) -> Option<Length> {
    let text = text.trim();
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent = percent.trim().parse().ok();
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent))?;
            Some(Length::Percent(percent))
        }
        None => text.parse().ok().map(Length::Pixels),
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    /// A picture whose pixels tell where they are.
    fn picture(width: u32, height: u32) -> Picture {
        let pixel = |x: u32, y: u32| Rgb([x as u8, y as u8, 0]);
        Picture::new(RgbImage::from_fn(width, height, pixel))
    }

    /// The first pixel and the size of what is cut out.
    fn cut(region: &str, width: u32, height: u32) -> (u8, u8, u32, u32) {
        let region: Region = region.parse().unwrap();
        let part = region.cut(&picture(width, height)).unwrap();
        let Rgb([x, y, _]) = *part.image.get_pixel(0, 0);
        assert_eq!((part.width, part.height), part.image.dimensions());
        (x, y, part.width, part.height)
    }

    #[test]
    fn a_region_is_cut_out_in_pixels_or_per_cent_or_both() {
        assert_eq!(cut("3,4,5,6", 20, 20), (3, 4, 5, 6));
        assert_eq!(cut("25%, 50%, 50%, 50%", 40, 20), (10, 10, 20, 10));
        assert_eq!(cut("10,0,50%,100%", 40, 20), (10, 0, 20, 20));
        // Two halves of an odd side have no pixel in common and leave none out.
        assert_eq!(cut("0,0%,100%,50%", 9, 9), (0, 0, 9, 5));
        assert_eq!(cut("0,50%,100%,50%", 9, 9), (0, 5, 9, 4));
    }

    #[test]
    fn what_reaches_outside_or_is_empty_is_an_error_that_tells_the_pictures_size() {
        for region in [
            "0,0,21,5",
            "20,0,1,1",
            "0,0,0,5",
            "5,5,4294967295,1",
            "60%,0,45%,1",
            "1,1,1%,1%",
        ] {
            let region: Region = region.parse().unwrap();
            let error = region.cut(&picture(20, 20)).unwrap_err();
            assert!(error.to_string().contains("20×20"), "{error}");
        }
    }

    #[test]
    fn malformed_regions_are_errors() {
        for text in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "a,0,1,1",
            "-1,0,1,1",
            "101%,0,1,1",
            "1.5,0,1,1",
            "nan%,0,1,1",
        ] {
            assert!(
                matches!(
                    text.parse::<Region>(),
                    Err(PhotoError::InvalidRegion { .. })
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn a_printed_region_parses_to_itself() {
        for text in ["1,2,3,4", "0%,12.5%,50%,33.3%", "5,10%,7,20%"] {
            let region: Region = text.parse().unwrap();
            assert_eq!(region.to_string(), text);
        }
    }
}
