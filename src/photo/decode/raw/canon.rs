//! CR3: boxes as in films (ISO/IEC 14496-12), with Canon's own among them.
//!
//! Reference: the description of CR3 by Laurent Clévy (`canon_cr3`), and `ExifTool`'s.

use super::super::super::directory::Container;
use super::super::super::orientation;
use super::camera::{Camera, part};

/// The user boxes with the directories, and with the middle preview.
const DIRECTORIES: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
const PREVIEW: [u8; 16] = *b"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16";

/// The JPEG tracks and previews, and how the camera was held.
pub fn camera(bytes: &[u8]) -> Camera<'_> {
    let mut previews = Vec::new();
    let mut orientation = None;
    for (name, content) in boxes(bytes) {
        match &name {
            b"moov" => {
                for (name, content) in boxes(content) {
                    match &name {
                        b"uuid" => orientation = orientation.or_else(|| held_by(content)),
                        b"trak" => previews.extend(first_sample(bytes, content)),
                        _ => {}
                    }
                }
            }
            b"uuid" => previews.extend(preview(content)),
            _ => {}
        }
    }
    Camera {
        previews,
        orientation,
    }
}

/// Names and contents, as far as they are whole.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let [a, b, c, d, name @ ..] = *head;
        let (start, len) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, bytes.len()),
            1 => (
                16,
                usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?,
            ),
            len => (8, len as usize),
        };
        let content = bytes.get(start..len)?;
        bytes = &bytes[len..];
        Some((name, content))
    })
}

/// The orientation in `CMT1`, the first directory of what would be a TIFF.
fn held_by(content: &[u8]) -> Option<image::metadata::Orientation> {
    let inner = content.strip_prefix(&DIRECTORIES)?;
    let (_, tiff) = boxes(inner).find(|(name, _)| name == b"CMT1")?;
    orientation::of_directory(&Container::new(tiff)?.first()?)
}

/// The JPEG in `PRVW`, behind a head of its own.
fn preview(content: &[u8]) -> Option<&[u8]> {
    let inner = content.strip_prefix(&PREVIEW)?.get(8..)?;
    let (_, preview) = boxes(inner).find(|(name, _)| name == b"PRVW")?;
    let start = memchr::memmem::find(preview, b"\xff\xd8\xff")?;
    Some(&preview[start..])
}

/// The first sample of a track: of one of the tracks it is a JPEG of all pixels.
fn first_sample<'a>(file: &'a [u8], track: &[u8]) -> Option<&'a [u8]> {
    let within = |content, path: &[&[u8; 4]]| {
        let next = |content, name: &&[u8; 4]| Some(boxes(content).find(|it| it.0 == **name)?.1);
        path.iter().try_fold(content, next)
    };
    let samples = within(track, &[b"mdia", b"minf", b"stbl"])?;
    let sizes = within(samples, &[b"stsz"])?;
    let number =
        |bytes: &[u8], at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let len = match number(sizes, 4)? {
        0 => number(sizes, 12)?,
        of_all => of_all,
    };
    let start = match within(samples, &[b"co64"]) {
        Some(places) => u64::from_be_bytes(*places.get(8..)?.first_chunk()?),
        None => u64::from(number(within(samples, &[b"stco"])?, 8)?),
    };
    let start = usize::try_from(start).ok()?;
    Some(part(file, start, len as usize))
}
