//! What a decoder gives: a picture as it is stored. What its numbers mean as colours, what lies behind
//! its transparent parts and which side is up is told, and done by one place for all formats.

use std::sync::Arc;

use image::{DynamicImage, ImageBuffer, RgbaImage};

use super::memory::Share;
use super::said::Said;

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
    /// What is still to be done to have it upright, and what else its file says of it.
    pub said: Said,
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
            said: Said::default(),
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
    /// Samples of eight bits: grey, grey and alpha, RGB, or RGB and alpha, by the number of channels. None
    /// if there are other channels or too few samples.
    pub fn of_bytes(
        (width, height): (u32, u32),
        channels: usize,
        samples: Vec<u8>,
    ) -> Option<Self> {
        Some(Self::Image(match channels {
            1 => DynamicImage::ImageLuma8(ImageBuffer::from_raw(width, height, samples)?),
            2 => DynamicImage::ImageLumaA8(ImageBuffer::from_raw(width, height, samples)?),
            3 => DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, samples)?),
            4 => DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, samples)?),
            _ => return None,
        }))
    }

    /// The same of sixteen bits.
    pub fn of_words(
        (width, height): (u32, u32),
        channels: usize,
        samples: Vec<u16>,
    ) -> Option<Self> {
        Some(Self::Image(match channels {
            1 => DynamicImage::ImageLuma16(ImageBuffer::from_raw(width, height, samples)?),
            2 => DynamicImage::ImageLumaA16(ImageBuffer::from_raw(width, height, samples)?),
            3 => DynamicImage::ImageRgb16(ImageBuffer::from_raw(width, height, samples)?),
            4 => DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, samples)?),
            _ => return None,
        }))
    }

    /// Columns and rows.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Image(image) => (image.width(), image.height()),
            Self::Cmyk(image) => image.dimensions(),
        }
    }
}
