//! Where the strips and tiles of a picture are, and what comes of them.
//!
//! Tags that are wrong and do no harm are taken as libtiff takes them: lengths that are missing, 0 or too
//! short for samples that are not compressed.

use super::super::super::directory::{Directory, Values};
use super::super::super::source::Source;
use super::super::super::stop;
use super::canvas::Canvas;
use super::codec::{self, Compression};
use super::layout::Layout;
use super::{inner, interchange, predictor, ycbcr};
use crate::error::{PhotoError, Result};

/// One strip or tile.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    plane: usize,
    /// Its place among its plane's.
    across: u32,
    down: u32,
}

/// Where the chunks' bytes are.
struct Places<'a> {
    offsets: Values<'a>,
    lens: Option<Values<'a>>,
    file: &'a [u8],
}

impl<'a> Places<'a> {
    fn new(tags: &Directory<'a>, source: &Source) -> Result<Self, PhotoError> {
        // Some write one's tags for the other.
        let offsets = tags.values(324).or_else(|| tags.values(273));
        let offsets = offsets.or_else(|| tags.values(513));
        let offsets =
            offsets.ok_or_else(|| source.damaged("it does not say where its pixels are"))?;
        Ok(Self {
            offsets,
            lens: tags.values(325).or_else(|| tags.values(279)),
            file: tags.container().bytes(),
        })
    }

    /// The bytes of a chunk that becomes `needed`; none where there are none.
    fn bytes(&self, index: usize, compression: Compression, needed: u64) -> &'a [u8] {
        let none = &self.file[..0];
        let Some(offset) = self.offsets.number(index).filter(|offset| *offset > 0) else {
            return none;
        };
        let len = self.lens.and_then(|lens| lens.number(index)).unwrap_or(0);
        let next = self.offsets.number(index + 1).filter(|next| *next > offset);
        let until_next = next.map_or(u64::MAX, |next| next - offset);
        let len = match compression {
            // As many as it needs, unless the next one says that they are fewer.
            Compression::None if len < needed && until_next >= needed => needed,
            _ if len == 0 => until_next,
            _ => len,
        };
        let end = offset.saturating_add(len).min(self.file.len() as u64);
        let range = offset as usize..end as usize;
        self.file.get(range).unwrap_or(none)
    }
}

/// Bytes of the largest chunk, and what decoding it takes besides.
pub fn needed(layout: &Layout) -> u64 {
    let planes = if layout.is_planar { layout.samples } else { 1 };
    let bytes = |plane| {
        layout
            .row_bytes(plane)
            .saturating_mul(layout.byte_rows(plane, 0))
    };
    let largest = (0..planes.min(2)).map(bytes).max().unwrap_or(0);
    largest.saturating_add(codec::needed(layout.compression, largest))
}

/// Decodes every chunk onto the canvas, and tells which part of the picture's area is there.
pub fn read(
    canvas: &mut Canvas,
    layout: &Layout,
    tags: &Directory,
    source: &Source,
) -> Result<f64, PhotoError> {
    let places = Places::new(tags, source)?;
    let (across, down) = layout.grid();
    let planes = if layout.is_planar { layout.samples } else { 1 };
    let mut buffer = Vec::new();
    let (mut present, mut seen) = (0.0, 0.0);
    let mut index = 0;
    for plane in 0..planes {
        let is_seen = !layout.is_planar || canvas.kept.contains(&plane);
        for chunk in (0..down).flat_map(|down| (0..across).map(move |across| (across, down))) {
            if index % 64 == 0 && stop::is_asked() {
                return Err(source.damaged("stopped"));
            }
            if is_seen {
                let chunk = Chunk {
                    plane,
                    across: chunk.0,
                    down: chunk.1,
                };
                let part =
                    chunk.read(index, &places, &mut buffer, (canvas, layout, tags, source))?;
                let area = chunk.area(layout);
                present += area * part;
                seen += area;
            }
            index += 1;
        }
    }
    Ok(if seen > 0.0 { present / seen } else { 0.0 })
}

impl Chunk {
    /// Pixels of it that the picture has.
    fn area(&self, layout: &Layout) -> f64 {
        let (columns, rows) = layout.chunk;
        let across = (layout.width - self.across * columns).min(columns);
        let down = (layout.height - self.down * rows).min(rows);
        f64::from(across) * f64::from(down)
    }

    /// Decodes it, and tells which part of it is there.
    fn read(
        &self,
        index: usize,
        places: &Places,
        buffer: &mut Vec<u8>,
        (canvas, layout, tags, source): (&mut Canvas, &Layout, &Directory, &Source),
    ) -> Result<f64, PhotoError> {
        let (stride, rows) = (
            layout.row_bytes(self.plane),
            layout.byte_rows(self.plane, self.down),
        );
        let needed = stride.saturating_mul(rows);
        let bytes = places.bytes(index, layout.compression, needed);
        let (x, y) = (self.across * layout.chunk.0, self.down * layout.chunk.1);
        let (x, y) = (x as usize, y as usize);
        // One stream may stand elsewhere.
        if bytes.is_empty() && !interchange::is_whole(tags, layout.compression) {
            return Ok(0.0);
        }
        let stride = stride as usize;
        let got = if layout.compression.is_picture() {
            let rows = layout.rows(self.down);
            *buffer = inner::samples(bytes, layout, (layout.chunk.0, rows), tags, source)?;
            buffer.len()
        } else {
            buffer.clear();
            buffer.resize(needed as usize, 0);
            decode(bytes, layout, buffer)
        };
        let whole = got / stride;
        for (row, bytes) in buffer.chunks_exact_mut(stride).take(whole).enumerate() {
            if row % 64 == 0 && stop::is_asked() {
                return Err(source.damaged("stopped"));
            }
            predictor::undo(layout, bytes);
            if layout.is_subsampled() {
                let shared = !(layout.is_planar && self.plane == 0);
                let step = if shared {
                    layout.subsampling.1 as usize
                } else {
                    1
                };
                ycbcr::put(canvas, layout, bytes, self.plane, (x, y + row * step));
            } else {
                canvas.put(layout, bytes, self.plane, (x, y + row));
            }
        }
        // Of a tile only the rows that the picture has.
        let visible = (layout.height as usize - y).min(layout.chunk.1 as usize);
        let step = if rows == u64::from(layout.rows(self.down)) {
            1
        } else {
            layout.subsampling.1 as usize
        };
        Ok((whole * step).min(visible) as f64 / visible as f64)
    }
}

/// Decodes a chunk's bytes, and tells how many come of it.
fn decode(bytes: &[u8], layout: &Layout, to: &mut [u8]) -> usize {
    let width = layout.chunk.0 as usize;
    if !layout.is_reversed {
        return codec::decode(layout.compression, bytes, width, to);
    }
    let most = bytes.len().min(codec::most(to.len()));
    let turned: Vec<u8> = bytes[..most]
        .iter()
        .map(|byte| byte.reverse_bits())
        .collect();
    codec::decode(layout.compression, &turned, width, to)
}
