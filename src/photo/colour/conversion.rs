//! From what a file says of its colours to something that converts them, kept for the next photo: a
//! folder of 50,000 has three profiles.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    Layout, MatrixCoefficients, ToneReprCurve, TransferCharacteristics, Transform8BitExecutor,
    Transform16BitExecutor, TransformOptions,
};

use super::super::decoded::Colour;

/// How many are kept.
const KEPT: usize = 32;
/// A profile that changes nothing by more than this many levels of 255 is sRGB.
const NOTHING: u8 = 1;
/// Transfers of BT.709, BT.601 and BT.2020: files with these code points were made from sRGB, and are
/// shown as such by browsers.
const OF_FILMS: [u8; 4] = [1, 6, 14, 15];
/// `gAMA` of .45455 is how PNG says sRGB when it cannot say it; by so much others differ.
const NEAR: f64 = 0.02;

/// What is to be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rgb8,
    Rgba8,
    Rgb16,
    Rgba16,
    Grey,
    Inks,
}

/// What converts it.
#[derive(Clone)]
pub enum Conversion {
    /// RGB, RGB with alpha, or inks to RGB.
    Bytes(Arc<Transform8BitExecutor>),
    /// RGB, RGB with alpha, or grey to RGB.
    Words(Arc<Transform16BitExecutor>),
    /// Grey, given as red, green and blue.
    ThreeWords(Arc<Transform16BitExecutor>),
}

type Kept = ([u8; 32], Kind, Option<Conversion>);

/// What brings pixels of a kind from `colour` to sRGB; none where they are there already, or where nobody
/// knows how.
pub fn conversion(colour: &Colour, kind: Kind) -> Option<Conversion> {
    static KNOWN: LazyLock<Mutex<Vec<Kept>>> = LazyLock::new(Mutex::default);
    if is_srgb(colour) {
        return None;
    }
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = key_of(colour);
    let found = known()
        .iter()
        .find(|(name, of, _)| *name == key && *of == kind)
        .map(|(_, _, found)| found.clone());
    // Made without the lock: it takes milliseconds, and others have their own photos.
    found.unwrap_or_else(|| {
        let made = profile(colour).and_then(|profile| made(&profile, kind));
        let mut known = known();
        if known.len() == KEPT {
            known.remove(0);
        }
        known.push((key, kind, made.clone()));
        made
    })
}

fn key_of(colour: &Colour) -> [u8; 32] {
    let hash = match colour {
        Colour::Icc(profile) => blake3::hash(profile),
        other => blake3::hash(format!("{other:?}").as_bytes()),
    };
    *hash.as_bytes()
}

/// What needs no look at a profile.
fn is_srgb(colour: &Colour) -> bool {
    match colour {
        Colour::Unsaid => true,
        Colour::Icc(_) => false,
        Colour::Cicp {
            primaries,
            transfer,
        } => {
            matches!(primaries, 1 | 2)
                && (matches!(transfer, 2 | 13) || OF_FILMS.contains(transfer))
        }
        Colour::Gamma {
            gamma,
            chromaticities,
        } => {
            let is_near = |a: f64, b: f64| (a - b).abs() <= NEAR;
            gamma.is_none_or(|gamma| is_near(gamma, 1.0 / 2.2))
                && chromaticities.is_none_or(|said| {
                    let usual = [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];
                    said.into_iter().zip(usual).all(|(a, b)| is_near(a, b))
                })
        }
    }
}

