//! A WebP that ends too early, filled up so that its decoder reads as far as it goes.
//!
//! A VP8 decoder that has nothing more to read goes on with zeros (RFC 6386, section 7.3, as libwebp does
//! it); the crate gives up instead. So it is given the zeros, and what comes of them is told from the rest
//! by a second file that has some more of them: rows that differ depend on bytes that are missing. In a
//! lossless picture too each pixel depends on those before it alone (RFC 9649, section 3).

/// What stands before a file's first chunk, and before a chunk's content; in bytes.
const FILE: usize = 12;
const CHUNK: usize = 8;
/// Bytes of the beginning of a picture, with its sides.
const HEAD: usize = 10;
/// Bits of a side in a lossless picture, behind a byte that says what it is.
const SIDE: u32 = 14;
/// Zeros that a block of 16 × 16 pixels reads at most: each is that there is nothing, at up to eight bits
/// for one of 25 parts and for what is said of the block.
const OF_BLOCK: usize = 40;
/// The same of a lossless pixel: four codes of at most 15 bits.
const OF_PIXEL: usize = 8;
/// Pixels for each byte that is there, beyond which a lossless picture is nearly all gone, and would take
/// long to be filled up.
const PIXELS_OF_BYTE: usize = 128;
/// Pixels that all fillings together may decode: each filling decodes the picture twice.
const PIXELS_TRIED: usize = 1 << 26;
/// Bytes at the end that are zeros once more, to see where they count. Fewer would often be zeros anyway.
const MORE: usize = 24;
/// Zeros first; the more regular, the sooner it is a code that the picture has.
const FILLINGS: [u8; 15] = [
    0, 0xff, 0x55, 0xaa, 0x33, 0xcc, 0x0f, 0xf0, 0x11, 0xee, 0x77, 0x88, 0x92, 0x49, 0x24,
];
/// What the first byte of an extended file says: that Exif and XMP follow.
const MORE_FOLLOWS: u8 = 0x0c;

/// Such a file.
#[derive(Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Where its picture's chunk begins.
    chunk: usize,
    /// Bytes that it has once it is filled up.
    pub len: usize,
    /// Pixels that it has, of a lossless one.
    lossless: Option<usize>,
}

impl CutOff {
    /// If `bytes` end within a picture that stands alone.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let mut at = FILE;
        loop {
            let [name @ .., a, b, c, d] = bytes.get(at..)?.first_chunk::<CHUNK>()?;
            let said = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            let start = at + CHUNK;
            if name == b"VP8 " || name == b"VP8L" {
                let end = start.checked_add(said)?;
                let picture = bytes.get(start..).filter(|picture| picture.len() > HEAD)?;
                let lossless = (name == b"VP8L").then(|| lossless_pixels(picture));
                let filling =
                    lossless.map_or_else(|| of_lossy(picture), |pixels| OF_PIXEL * pixels);
                // A length that no file of such a size has is wrong, or the file is nearly all gone.
                let is_gone =
                    lossless.is_some_and(|pixels| pixels / PIXELS_OF_BYTE > picture.len());
                let is_cut = end > bytes.len() && said < picture.len().saturating_mul(4);
                let len = end.checked_add(filling)?.next_multiple_of(2);
                return (is_cut && !is_gone).then_some(Self {
                    chunk: at,
                    len,
                    lossless,
                });
            }
            if name == b"ANMF" {
                return None;
            }
            at = start.checked_add(said)?.checked_add(said % 2)?;
        }
    }

    /// What may stand instead of what is missing: zeros, of which a lossy picture can read any number; a
    /// lossless one may take them for pixels to be copied from before its beginning or to beyond its
    /// end, and others for single pixels.
    pub fn fillings(&self) -> &'static [u8] {
        let Some(pixels) = self.lossless else {
            return &FILLINGS[..1];
        };
        let tries = PIXELS_TRIED / (2 * pixels).max(1);
        &FILLINGS[..tries.clamp(1, FILLINGS.len())]
    }

    /// The file with such bytes instead of what is missing.
    pub fn filled(&self, bytes: &[u8], filling: u8) -> Vec<u8> {
        let mut filled = Vec::with_capacity(self.len);
        filled.extend_from_slice(bytes);
        filled.resize(self.len, filling);
        let length = |from: usize| ((self.len - from) as u32).to_le_bytes();
        filled[4..8].copy_from_slice(&length(CHUNK));
        let picture = self.chunk + CHUNK;
        filled[self.chunk + 4..picture].copy_from_slice(&length(picture));
        if &filled[FILE..FILE + 4] == b"VP8X" {
            filled[FILE + CHUNK] &= !MORE_FOLLOWS;
        }
        filled
    }

    /// The same with some more of them at the end of what is there.
    pub fn filled_sooner(&self, bytes: &[u8], filling: u8) -> Vec<u8> {
        let mut filled = self.filled(bytes, filling);
        let sooner = bytes.len().saturating_sub(MORE);
        filled[sooner.max(self.chunk + CHUNK + HEAD)..bytes.len()].fill(filling);
        filled
    }
}

