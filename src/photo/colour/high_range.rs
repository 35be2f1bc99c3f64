//! Pictures whose white is not the brightest (HDR): the code points of PQ and HLG.
//!
//! Reference: ITU-R BT.2100-2 (both curves) and BT.2408 (white paper is 203 cd/m², or three quarters of an
//! HLG signal). What is no brighter than most of that white comes out as in the ordinary picture of the
//! same scene; what is brighter is rolled off towards white.

use std::sync::LazyLock;

use image::{DynamicImage, RgbaImage};
use moxcms::{ColorProfile, Matrix3d};

use super::super::decoded::Colour;
use super::conversion::of_code_points;

/// Code points of `TransferCharacteristics`.
const PQ: u8 = 16;
const HLG: u8 = 18;
const LINEAR: u8 = 8;

/// White paper: of PQ's 10,000 cd/m², and of HLG's light behind its system gamma.
const WHITE_OF_PQ: f32 = 0.0203;
const WHITE_OF_HLG: f32 = 0.203;

/// Where the roll-off begins, as a part of white.
const KNEE: f32 = 0.8;

/// Light is turned to levels through a table of so many steps.
const STEPS: usize = 1 << 14;

/// Colours and curve of such a picture.
pub struct Range {
    primaries: u8,
    is_pq: bool,
}

impl Range {
    /// Of what a file says; none of an ordinary picture.
    pub fn of(colour: &Colour) -> Option<Self> {
        let (primaries, transfer) = match colour {
            Colour::Cicp {
                primaries,
                transfer,
            } => (*primaries, *transfer),
            // Apple writes the code points into profiles.
            Colour::Icc(profile) if memchr::memmem::find(profile, b"cicp").is_some() => {
                let cicp = ColorProfile::new_from_slice(profile).ok()?.cicp?;
                let transfer = cicp.transfer_characteristics as u8;
                (cicp.color_primaries as u8, transfer)
            }
            _ => return None,
        };
        matches!(transfer, PQ | HLG).then_some(Self {
            primaries,
            is_pq: transfer == PQ,
        })
    }

    /// The picture in eight bits of sRGB.
    pub fn to_srgb(&self, image: DynamicImage) -> DynamicImage {
        let Some(matrix) = self.matrix() else {
            return image;
        };
        let curve: Vec<f32> = (0..=u16::MAX).map(|level| self.light(level)).collect();
        let from = image.into_rgba16();
        let mut to = RgbaImage::new(from.width(), from.height());
        for (from, to) in from.pixels().zip(to.pixels_mut()) {
            let [red, green, blue, alpha] = from.0;
            let light = [red, green, blue].map(|level| curve[usize::from(level)]);
            let mixed = matrix.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum::<f32>());
            let [red, green, blue] = mixed.map(level);
            to.0 = [red, green, blue, (alpha >> 8) as u8];
        }
        to.into()
    }

    /// From its linear light to that of sRGB.
    fn matrix(&self) -> Option<[[f32; 3]; 3]> {
        let profile = of_code_points(self.primaries, LINEAR)?;
        let Matrix3d { v } = profile.transform_matrix(&ColorProfile::new_srgb());
        Some(v.map(|row| row.map(|value| value as f32)))
    }

    /// The light of a level of 0 … 65535; white paper is 1.
    fn light(&self, level: u16) -> f32 {
        let signal = f32::from(level) / 65_535.0;
        if self.is_pq {
            let power = signal.powf(1.0 / 78.843_75);
            let light = (power - 0.835_937_5).max(0.0) / (18.851_562 - 18.687_5 * power);
            light.powf(1.0 / 0.159_301_76) / WHITE_OF_PQ
        } else {
            let scene = if signal <= 0.5 {
                signal * signal / 3.0
            } else {
                (((signal - 0.559_910_7) / 0.178_832_77).exp() + 0.284_668_92) / 12.0
            };
            scene.powf(1.2) / WHITE_OF_HLG
        }
    }
}

/// Light as a level of sRGB.
fn level(light: f32) -> u8 {
    static LEVELS: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let encoded = |step: usize| {
            let light = step as f32 / STEPS as f32;
            let value = if light <= 0.003_130_8 {
                12.92 * light
            } else {
                1.055 * light.powf(1.0 / 2.4) - 0.055
            };
            (value * 255.0).round() as u8
        };
        (0..=STEPS).map(encoded).collect()
    });
    let over = (light - KNEE).max(0.0) / (1.0 - KNEE);
    let rolled = light.min(KNEE) + (1.0 - KNEE) * (1.0 - (-over).exp());
    LEVELS[(rolled.clamp(0.0, 1.0) * STEPS as f32) as usize]
}