/// As a profile; none where it makes no sense.
fn profile(colour: &Colour) -> Option<ColorProfile> {
    match colour {
        Colour::Unsaid => None,
        Colour::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok(),
        Colour::Cicp {
            primaries,
            transfer,
        } => of_code_points(*primaries, *transfer),
        Colour::Gamma {
            gamma,
            chromaticities,
        } => {
            let mut profile = ColorProfile::new_srgb();
            profile.cicp = None;
            if let Some([white_x, white_y, points @ ..]) = chromaticities {
                let at = |index: usize| Chromaticity {
                    x: points[index] as f32,
                    y: points[index + 1] as f32,
                };
                let white = Chromaticity {
                    x: *white_x as f32,
                    y: *white_y as f32,
                };
                let primaries = ColorPrimaries {
                    red: at(0),
                    green: at(2),
                    blue: at(4),
                };
                profile.update_rgb_colorimetry(white.to_xyyb(), primaries);
            }
            if let Some(gamma) = gamma.filter(|gamma| *gamma > 0.0) {
                let curve = Some(ToneReprCurve::Parametric(vec![(1.0 / gamma) as f32]));
                profile.red_trc.clone_from(&curve);
                profile.green_trc.clone_from(&curve);
                profile.blue_trc = curve;
            }
            let matrix = profile.colorant_matrix();
            let is_finite = matrix.v.iter().flatten().all(|value| value.is_finite());
            is_finite.then_some(profile)
        }
    }
}

/// RGB of these code points; unspecified ones are sRGB's.
pub fn of_code_points(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let primaries = if primaries == 2 { 1 } else { primaries };
    let transfer = match transfer {
        2 => 13,
        of_films if OF_FILMS.contains(&of_films) => 13,
        other => other,
    };
    let color_primaries = CicpColorPrimaries::try_from(primaries).ok()?;
    let transfer_characteristics = TransferCharacteristics::try_from(transfer).ok()?;
    let mut profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    // Known primaries with a curve that nobody knows would be black.
    profile.red_trc.as_ref()?;
    profile.cicp = None;
    Some(profile)
}

fn made(profile: &ColorProfile, kind: Kind) -> Option<Conversion> {
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let of_bytes = |from, to| profile.create_transform_8bit(from, &srgb, to, options).ok();
    let of_words = |from, to| {
        profile
            .create_transform_16bit(from, &srgb, to, options)
            .ok()
    };
    let is_rgb = profile.color_space == DataColorSpace::Rgb;
    let is_other = || {
        let rgb = of_bytes(Layout::Rgb, Layout::Rgb)?;
        changes(|from, to| rgb.transform(from, to).is_ok()).then_some(())
    };
    match (kind, profile.color_space) {
        (Kind::Inks, DataColorSpace::Cmyk) => {
            of_bytes(Layout::Rgba, Layout::Rgb).map(Conversion::Bytes)
        }
        (Kind::Grey, DataColorSpace::Gray) => {
            of_words(Layout::Gray, Layout::Rgb).map(Conversion::Words)
        }
        (Kind::Inks, _) => None,
        _ if !is_rgb => None,
        (kind, _) => {
            is_other()?;
            match kind {
                Kind::Rgb8 => of_bytes(Layout::Rgb, Layout::Rgb).map(Conversion::Bytes),
                Kind::Rgba8 => of_bytes(Layout::Rgba, Layout::Rgba).map(Conversion::Bytes),
                Kind::Rgb16 => of_words(Layout::Rgb, Layout::Rgb).map(Conversion::Words),
                Kind::Rgba16 => of_words(Layout::Rgba, Layout::Rgba).map(Conversion::Words),
                Kind::Grey | Kind::Inks => {
                    of_words(Layout::Rgb, Layout::Rgb).map(Conversion::ThreeWords)
                }
            }
        }
    }
}

/// Whether any of some colours all over the cube comes out otherwise.
fn changes(transform: impl Fn(&[u8], &mut [u8]) -> bool) -> bool {
    let levels = [0, 8, 24, 48, 96, 128, 160, 192, 224, 255];
    let of_two = |red| levels.map(|green| levels.map(|blue| [red, green, blue]));
    let cube = levels.map(of_two);
    let from = cube.as_flattened().as_flattened().as_flattened();
    let mut to = vec![0; from.len()];
    transform(from, &mut to) && from.iter().zip(&to).any(|(a, b)| a.abs_diff(*b) > NOTHING)
}
