//! The floor under decoding a JPEG: reading its entropy code, without making pixels of it.
//!
//! It is the crate's own reader, built here once more, since only a bench wants half a decoder.

#[allow(
    dead_code,
    unused_imports,
    reason = "only JPEG's way to it is used here"
)]
#[path = "../../src/photo/camera.rs"]
mod camera;
#[allow(dead_code, reason = "only the reading of the code is timed")]
#[path = "../../src/photo/directory.rs"]
mod directory;
#[allow(dead_code, reason = "only the reading of the code is timed")]
#[path = "../../src/photo/orientation.rs"]
mod orientation;
#[allow(
    dead_code,
    unused_imports,
    reason = "only JPEG's way to it is used here"
)]
#[path = "../../src/photo/said.rs"]
mod said;
#[allow(dead_code, unused_imports, reason = "nobody stops a bench")]
#[path = "../../src/photo/stop.rs"]
mod stop;
#[allow(
    dead_code,
    unused_imports,
    reason = "only JPEG's way to it is used here"
)]
#[path = "../../src/photo/taken.rs"]
mod taken;
#[allow(
    dead_code,
    unused_imports,
    reason = "only JPEG's way to it is used here"
)]
#[path = "../../src/photo/xmp.rs"]
mod xmp;
#[allow(
    dead_code,
    unused_imports,
    reason = "only the reading of the code is timed"
)]
#[path = "../../src/photo/jpeg"]
mod jpeg {
    pub mod bits;
    pub mod canvas;
    pub mod colours;
    pub mod convert;
    pub mod huffman;
    pub mod inverse;
    pub mod layout;
    pub mod marker;
    pub mod outline;
    pub mod planes;
    pub mod progressive;
    pub mod standard;
    pub mod stretch;
    pub mod tables;
    pub mod whole;
    pub mod wide;
}

use jpeg::bits::{Bits, Cursor};
use jpeg::huffman::{Skips, Values};
use jpeg::inverse;
use jpeg::layout::Layout;
use jpeg::marker::{next_marker, segment};
use jpeg::outline::Outline;
use jpeg::planes::{self, Plane};
use jpeg::progressive::Progressive;
use jpeg::tables::{Scan, Tables};

/// What is done with the coefficients.
#[derive(Clone, Copy, PartialEq)]
pub enum Coefficients {
    /// Each is read, and dropped.
    Read,
    /// All but the first of a block are passed, several at one look.
    Passed,
}

/// Goes through the only scan of a baseline file; the sum of what was read. None if it cannot.
pub fn baseline(bytes: &[u8], coefficients: Coefficients) -> Option<i64> {
    let outline = Outline::of(bytes);
    let layout = Layout::new(outline.frame()?, 1);
    let mut tables = Tables::default();
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = next_marker(rest)?;
        let (segment, behind) = segment(after)?;
        match marker {
            0xDA => {
                return one_scan(
                    behind,
                    &Scan::parse(segment)?,
                    &tables,
                    &layout,
                    coefficients,
                );
            }
            0xC2 => return None,
            _ => tables.note(marker, segment)?,
        }
        rest = behind;
    }
}

fn one_scan(
    data: &[u8],
    scan: &Scan,
    tables: &Tables,
    layout: &Layout,
    coefficients: Coefficients,
) -> Option<i64> {
    let codes = scan.components.iter().map(|(_, dc, ac)| {
        let ac = Values::ac(tables.ac(*ac)?);
        Some((Values::dc(tables.dc(*dc)?), Skips::new(&ac), ac))
    });
    let codes: Vec<(Values, Skips, Values)> = codes.collect::<Option<_>>()?;
    let mut bits = Bits::new(data);
    let mut cursor = Cursor::default();
    let mut sum = 0;
    for unit in 0..layout.units.0 * layout.units.1 {
        let interval = tables.restart_interval;
        if interval > 0 && unit > 0 && unit.is_multiple_of(interval) {
            bits.restart(unit / interval - 1).then_some(())?;
            cursor = Cursor::default();
        }
        for ((dc, skips, ac), component) in codes.iter().zip(&layout.components) {
            for _ in 0..component.across * component.down {
                cursor = bits.ready(cursor);
                let bytes = bits.bytes();
                cursor.refill(bytes)?;
                sum += i64::from(dc.next(&mut cursor)?.value);
                match coefficients {
                    Coefficients::Passed => skips.rest_of_block(ac, 0, bytes, &mut cursor)?,
                    Coefficients::Read => sum += rest_of_block(ac, bytes, &mut cursor)?,
                }
            }
        }
    }
    (!bits.is_overrun(cursor)).then_some(sum)
}

#[inline(always)]
fn rest_of_block(codes: &Values, bytes: &[u8], cursor: &mut Cursor) -> Option<i64> {
    let (mut place, mut sum) = (0, 0);
    while place < 63 {
        cursor.refill(bytes)?;
        let coefficient = codes.next(cursor)?;
        place += coefficient.ahead;
        sum += i64::from(coefficient.value);
    }
    Some(sum)
}

/// Goes through all scans of a progressive file as far as `eighths` of its size need them. None if
/// it cannot.
pub fn progressive(bytes: &[u8], eighths: u32) -> Option<()> {
    let outline = Outline::of(bytes);
    let frame = outline.frame().filter(|frame| frame.marker == 0xC2)?;
    let layout = Layout::new(frame, eighths);
    let parts = layout.components.iter();
    let empty = parts.map(|part| Plane::new(part, &layout, inverse::last(part.size) + 1));
    let mut planes: Vec<Plane> = empty.collect();
    let mut tables = Tables::default();
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == 0xD9 {
            return Some(());
        }
        let (segment, behind) = segment(after)?;
        rest = behind;
        if marker != 0xDA {
            tables.note(marker, segment)?;
            continue;
        }
        let scan = Scan::parse(segment)?;
        let of = scan.components.iter().map(|(id, ..)| {
            let mut parts = layout.components.iter();
            parts.position(|part| part.id == *id)
        });
        let of: Vec<usize> = of.collect::<Option<_>>()?;
        if scan.band.0 == 0 || planes[of[0]].kept > 1 {
            let mut coder = Progressive::new(behind, &scan, &tables)?;
            let interval = tables.restart_interval;
            planes::read(&mut coder, &of, &layout, interval, &mut planes);
            rest = coder.rest();
        }
    }
}
