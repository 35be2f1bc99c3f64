//! A picture becomes the pixels a network was trained on: resized, cropped, normalized.

use std::fmt;
use std::str::FromStr;

use image::RgbImage;

use super::framing::{Framing, MAX_SIDE, Size};
use super::picture::{Covered, Picture};
use super::rendering::{Colours, Ground, Rendering};
use super::resample::{Between, Interpolation, Span, resample};
use crate::error::{PhotoError, Result};

const INTERPOLATIONS: [(&str, Interpolation); 4] = [
    ("nearest", Interpolation::Nearest),
    ("bilinear", Interpolation::Bilinear),
    ("bicubic", Interpolation::Bicubic),
    ("lanczos", Interpolation::Lanczos),
];

/// How much of a photo's file is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decoding {
    /// A JPEG much larger than what is wanted of it is decoded at a fraction of its size, which is
    /// several times quicker.
    #[default]
    Reduced,
    /// Every pixel, whatever is wanted.
    Full,
}

/// In which order a network takes the channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as Caffe's networks do and those of Keras that come from there.
    Bgr,
}

/// What is done to a picture before the network sees it.
///
/// One line of text, `resize=256,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5`.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// First the picture is resized, as torchvision's `Resize` does.
    pub resize: Size,
    /// Then its centre is cut out, as torchvision's `CenterCrop` does.
    pub crop: Size,
    /// The filter of the resize.
    pub interpolation: Interpolation,
    /// In which order the channels come; `order=bgr`.
    pub order: ChannelOrder,
    /// The channels' values are 0 … this; `scale=255` leaves the bytes as they are.
    pub scale: f32,
    /// Subtracted from each channel, in the order in which they come.
    pub mean: [f32; 3],
    /// Each channel is then divided by this.
    pub std: [f32; 3],
    /// Whether large JPEGs may be decoded at reduced size; `decode=full` and `decode=reduced`.
    pub decoding: Decoding,
    /// Whether colours are converted; `colour=srgb` and `colour=as-is`.
    pub colours: Colours,
    /// What transparent pictures are laid over; `ground=visible` and `ground=white`.
    pub ground: Ground,
}

/// A picture in the size in which a network takes it. It stays in bytes until it is where the network
/// runs: see [`Preprocess::normalize_into`].
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `[H, W, 3]`, row-major: red, green and blue of each pixel, 0 … 255.
    pub rgb: Vec<u8>,
}

