//! What the samples mean: grey, RGB, palettes, inks.

use image::RgbaImage;

use super::super::super::decoded::Stored;
use super::super::super::directory::Directory;
use super::super::super::source::Source;
use super::super::super::stop;
use super::canvas::{Canvas, Samples};
use super::lab::Coding;
use super::layout::{Alpha, Layout, Photometric};
use super::range::Range;
use super::ycbcr;
use crate::error::{PhotoError, Result};

/// Bytes that the picture takes while it is made of the canvas.
pub fn needed(layout: &Layout, sample_bytes: u64) -> u64 {
    let pixels = u64::from(layout.width) * u64::from(layout.height);
    let channels = layout.photometric.samples() as u64 + u64::from(layout.alpha.is_some());
    match (layout.photometric, sample_bytes) {
        (Photometric::Palette, _) => 4 * pixels,
        (Photometric::CieLab | Photometric::IccLab, _) | (_, 4) => 2 * channels * pixels,
        (Photometric::Cmyk, 2) => channels * pixels,
        _ => 0,
    }
}

/// The picture of which the canvas has the samples.
pub fn stored(
    canvas: Canvas,
    layout: &Layout,
    tags: &Directory,
    source: &Source,
) -> Result<Stored, PhotoError> {
    let ((width, height), channels) = (canvas.size(), canvas.kept.len());
    let (width, height) = (width as u32, height as u32);
    let colours = layout.photometric.samples();
    if layout.photometric == Photometric::Palette {
        let image = of_palette(&canvas, layout, tags, source)?;
        return image.ok_or_else(|| inconsistent(source));
    }
    let (samples, bits) = match canvas.samples {
        Samples::Real(samples) => (Samples::Sixteen(ranged(&samples, layout, channels)), 16),
        samples => (samples, layout.bits),
    };
    let image = match samples {
        Samples::Real(_) => None,
        Samples::Eight(mut samples) => {
            scale(&mut samples, bits, 255);
            match layout.photometric {
                Photometric::WhiteIsZero => invert(&mut samples, channels, |value| 255 - value),
                Photometric::YCbCr if !layout.compression.is_jpeg() => {
                    ycbcr::to_rgb(&mut samples, channels, tags);
                }
                Photometric::CieLab | Photometric::IccLab => {
                    let wide = samples.iter().map(|value| u16::from(*value)).collect();
                    return lab(wide, layout, channels, false, (width, height))
                        .ok_or_else(|| inconsistent(source));
                }
                _ => {}
            }
            straighten(&mut samples, channels, layout.alpha, 255);
            let channels = without_empty_alpha(&mut samples, channels, layout.alpha);
            if colours == 4 {
                RgbaImage::from_raw(width, height, samples).map(Stored::Cmyk)
            } else {
                Stored::of_bytes((width, height), channels, samples)
            }
        }
        Samples::Sixteen(mut samples) => {
            if matches!(
                layout.photometric,
                Photometric::CieLab | Photometric::IccLab
            ) {
                return lab(samples, layout, channels, true, (width, height))
                    .ok_or_else(|| inconsistent(source));
            }
            scale(&mut samples, bits, 65535);
            if layout.photometric == Photometric::WhiteIsZero {
                invert(&mut samples, channels, |value| 65535 - value);
            }
            straighten(&mut samples, channels, layout.alpha, 65535);
            let channels = without_empty_alpha(&mut samples, channels, layout.alpha);
            if colours == 4 {
                let samples = samples.iter().map(|value| (value >> 8) as u8).collect();
                RgbaImage::from_raw(width, height, samples).map(Stored::Cmyk)
            } else {
                Stored::of_words((width, height), channels, samples)
            }
        }
    };
    image.ok_or_else(|| inconsistent(source))
}

fn inconsistent(source: &Source) -> PhotoError {
    source.damaged("its tags contradict each other")
}

/// Colours and alpha each in their own range.
fn ranged(samples: &[f32], layout: &Layout, channels: usize) -> Vec<u16> {
    let colours = layout.photometric.samples();
    let pixels = samples.chunks_exact(channels);
    let of = |part: std::ops::Range<usize>| {
        let samples = pixels
            .clone()
            .flat_map(|pixel| pixel[part.clone()].iter().copied());
        Range::of(layout.numbers, layout.bits, samples)
    };
    let (of_colours, of_alpha) = (of(0..colours), of(colours..channels));
    let mut numbers = Vec::with_capacity(samples.len());
    for pixel in pixels {
        let (colours, alpha) = pixel.split_at(colours);
        numbers.extend(colours.iter().map(|value| of_colours.sixteen(*value)));
        numbers.extend(alpha.iter().map(|value| of_alpha.sixteen(*value)));
    }
    numbers
}

