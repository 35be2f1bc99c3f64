//! TIFF: the container and the samples are read here, compressed chunks by the crates that know them.
//!
//! The first picture of a file is shown, as Pillow does. References: TIFF 6.0, the Technical Notes of
//! Adobe and of libtiff, `BigTIFF`; where they leave something open, libtiff and Pillow.

use super::super::decoded::{Colour, Decoded};
use super::super::directory::{Container, Directory};
use super::super::said::Said;
use super::super::source::Source;
use crate::error::{PhotoError, Result};
use canvas::Canvas;
use layout::{Layout, Photometric};

mod canvas;
mod chunks;
pub mod codec;
mod colours;
mod fax;
mod inner;
mod interchange;
pub mod lab;
pub mod layout;
mod old_jpeg;
mod predictor;
pub mod range;
mod ycbcr;

/// Directories that are looked through for one with a picture.
const MOST_DIRECTORIES: usize = 100;

/// The first picture.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let container = Container::new(source.bytes);
    let container = container.ok_or_else(|| source.damaged("its beginning is missing"))?;
    let first = container.first();
    let first = first.ok_or_else(|| source.damaged("its directory is missing"))?;
    let chain = std::iter::successors(Some(first), Directory::next).take(MOST_DIRECTORIES);
    let has_picture = |tags: &Directory| tags.values(256).is_some() && tags.values(257).is_some();
    let tags = chain.into_iter().find(has_picture).unwrap_or(first);
    let layout = Layout::new(&tags, source)?;
    let sample = canvas::sample_bytes(&layout);
    let channels = layout.photometric.samples() as u64 + u64::from(layout.alpha.is_some());
    let pixels = u64::from(layout.width) * u64::from(layout.height);
    let needed = pixels * channels * sample + colours::needed(&layout, sample);
    let share = source.share(needed.saturating_add(chunks::needed(&layout)))?;
    let mut canvas = Canvas::new(&layout);
    let present = chunks::read(&mut canvas, &layout, &tags, source)?;
    if present <= 0.0 {
        return Err(source.damaged("none of its pixels are there"));
    }
    let pixels = colours::stored(canvas, &layout, &tags, source)?;
    Ok(Decoded {
        colour: colour(&tags, &layout),
        said: Said::of_directory(&tags),
        present: present as f32,
        ..Decoded::whole(pixels, share)
    })
}

/// The profile; of `CIELab` there is none, its colours are sRGB's here.
fn colour(tags: &Directory, layout: &Layout) -> Colour {
    let is_lab = matches!(
        layout.photometric,
        Photometric::CieLab | Photometric::IccLab
    );
    match tags.values(34675) {
        Some(profile) if !is_lab && !profile.is_cut() && profile.len() > 0 => {
            Colour::Icc(profile.bytes().to_vec())
        }
        _ => Colour::Unsaid,
    }
}

#[cfg(test)]
mod tests;