impl Preprocess {
    /// This preprocessing with what `text` names changed. `none` means the picture as it is:
    /// neither resized nor cropped.
    ///
    /// # Errors
    /// [`PhotoError::InvalidPreprocess`], which names the offending part.
    pub fn with(&self, text: &str) -> Result<Self, PhotoError> {
        let mut changed = self.clone();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            changed
                .set(part)
                .ok_or_else(|| PhotoError::InvalidPreprocess {
                    part: part.to_owned(),
                })?;
        }
        Ok(changed)
    }

    /// Its line of text with every key, those too that are as they usually are.
    #[must_use]
    pub fn every_key(&self) -> String {
        let usual = [
            (self.order == ChannelOrder::Rgb, ",order=rgb"),
            ((self.scale - 1.0).abs() <= f32::EPSILON, ",scale=1"),
            (self.decoding == Decoding::Reduced, ",decode=reduced"),
            (self.colours == Colours::AsIs, ",colour=as-is"),
            (self.ground == Ground::White, ",ground=white"),
        ];
        let left_away = usual.into_iter().filter(|(is_usual, _)| *is_usual);
        left_away.fold(self.to_string(), |keys, (_, key)| keys + key)
    }

    fn set(&mut self, part: &str) -> Option<()> {
        if part == "none" {
            (self.resize, self.crop) = (Size::Unchanged, Size::Unchanged);
            return Some(());
        }
        let (key, value) = part.split_once('=')?;
        match key.trim() {
            "resize" => self.resize = parse_size(value)?,
            "crop" => self.crop = parse_size(value)?,
            "interpolation" => {
                let found = INTERPOLATIONS.iter().find(|(name, _)| *name == value)?;
                self.interpolation = found.1;
            }
            "order" => {
                self.order = match value {
                    "rgb" => ChannelOrder::Rgb,
                    "bgr" => ChannelOrder::Bgr,
                    _ => return None,
                }
            }
            "scale" => {
                let scale = value.parse().ok();
                self.scale = scale.filter(|scale: &f32| scale.is_finite() && *scale > 0.0)?;
            }
            "mean" => self.mean = parse_channels(value)?,
            "std" => {
                self.std = parse_channels(value).filter(|std| std.iter().all(|s| *s != 0.0))?;
            }
            "decode" => {
                self.decoding = match value {
                    "full" => Decoding::Full,
                    "reduced" => Decoding::Reduced,
                    _ => return None,
                }
            }
            "colour" => {
                self.colours = match value {
                    "srgb" => Colours::Srgb,
                    "as-is" => Colours::AsIs,
                    _ => return None,
                }
            }
            "ground" => {
                self.ground = match value {
                    "visible" => Ground::Visible,
                    "white" => Ground::White,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Height and width of the pixels made of a picture of this height and width.
    ///
    /// # Errors
    /// [`PhotoError::PictureTooLong`] if the result would be longer than 16,384 pixels.
    pub fn output_size(&self, height: u32, width: u32) -> Result<(u32, u32), PhotoError> {
        let view = self.framing().of_whole(width, height)?;
        Ok((view.rows.pixels, view.columns.pixels))
    }

    /// How a picture is to be decoded for it.
    #[must_use]
    pub const fn rendering(&self) -> Rendering {
        Rendering {
            wanted: self.wanted_side(),
            seen: Some(self.framing()),
            colours: self.colours,
            ground: self.ground,
        }
    }

    const fn framing(&self) -> Framing {
        Framing {
            resize: self.resize,
            crop: self.crop,
            interpolation: self.interpolation,
        }
    }

    /// The short side that the resize makes; none where every pixel is wanted.
    const fn wanted_side(&self) -> Option<u32> {
        if matches!(self.decoding, Decoding::Full) {
            return None;
        }
        match (self.interpolation, self.resize) {
            // It picks single pixels, and a reduced picture has others.
            (Interpolation::Nearest, _) | (_, Size::Unchanged) => None,
            (_, Size::Side(side)) => Some(side),
            (_, Size::Exact { height, width }) => Some(if height > width { height } else { width }),
        }
    }

    /// Whether every picture gives pixels of the same size.
    #[must_use]
    pub const fn has_fixed_size(&self) -> bool {
        matches!(self.resize, Size::Exact { .. }) || !matches!(self.crop, Size::Unchanged)
    }

    /// Resizes and crops `image`.
    ///
    /// Only the part of the picture that the crop needs is resized, so a picture of 1×8000 costs no
    /// more than another. A crop larger than the resized picture is an error rather than black
    /// borders, which would be seen as part of every such picture.
    ///
    /// # Errors
    /// [`PhotoError::PictureTooLong`], [`PhotoError::CropTooLarge`].
    pub fn apply(&self, image: &RgbImage) -> Result<Pixels, PhotoError> {
        let covered = Covered::whole(image);
        self.apply_covered(image, covered, image.height(), image.width())
    }

    /// As [`Preprocess::apply`], for a picture that may have been decoded at reduced size: the
    /// pixels are those of the whole picture's size and place.
    ///
    /// # Errors
    /// As [`Preprocess::apply`].
    pub fn apply_to(&self, picture: &Picture) -> Result<Pixels, PhotoError> {
        self.apply_covered(
            &picture.image,
            picture.covered(),
            picture.height,
            picture.width,
        )
    }

    fn apply_covered(
        &self,
        image: &RgbImage,
        covered: Covered,
        height: u32,
        width: u32,
    ) -> Result<Pixels, PhotoError> {
        let between = if covered.is_reduced {
            Between::Fractions
        } else {
            Between::Levels
        };
        let columns = (covered.left, covered.width);
        let rows = (covered.top, covered.height);
        let view = self
            .framing()
            .view((width, height), columns, rows, between)?;
        let (out_height, out_width) = (view.rows.pixels, view.columns.pixels);
        let whole = |span: Span, side: u32| {
            span.start == 0.0 && (span.length - f64::from(side)).abs() < 1e-9 && span.pixels == side
        };
        let sized = |rgb| Pixels {
            height: out_height as usize,
            width: out_width as usize,
            rgb,
        };
        if whole(view.columns, image.width()) && whole(view.rows, image.height()) {
            return Ok(sized(image.as_raw().clone()));
        }
        Ok(sized(resample(image, view, self.interpolation)))
    }

    /// Appends `[3, H, W]`, row-major: all of red, then green, then blue, or the other way round, each
    /// `(byte · scale / 255 − mean) / std`.
    pub fn normalize_into(&self, pixels: &Pixels, values: &mut Vec<f32>) {
        let whole = 255.0 / self.scale;
        let (pixels, _) = pixels.rgb.as_chunks::<3>();
        for channel in 0..3 {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            let of_pixel = match self.order {
                ChannelOrder::Rgb => channel,
                ChannelOrder::Bgr => 2 - channel,
            };
            let value = |pixel: &[u8; 3]| (f32::from(pixel[of_pixel]) / whole - mean) / std;
            values.extend(pixels.iter().map(value));
        }
    }

    /// The picture as the network sees it, `[3, H, W]`: see [`Preprocess::normalize_into`].
    #[must_use]
    pub fn normalized(&self, pixels: &Pixels) -> Vec<f32> {
        let mut values = Vec::with_capacity(pixels.rgb.len());
        self.normalize_into(pixels, &mut values);
        values
    }
}

fn parse_size(text: &str) -> Option<Size> {
    let side = |text: &str| {
        text.parse::<u32>()
            .ok()
            .filter(|side| (1..=MAX_SIDE as u32).contains(side))
    };
    match text.split_once('x') {
        Some((height, width)) => Some(Size::Exact {
            height: side(height)?,
            width: side(width)?,
        }),
        None if text == "none" => Some(Size::Unchanged),
        None => side(text).map(Size::Side),
    }
}

fn parse_channels(text: &str) -> Option<[f32; 3]> {
    let channel = |text: &str| text.parse::<f32>().ok().filter(|value| value.is_finite());
    let channels = text.split('/').map(channel).collect::<Option<Vec<_>>>()?;
    channels.try_into().ok()
}

impl Default for Preprocess {
    /// The picture as it is, values 0 … 1.
    fn default() -> Self {
        Self {
            resize: Size::Unchanged,
            crop: Size::Unchanged,
            interpolation: Interpolation::Bicubic,
            order: ChannelOrder::Rgb,
            scale: 1.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            decoding: Decoding::Reduced,
            colours: Colours::AsIs,
            ground: Ground::White,
        }
    }
}

impl FromStr for Preprocess {
    type Err = PhotoError;

    fn from_str(text: &str) -> Result<Self, PhotoError> {
        Self::default().with(text)
    }
}

impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = INTERPOLATIONS
            .iter()
            .find(|(_, known)| *known == self.interpolation);
        let interpolation = named.map_or("bicubic", |(name, _)| name);
        let [mean, std] = [self.mean, self.std].map(|[r, g, b]| format!("{r}/{g}/{b}"));
        let (resize, crop) = (self.resize, self.crop);
        write!(
            f,
            "resize={resize},crop={crop},interpolation={interpolation},mean={mean},std={std}"
        )?;
        if self.order == ChannelOrder::Bgr {
            f.write_str(",order=bgr")?;
        }
        if (self.scale - 1.0).abs() > f32::EPSILON {
            write!(f, ",scale={}", self.scale)?;
        }
        if self.decoding == Decoding::Full {
            f.write_str(",decode=full")?;
        }
        if self.colours == Colours::Srgb {
            f.write_str(",colour=srgb")?;
        }
        match self.ground {
            Ground::White => Ok(()),
            Ground::Visible => f.write_str(",ground=visible"),
        }
    }
}

#[cfg(test)]
mod tests;
