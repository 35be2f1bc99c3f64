//! The least size of a picture.

use std::str::FromStr;

use crate::error::GalleryError;

/// Sides that a picture has at least: `1000`, both of them, or `1000x800`, upright or lying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinSize {
    longer: u32,
    shorter: u32,
}

impl MinSize {
    /// Sides of at least so many pixels, whichever of them is the width.
    #[must_use]
    pub const fn of(a: u32, b: u32) -> Self {
        let (longer, shorter) = if a < b { (b, a) } else { (a, b) };
        Self { longer, shorter }
    }

    /// Whether a picture of this width and height has it.
    #[must_use]
    pub const fn fits(&self, width: u32, height: u32) -> bool {
        let picture = Self::of(width, height);
        picture.longer >= self.longer && picture.shorter >= self.shorter
    }
}

impl FromStr for MinSize {
    type Err = GalleryError;

    fn from_str(text: &str) -> Result<Self, GalleryError> {
        let (a, b) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
        let side = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|side: &u32| is_number && *side > 0)
        };
        let sides = side(a).zip(side(b));
        let (a, b) = sides.ok_or_else(|| GalleryError::InvalidFilter {
            text: text.to_owned(),
            expected: "a size in pixels: 1000, or 1000x800",
        })?;
        Ok(Self::of(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_may_stand_or_lie() {
        let size: MinSize = "1000x800".parse().unwrap();
        assert!(size.fits(1000, 800) && size.fits(800, 1000) && size.fits(5000, 900));
        assert!(!size.fits(999, 999) && !size.fits(5000, 799));
        let both: MinSize = "1000".parse().unwrap();
        assert!(both.fits(1000, 1000) && !both.fits(5000, 999) && !both.fits(999, 5000));
    }

    #[test]
    fn what_is_no_size_is_an_error() {
        for text in [
            "",
            "x",
            "0",
            "10x",
            "x10",
            "-5",
            "+5",
            "1e3",
            "10x20x30",
            "10 x 20",
            "4294967296",
        ] {
            let error = text.parse::<MinSize>().unwrap_err().to_string();
            assert!(error.contains("1000x800"), "{text}: {error}");
        }
    }
}
