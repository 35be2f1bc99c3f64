//! Camera RAW: what a sensor saw, which only its maker's programs develop as the maker meant. Every
//! camera puts a JPEG of the developed photo beside it, which is what is read here: the largest that is
//! sound, turned as the file says unless the JPEG says so itself.
//!
//! References: TIFF/EP (ISO 12234-2) and DNG 1.7 for the directories; for the makers' own containers the
//! public descriptions of `ExifTool` and `LibRaw`.

use super::super::decoded::Decoded;
use super::super::directory::Container;
use super::super::jpeg;
use super::super::said::Said;
use super::super::source::Source;
use super::tiff;
use crate::error::{PhotoError, Result};

mod camera;
mod canon;
mod directories;

use camera::{Camera, part};

/// Whether a file that begins as a TIFF does is a camera's: it has the numbers of a sensor, or says that it
/// is a DNG.
pub fn is_camera(bytes: &[u8]) -> bool {
    Container::new(bytes).is_some_and(|container| directories::has_sensor(&container))
}

/// The largest sound JPEG in a camera file.
///
/// # Errors
/// There is none, or what is wrong with it.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let camera =
        looked_at(source.bytes).ok_or_else(|| source.damaged("its directory is missing"))?;
    let mut previews: Vec<_> = camera
        .previews
        .into_iter()
        .filter_map(|bytes| Some((bytes, jpeg::photo(bytes)?)))
        .collect();
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    previews.sort_by_key(|(_, size)| std::cmp::Reverse(area(*size)));
    let (mut failed, mut incomplete) = (None, None);
    for (bytes, _) in previews {
        let with_all_said = |decoded: Decoded| Decoded {
            said: decoded.said.or(camera.said.clone()),
            ..decoded
        };
        match jpeg::decode(&source.within(bytes)).map(with_all_said) {
            Ok(decoded) if decoded.present >= 1.0 => return Ok(decoded),
            Ok(decoded) => incomplete = incomplete.or(Some(decoded)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if is_plain(source.bytes) {
        return tiff::decode(source);
    }
    if let Some(decoded) = incomplete {
        return Ok(decoded);
    }
    let none = || source.not_supported("camera RAW without a preview in JPEG");
    Err(failed.unwrap_or_else(none))
}

fn looked_at(bytes: &[u8]) -> Option<Camera<'_>> {
    if bytes.starts_with(b"FUJIFILMCCD-RAW ") {
        return fuji(bytes);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(canon::camera(bytes));
    }
    directories::camera(&Container::new(bytes)?)
}

/// RAF: where its JPEG stands is said at a fixed place.
fn fuji(bytes: &[u8]) -> Option<Camera<'_>> {
    let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let (start, len) = (number(84)?, number(88)?);
    Some(Camera {
        previews: vec![part(bytes, start, len)],
        // The JPEG has an Exif block of its own.
        said: Said::default(),
    })
}

/// A DNG whose first directory is a picture as any TIFF has it, and no small one of what is elsewhere.
fn is_plain(bytes: &[u8]) -> bool {
    let first = Container::new(bytes).and_then(|container| container.first());
    first.is_some_and(|tags| {
        let is_small = tags
            .number(directories::SUBFILE)
            .is_some_and(|kind| kind & 1 == 1);
        !is_small && matches!(tags.number(directories::PHOTOMETRIC), Some(0..=8))
    })
}

#[cfg(test)]
mod tests;