/// Makes samples of so many bits of 0 … `whole`.
fn scale<T>(samples: &mut [T], bits: usize, whole: u32)
where
    T: Copy + TryFrom<u32>,
    u32: From<T>,
{
    let most = (1_u32 << bits) - 1;
    if most < whole {
        for value in samples {
            let scaled = (u32::from(*value) * whole + most / 2) / most;
            *value = T::try_from(scaled).unwrap_or(*value);
        }
    }
}

/// Turns the first of every `channels` samples round.
fn invert<T: Copy>(samples: &mut [T], channels: usize, turned: impl Fn(T) -> T) {
    for value in samples.iter_mut().step_by(channels) {
        *value = turned(*value);
    }
}

/// Divides the colours by the alpha that they are multiplied with.
fn straighten<T>(samples: &mut [T], channels: usize, alpha: Option<Alpha>, most: u32)
where
    T: Copy + TryFrom<u32>,
    u32: From<T>,
{
    if !alpha.is_some_and(|alpha| alpha.is_associated) {
        return;
    }
    for pixel in samples.chunks_exact_mut(channels) {
        let [colours @ .., alpha] = pixel else {
            continue;
        };
        let alpha = u32::from(*alpha);
        if alpha == 0 || alpha == most {
            continue;
        }
        for value in colours {
            let straight = (u32::from(*value) * most + alpha / 2) / alpha;
            *value = T::try_from(straight.min(most)).unwrap_or(*value);
        }
    }
}

/// An alpha that no tag speaks of and that is 0 everywhere hides the whole picture: nobody meant it.
fn without_empty_alpha<T: Copy + Default + PartialEq>(
    samples: &mut Vec<T>,
    channels: usize,
    alpha: Option<Alpha>,
) -> usize {
    let is_said = alpha.is_none_or(|alpha| alpha.is_said);
    let mut alphas = samples.iter().skip(channels - 1).step_by(channels);
    if is_said || alphas.any(|value| *value != T::default()) {
        return channels;
    }
    let mut to = 0;
    for from in 0..samples.len() {
        if from % channels != channels - 1 {
            samples[to] = samples[from];
            to += 1;
        }
    }
    samples.truncate(to);
    channels - 1
}

fn lab(
    mut samples: Vec<u16>,
    layout: &Layout,
    channels: usize,
    is_wide: bool,
    (width, height): (u32, u32),
) -> Option<Stored> {
    let coding = Coding {
        is_icc: layout.photometric == Photometric::IccLab,
        is_wide,
    };
    for (index, pixel) in samples.chunks_exact_mut(channels).enumerate() {
        if index % (1 << 16) == 0 && stop::is_asked() {
            return None;
        }
        let [first, second, third, rest @ ..] = pixel else {
            continue;
        };
        [*first, *second, *third] = coding.rgb([*first, *second, *third]);
        if let ([alpha], false) = (rest, is_wide) {
            *alpha *= 257;
        }
    }
    Stored::of_words((width, height), channels, samples)
}

/// Colours by their number. Of 16 bits, but some programs write 8.
fn of_palette(
    canvas: &Canvas,
    layout: &Layout,
    tags: &Directory,
    source: &Source,
) -> Result<Option<Stored>, PhotoError> {
    let map = tags
        .values(320)
        .ok_or_else(|| source.damaged("its palette is missing"))?;
    let entries = (map.len() / 3).min(1 << layout.bits);
    let value = |index: usize| map.number(index).unwrap_or(0);
    let is_small = (0..3 * entries).all(|index| value(index) < 256);
    let shift = if is_small { 0 } else { 8 };
    let colours: Vec<[u8; 3]> = (0..entries)
        .map(|entry| [0, 1, 2].map(|part| (value(part * entries + entry) >> shift) as u8))
        .collect();
    let colour = |number: usize| colours.get(number).copied().unwrap_or_default();
    let ((width, height), channels) = (canvas.size(), canvas.kept.len());
    let to = if channels == 2 { 4 } else { 3 };
    let most = (1_u64 << layout.bits) - 1;
    let mut pixels = Vec::with_capacity(width * height * to);
    let mut paint = |number: u16, alpha: Option<u16>| {
        pixels.extend(colour(usize::from(number)));
        pixels.extend(alpha.map(|alpha| (u64::from(alpha) * 255 / most) as u8));
    };
    match &canvas.samples {
        Samples::Eight(samples) => {
            for pixel in samples.chunks_exact(channels) {
                paint(u16::from(pixel[0]), pixel.get(1).copied().map(u16::from));
            }
        }
        Samples::Sixteen(samples) => {
            for pixel in samples.chunks_exact(channels) {
                paint(pixel[0], pixel.get(1).copied());
            }
        }
        Samples::Real(_) => return Ok(None),
    }
    Ok(Stored::of_bytes((width as u32, height as u32), to, pixels))
}
