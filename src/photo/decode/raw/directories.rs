//! Camera files that are directories of tags: CR2, NEF, ARW, DNG, ORF, RW2, PEF, SRW and their like.

use super::super::super::directory::{Container, Directory};
use super::super::super::said::Said;
use super::camera::{Camera, part};

pub const SUBFILE: u16 = 254;
pub const PHOTOMETRIC: u16 = 262;
const STRIPS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const SUB_DIRECTORIES: u16 = 330;
const JPEG: u16 = 513;
const JPEG_BYTES: u16 = 514;
const EXIF: u16 = 34_665;
const MAKER_NOTE: u16 = 37_500;
const DNG_VERSION: u16 = 50_706;
/// Panasonic's `JpgFromRaw`, whose value is the JPEG itself.
const PANASONIC_JPEG: u16 = 0x002E;

/// Values of [`PHOTOMETRIC`]: a colour filter array, and the same with its colours filled in.
const OF_SENSOR: [u64; 2] = [32_803, 34_892];

/// A file has a handful of directories; a hostile one has rings of them.
const MOST: usize = 64;

/// Whether it has the numbers of a sensor, or says that it is a DNG.
pub fn has_sensor(container: &Container) -> bool {
    let all = all(container);
    let is_sensor = |tags: &Directory| {
        let photometric = tags.number(PHOTOMETRIC);
        photometric.is_some_and(|number| OF_SENSOR.contains(&number))
            || tags.values(DNG_VERSION).is_some()
    };
    all.iter().any(is_sensor)
}

/// What may be JPEGs in it, and how it was held.
pub fn camera<'a>(container: &Container<'a>) -> Option<Camera<'a>> {
    let first = container.first()?;
    let mut previews = Vec::new();
    for tags in all(container) {
        previews.extend(pointed(container, &tags, JPEG, JPEG_BYTES));
        let is_sensor = tags.number(PHOTOMETRIC);
        if !is_sensor.is_some_and(|number| OF_SENSOR.contains(&number)) {
            previews.extend(strip(container, &tags));
        }
        previews.extend(tags.bytes(PANASONIC_JPEG));
    }
    previews.extend(of_olympus(&first));
    Some(Camera {
        previews,
        said: Said::of_directory(&first),
    })
}

/// The chain of directories, and those below each.
fn all<'a>(container: &Container<'a>) -> Vec<Directory<'a>> {
    let chain = std::iter::successors(container.first(), Directory::next);
    let mut all: Vec<_> = chain.take(MOST).collect();
    let mut next = 0;
    while next < all.len() && all.len() < MOST {
        let tags = all[next];
        let below = tags
            .values(SUB_DIRECTORIES)
            .map_or(0, |values| values.len());
        let below = (0..below.min(MOST)).filter_map(|index| tags.pointed(SUB_DIRECTORIES, index));
        all.extend(below);
        next += 1;
    }
    all
}

/// The bytes of which a directory says where they begin and how many they are.
fn pointed<'a>(
    container: &Container<'a>,
    tags: &Directory,
    start: u16,
    len: u16,
) -> Option<&'a [u8]> {
    let number = |tag| {
        tags.number(tag)
            .and_then(|number| usize::try_from(number).ok())
    };
    Some(part(container.bytes(), number(start)?, number(len)?))
}

/// A picture in one strip, which may be a JPEG by itself.
fn strip<'a>(container: &Container<'a>, tags: &Directory) -> Option<&'a [u8]> {
    let is_one = tags.values(STRIPS)?.len() == 1;
    pointed(container, tags, STRIPS, STRIP_BYTES).filter(|_| is_one)
}

/// ORF: the JPEG is pointed to by a directory in the maker's block, whose places count from there.
fn of_olympus<'a>(first: &Directory<'a>) -> Option<&'a [u8]> {
    const SETTINGS: u16 = 0x2020;
    const PREVIEW: (u16, u16) = (0x0101, 0x0102);
    let note = first.pointed(EXIF, 0)?.bytes(MAKER_NOTE)?;
    let (order, at) = match note {
        [b'O', b'L', b'Y', b'M', b'P', b'U', b'S', 0, order, _, ..] => (*order, 12),
        [
            b'O',
            b'M',
            b' ',
            b'S',
            b'Y',
            b'S',
            b'T',
            b'E',
            b'M',
            0,
            _,
            _,
            order,
            ..,
        ] => (*order, 16),
        _ => return None,
    };
    let container = Container::part(note, order == b'I');
    let settings = container.at(at)?.pointed(SETTINGS, 0)?;
    // The JPEG stands behind the block, so it is looked for in the file from there on.
    let file = first.container().bytes();
    let begins = note.as_ptr().addr() - file.as_ptr().addr();
    let from_note = Container::part(&file[begins..], order == b'I');
    pointed(&from_note, &settings, PREVIEW.0, PREVIEW.1)
}
