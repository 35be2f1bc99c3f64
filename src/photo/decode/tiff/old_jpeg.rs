//! The JPEG of TIFF 6.0 itself, which was given up, made into streams that a decoder reads.
//!
//! Programs wrote it in three ways: the whole stream at `JPEGInterchangeFormat`; there only what stands
//! before the picture, whose data are the strips; or tables alone, each at a place of its own.
//!
//! References: TIFF 6.0, section 22; ITU-T T.81, annex B; libtiff's `tif_ojpeg.c`.

use super::super::super::directory::Directory;
use super::interchange::interchange;
use super::layout::Layout;

/// A stream for the chunk whose bytes are `bytes`.
pub fn stream(
    bytes: &[u8],
    layout: &Layout,
    size: (u32, u32),
    tags: &Directory,
) -> Option<Vec<u8>> {
    if bytes.starts_with(&[0xFF, 0xD8]) {
        return Some(bytes.to_vec());
    }
    if let Some(before) = interchange(tags) {
        if has_data(before) {
            return Some(before.to_vec());
        }
        let mut stream = before
            .strip_suffix(&[0xFF, 0xD9])
            .unwrap_or(before)
            .to_vec();
        if !has_scan(before) && !bytes.starts_with(&[0xFF, 0xDA]) {
            // Brightness has one pair of tables, and both differences the other, as in every JPEG.
            scan(&mut stream, layout.samples, 1);
        }
        strips(&mut stream, tags);
        return Some(stream);
    }
    let mut stream = vec![0xFF, 0xD8];
    tables(&mut stream, layout, tags)?;
    frame(&mut stream, layout, size);
    if let Some(interval) = tags.number(515).filter(|interval| *interval > 0) {
        stream.extend([0xFF, 0xDD, 0, 4]);
        stream.extend((interval as u16).to_be_bytes());
    }
    scan(&mut stream, layout.samples, 3);
    stream.extend(bytes);
    Some(stream)
}

/// Where the header of a stream's first scan ends.
fn scan_end(stream: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let [0xFF, marker, high, low] = *stream.get(at..)?.first_chunk()? else {
            return None;
        };
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == 0xDA {
            return Some(at);
        }
    }
}

fn has_scan(stream: &[u8]) -> bool {
    scan_end(stream).is_some()
}

fn has_data(stream: &[u8]) -> bool {
    scan_end(stream).is_some_and(|end| end + 2 < stream.len())
}

fn strips(stream: &mut Vec<u8>, tags: &Directory) {
    let (Some(offsets), Some(lens)) = (tags.values(273), tags.values(279)) else {
        return;
    };
    let file = tags.container().bytes();
    for index in 0..offsets.len().min(lens.len()) {
        let range = offsets
            .number(index)
            .zip(lens.number(index))
            .and_then(|(offset, len)| {
                let offset = usize::try_from(offset).ok()?;
                Some(
                    offset
                        ..offset
                            .checked_add(usize::try_from(len).ok()?)?
                            .min(file.len()),
                )
            });
        let strip = range.and_then(|range| file.get(range)).unwrap_or_default();
        // Strips that overlap would make a stream larger than the file.
        if stream.len() + strip.len() <= 2 * file.len() {
            stream.extend(strip);
        }
    }
}

/// The tables of each component; of one that has none of its own, the last one's.
fn tables(stream: &mut Vec<u8>, layout: &Layout, tags: &Directory) -> Option<()> {
    let file = tags.container().bytes();
    let place = |tag: u16, index: usize| {
        let places = tags.values(tag)?;
        let offset = places.number(index.min(places.len().checked_sub(1)?))?;
        file.get(usize::try_from(offset).ok()?..)
    };
    for index in 0..layout.samples.min(4) {
        stream.extend([0xFF, 0xDB, 0, 67, index as u8]);
        stream.extend(place(519, index)?.get(..64)?);
        for (tag, class) in [(520, 0), (521, 0x10)] {
            let table = place(tag, index)?;
            let values = table
                .get(..16)?
                .iter()
                .map(|count| usize::from(*count))
                .sum::<usize>();
            let table = table.get(..16 + values.min(256))?;
            stream.extend([0xFF, 0xC4]);
            stream.extend((3 + table.len() as u16).to_be_bytes());
            stream.push(class | index as u8);
            stream.extend(table);
        }
    }
    Some(())
}

fn frame(stream: &mut Vec<u8>, layout: &Layout, (columns, rows): (u32, u32)) {
    let count = layout.samples.min(4);
    stream.extend([0xFF, 0xC0, 0, 8 + 3 * count as u8, 8]);
    stream.extend((rows as u16).to_be_bytes());
    stream.extend((columns as u16).to_be_bytes());
    stream.push(count as u8);
    let (across, down) = layout.subsampling;
    for index in 0..count as u8 {
        let sampling = if index == 0 {
            (across as u8) << 4 | down as u8
        } else {
            0x11
        };
        stream.extend([index + 1, sampling, index]);
    }
}

/// The header of the scan of all components, whose tables have numbers up to `last`.
fn scan(stream: &mut Vec<u8>, samples: usize, last: u8) {
    let count = samples.min(4) as u8;
    stream.extend([0xFF, 0xDA, 0, 6 + 2 * count, count]);
    for index in 0..count {
        stream.extend([index + 1, index.min(last) * 0x11]);
    }
    stream.extend([0, 63, 0]);
}