/// Zeros that a lossy picture reads at most.
fn of_lossy(picture: &[u8]) -> usize {
    let side = |at: usize| {
        let side = u16::from_le_bytes([picture[at], picture[at + 1]]) & 0x3fff;
        usize::from(side).div_ceil(16)
    };
    OF_BLOCK * side(6) * side(8)
}

/// Pixels of a lossless picture.
fn lossless_pixels(picture: &[u8]) -> usize {
    let said = u32::from_le_bytes([picture[1], picture[2], picture[3], picture[4]]);
    let side = |bits: u32| (bits & ((1 << SIDE) - 1)) as usize + 1;
    side(said) * side(said >> SIDE)
}

/// Which part of a picture is the same in both, from the top on.
pub fn part_of_rows(sooner: &[u8], later: &[u8], height: u32) -> f32 {
    let of_row = (later.len() / height.max(1) as usize).max(1);
    let rows = sooner.chunks(of_row).zip(later.chunks(of_row));
    let same = rows.take_while(|(sooner, later)| sooner == later).count();
    same as f32 / height.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lossy_picture_alone_that_ends_too_early_is_cut_off() {
        let picture = [
            &b"VP8 \x40\0\0\0\0\0\0\x9d\x01\x2a\x20\0\x11\0"[..],
            &[7; 0x36],
        ]
        .concat();
        let whole = [&b"RIFF\x4c\0\0\0WEBP"[..], &picture].concat();
        assert_eq!(CutOff::of(&whole), None);
        let cut = CutOff::of(&whole[..60]).unwrap();
        assert_eq!(
            cut,
            CutOff {
                chunk: 12,
                len: 84 + 4 * OF_BLOCK,
                lossless: None,
            }
        );
        let filled = cut.filled(&whole[..60], 0);
        assert_eq!(filled.len(), cut.len);
        assert_eq!(filled[4..8], ((cut.len - 8) as u32).to_le_bytes());
        assert_eq!(filled[16..20], ((cut.len - 20) as u32).to_le_bytes());
        assert_eq!((&filled[20..60], filled[60]), (&whole[20..60], 0));
        assert_eq!(cut.filled_sooner(&whole[..60], 0)[35..38], [7, 0, 0]);
        for end in 0..30 {
            assert_eq!(CutOff::of(&whole[..end]), None);
        }
        let animation = [&whole[..12], b"ANMF\xff\xff\0\0", &picture].concat();
        assert_eq!(CutOff::of(&animation), None);
    }

    /// A few bytes that say they are a picture of 192 megapixels took half a minute.
    #[test]
    fn a_lossless_picture_that_is_nearly_all_gone_is_not_filled_up() {
        let file = |width: u32, height: u32| {
            let sides = ((width - 1) | ((height - 1) << SIDE)).to_le_bytes();
            let head = [&b"RIFF\x4c\x01\0\0WEBPVP8L\x40\x01\0\0\x2f"[..], &sides].concat();
            [head, vec![7; 0x100]].concat()
        };
        let tries =
            |width, height| CutOff::of(&file(width, height)).map(|cut| cut.fillings().len());
        assert_eq!(tries(64, 48), Some(FILLINGS.len()));
        assert_eq!(tries(16_000, 12_000), None);
        let large = CutOff {
            chunk: 12,
            len: 0,
            lossless: Some(48_000_000),
        };
        assert_eq!(large.fillings().len(), 1);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "halves and wholes are exact")]
    fn rows_count_from_the_top_on() {
        assert_eq!(part_of_rows(&[1, 2, 3, 4], &[1, 2, 0, 4], 4), 0.5);
        assert_eq!(part_of_rows(&[1, 2], &[1, 2], 2), 1.0);
    }
}
