//! What a decoder gives: a picture as it is stored. What its numbers mean as colours, what lies behind
//! its transparent parts and which side is up is told, and done by one place for all formats.

use std::sync::Arc;

use image::metadata::Orientation;
use image::{DynamicImage, RgbaImage};

use super::memory::Share;

/// A picture as stored.
#[derive(Debug)]
pub struct Decoded {
    /// Its pixels, fewer than `size` says where it was decoded at reduced size.
    pub pixels: Stored,
    /// Columns and rows of the whole picture.
    pub size: (u32, u32),
    /// Columns and rows of the pixels that the picture covers, from the top left: sides are rounded up
    /// when they are divided, so the last column and row may be part filling.
    pub covered: (f64, f64),
    /// What the numbers mean.
    pub colour: Colour,
    /// What is still to be done to have it upright.
    pub orientation: Orientation,
    /// The part of its area that is really there, 0 … 1.
    pub present: f32,
    /// Its part of the memory for pictures.
    pub share: Arc<Share>,
}

/// The numbers of a picture, `[H, W, C]`.
#[derive(Clone, Debug)]
pub enum Stored {
    /// Grey or RGB, 8 or 16 bits or floats of 0 … 1, with or without straight alpha.
    Image(DynamicImage),
    /// Cyan, magenta, yellow and black; 0 is no ink.
    Cmyk(RgbaImage),
}

/// What a file says its numbers mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Colour {
    /// Nothing: sRGB, as the web has it.
    #[default]
    Unsaid,
    /// A profile, ICC.1:2022.
    Icc(Vec<u8>),
    /// Code points of ITU-T H.273, of RGB in full range.
    Cicp {
        /// `ColourPrimaries`.
        primaries: u8,
        /// `TransferCharacteristics`.
        transfer: u8,
    },
    /// PNG's `gAMA` and `cHRM`.
    Gamma {
        /// The exponent that the numbers were encoded with: 1/2.2 = .45455.
        gamma: Option<f64>,
        /// x and y of white, red, green and blue.
        chromaticities: Option<[f64; 8]>,
    },
}

impl Decoded {
    /// A whole picture at its own size, upright, in sRGB.
    pub fn whole(pixels: Stored, share: Arc<Share>) -> Self {
        let (width, height) = pixels.size();
        Self {
            pixels,
            size: (width, height),
            covered: (f64::from(width), f64::from(height)),
            colour: Colour::Unsaid,
            orientation: Orientation::NoTransforms,
            present: 1.0,
            share,
        }
    }

    /// Whether it has fewer pixels than the picture.
    pub fn is_reduced(&self) -> bool {
        self.pixels.size() != self.size
    }
}

impl Stored {
    /// Columns and rows.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Image(image) => (image.width(), image.height()),
            Self::Cmyk(image) => image.dimensions(),
        }
    }
}
