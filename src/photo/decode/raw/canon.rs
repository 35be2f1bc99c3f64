//! CR3: boxes as in films (ISO/IEC 14496-12), with Canon's own among them.
//!
//! Reference: the description of CR3 by Laurent Clévy (`canon_cr3`), and `ExifTool`'s.

use super::super::super::directory::Container;
use super::super::super::said::Said;
use super::super::boxes::boxes;
use super::camera::{Camera, part};

/// The user boxes with the directories, and with the middle preview.
const DIRECTORIES: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
const PREVIEW: [u8; 16] = *b"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16";

/// The JPEG tracks and previews, and how the camera was held.
pub fn camera(bytes: &[u8]) -> Camera<'_> {
    let mut previews = Vec::new();
    let mut said = None;
    for (name, content) in boxes(bytes) {
        match &name {
            b"moov" => {
                for (name, content) in boxes(content) {
                    match &name {
                        b"uuid" => said = said.or_else(|| said_by(content)),
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
        said: said.unwrap_or_default(),
    }
}

/// What the directories say: `CMT1` and `CMT2` are the first one of what would be a TIFF, and the one of
/// Exif below it.
fn said_by(content: &[u8]) -> Option<Said> {
    let inner = content.strip_prefix(&DIRECTORIES)?;
    let directory = |wanted: &[u8; 4]| {
        let (_, tiff) = boxes(inner).find(|(name, _)| name == wanted)?;
        Container::new(tiff)?.first()
    };
    let first = directory(b"CMT1")?;
    Some(Said::of_directories(&first, directory(b"CMT2").as_ref()))
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
