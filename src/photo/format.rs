//! Which picture format some bytes are in, told by their beginning.

use std::ffi::OsStr;
use std::path::Path;

/// A picture format that imgsearch reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JPEG: baseline and progressive, grey, colour and CMYK.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
    /// GIF.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF.
    Tiff,
    /// AVIF: AV1 in HEIF.
    Avif,
    /// HEIC: HEVC in HEIF.
    Heic,
    /// JPEG XL.
    JpegXl,
    /// What a camera's sensor saw, in its maker's own format: CR2, CR3, NEF, ARW, DNG, RAF, ORF, RW2.
    Raw,
    /// Netpbm: PBM, PGM, PPM, PAM, and PFM.
    Pnm,
    /// QOI.
    Qoi,
    /// Truevision TGA, which only its name tells.
    Tga,
    /// Windows icons and cursors.
    Ico,
    /// Photoshop, its composite.
    Psd,
    /// JPEG 2000.
    Jpeg2000,
}

/// How many bytes [`Format::of`] looks at.
pub const MAGIC_BYTES: usize = 32;

impl Format {
    /// The format of a file that begins with `bytes`; [`MAGIC_BYTES`] of them are enough.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        let format = if starts(b"\xff\xd8\xff") {
            Self::Jpeg
        } else if starts(b"\xff\x0a") || starts(b"\0\0\0\x0cJXL \r\n\x87\n") {
            Self::JpegXl
        } else if starts(b"\x89PNG\r\n\x1a\n") {
            Self::Png
        } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Self::WebP
        } else if starts(b"GIF87a") || starts(b"GIF89a") {
            Self::Gif
        } else if is_bmp(bytes) {
            Self::Bmp
        } else if is_camera(bytes) {
            Self::Raw
        } else if starts(b"II*\0") || starts(b"MM\0*") || starts(b"II+\0") || starts(b"MM\0+") {
            Self::Tiff
        } else if starts(b"8BPS") {
            Self::Psd
        } else if starts(b"qoif") {
            Self::Qoi
        } else if starts(b"\0\0\0\x0cjP  \r\n\x87\n") || starts(b"\xff\x4f\xff\x51") {
            Self::Jpeg2000
        } else if is_pnm(bytes) {
            Self::Pnm
        } else if is_ico(bytes) {
            Self::Ico
        } else {
            return heif_brand(bytes);
        };
        Some(format)
    }

    /// The format's usual name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Avif => "AVIF",
            Self::Heic => "HEIC",
            Self::JpegXl => "JPEG XL",
            Self::Raw => "camera RAW",
            Self::Pnm => "PNM",
            Self::Qoi => "QOI",
            Self::Tga => "TGA",
            Self::Ico => "ICO",
            Self::Psd => "PSD",
            Self::Jpeg2000 => "JPEG 2000",
        }
    }

    /// The format of the file at `path` that begins with `bytes`. Content decides; the name counts where
    /// content says nothing: a TGA has no beginning of its own.
    #[must_use]
    pub fn of_named(path: &Path, bytes: &[u8]) -> Option<Self> {
        let ending = || path.extension().and_then(OsStr::to_str).unwrap_or_default();
        let is_tga = || Self::Tga.has_ending(ending()) && is_like_tga(bytes);
        Self::of(bytes).or_else(|| is_tga().then_some(Self::Tga))
    }

    /// All formats with the endings of their files' names, the usual one first.
    pub const ENDINGS: [(Self, &'static [&'static str]); 16] = [
        (
            Self::Jpeg,
            &[
                "jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp", "mpo", "jps", "insp",
                "thm",
            ],
        ),
        (Self::Png, &["png", "apng"]),
        (Self::WebP, &["webp"]),
        (Self::Gif, &["gif"]),
        (Self::Bmp, &["bmp", "dib"]),
        (Self::Tiff, &["tif", "tiff"]),
        (Self::Avif, &["avif", "avifs"]),
        (Self::Heic, &["heic", "heif", "hif", "heics", "heifs"]),
        (Self::JpegXl, &["jxl"]),
        (
            Self::Raw,
            &[
                "cr2", "cr3", "nef", "nrw", "arw", "sr2", "srf", "dng", "raf", "orf", "rw2", "pef",
                "srw",
            ],
        ),
        (Self::Pnm, &["pnm", "pbm", "pgm", "ppm", "pam", "pfm"]),
        (Self::Qoi, &["qoi"]),
        (Self::Tga, &["tga", "icb", "vda", "vst"]),
        (Self::Ico, &["ico", "cur"]),
        (Self::Psd, &["psd", "psb"]),
        (Self::Jpeg2000, &["jp2", "j2k", "jpf", "jpx", "jpc", "j2c"]),
    ];

    /// The endings of the names of files in this format, the usual one first.
    #[must_use]
    pub fn endings(self) -> &'static [&'static str] {
        let row = Self::ENDINGS.iter().find(|(format, _)| *format == self);
        row.map_or(&[], |(_, endings)| endings)
    }

    /// The most bytes that a file in this format has: what is larger is a film, or a bomb. A picture of
    /// 200 megapixels takes at most some 2.5 bytes for each of them where it is packed with a loss; as
    /// many as 1 GiB holds are taken where it may be stored as it is.
    #[must_use]
    pub const fn most_bytes(self) -> u64 {
        match self {
            Self::Png | Self::Bmp | Self::Tiff | Self::Pnm | Self::Tga | Self::Psd => 1 << 30,
            _ => 512 << 20,
        }
    }

    fn has_ending(self, ending: &str) -> bool {
        let endings = self.endings().iter();
        endings
            .into_iter()
            .any(|it| it.eq_ignore_ascii_case(ending))
    }

    /// Whether files named `….extension` are in one of the formats, as far as the name tells: whether
    /// they are looked at. What they are their content says.
    #[must_use]
    pub fn is_extension(extension: &str) -> bool {
        let mut formats = Self::ENDINGS.iter();
        formats.any(|(format, _)| format.has_ending(extension))
    }
}

/// Whether `bytes` may be the header of a TGA: kind of colour map, kind of picture, bits of a pixel.
fn is_like_tga(bytes: &[u8]) -> bool {
    let header = bytes.get(..18);
    header.is_some_and(|header| {
        header[1] <= 1
            && matches!(header[2], 1..=3 | 9..=11)
            && matches!(header[16], 1 | 8 | 15 | 16 | 24 | 32)
    })
}

/// Two letters alone would take any text that begins with `BM`; the size of the header that
/// follows the 14 bytes of file header is one of few.
fn is_bmp(bytes: &[u8]) -> bool {
    let header = bytes
        .get(14..18)
        .map(|size| [size[0], size[1], size[2], size[3]]);
    bytes.starts_with(b"BM")
        && header.is_some_and(|size| {
            matches!(
                u32::from_le_bytes(size),
                12 | 16 | 40 | 52 | 56 | 64 | 108 | 124
            )
        })
}

/// What camera makers begin their own containers with: Canon's CR2, Fujifilm's RAF, Olympus' ORF,
/// Panasonic's RW2. Those of other makers begin as any TIFF does.
fn is_camera(bytes: &[u8]) -> bool {
    let canon = bytes.starts_with(b"II*\0") && bytes.get(8..10) == Some(b"CR");
    let own = [
        &b"FUJIFILMCCD-RAW "[..],
        b"IIRO",
        b"IIRS",
        b"MMOR",
        b"IIU\0",
    ];
    canon || own.iter().any(|magic| bytes.starts_with(magic))
}

/// `P1` to `P7`, `Pf` or `PF`, and a space.
fn is_pnm(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'1'..=b'7' | b'f' | b'F', space, ..] if space.is_ascii_whitespace())
}

/// A directory of icons or cursors, whose first entry says that its picture stands behind it and that a
/// byte of it has no meaning: four bytes alone would take many a file.
fn is_ico(bytes: &[u8]) -> bool {
    let Some([0, 0, 1 | 2, 0, low, high, _, _, _, 0 | 0xFF, ..]) = bytes.get(..22) else {
        return false;
    };
    let count = u32::from(u16::from_le_bytes([*low, *high]));
    let place = bytes[18..22]
        .iter()
        .rev()
        .fold(0, |place, byte| place << 8 | u32::from(*byte));
    count > 0 && place >= 6 + 16 * count
}

/// The `ftyp` box of ISO/IEC 14496-12: its main brand, then the compatible ones. The main brand
/// is often the general `mif1`, so the others decide.
fn heif_brand(bytes: &[u8]) -> Option<Format> {
    if bytes.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let brands = bytes.get(8..length.min(bytes.len()))?;
    let mut brands = brands.chunks_exact(4);
    let told = brands.clone().find_map(|brand| match brand {
        b"avif" | b"avis" => Some(Format::Avif),
        b"crx " => Some(Format::Raw),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(Format::Heic),
        _ => None,
    });
    // One that says no more than that it is HEIF holds what its items say.
    told.or_else(|| brands.any(|brand| brand == b"mif1").then_some(Format::Heic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_known_by_its_first_bytes() {
        let bmp = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";
        for (bytes, format) in [
            (&b"\xff\xd8\xff\xe0"[..], Format::Jpeg),
            (b"\x89PNG\r\n\x1a\n\0", Format::Png),
            (b"RIFF\0\0\0\0WEBPVP8 ", Format::WebP),
            (b"GIF89a", Format::Gif),
            (bmp, Format::Bmp),
            (b"MM\0*", Format::Tiff),
            (b"II*\0\x10\0\0\0CR\x02\0", Format::Raw),
            (b"FUJIFILMCCD-RAW 0201", Format::Raw),
            (b"IIRO\x08\0\0\0", Format::Raw),
            (b"IIU\0\x18\0\0\0", Format::Raw),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", Format::Raw),
            (b"\xff\x0a\xfa", Format::JpegXl),
            (b"\0\0\0\x0cJXL \r\n\x87\n", Format::JpegXl),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf", Format::Heic),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", Format::Avif),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Format::Heic),
        ] {
            assert_eq!(Format::of(bytes), Some(format));
        }
    }

    #[test]
    fn text_and_films_are_no_pictures() {
        let film = b"\0\0\0\x18ftypisom\0\0\0\0mp41heic";
        for bytes in [
            &b""[..],
            b"BMW is a car maker, not a bitmap",
            b"hello",
            &film[..20],
        ] {
            assert_eq!(Format::of(bytes), None);
        }
    }

    #[test]
    fn extensions_are_known_in_any_case() {
        assert!(Format::is_extension("JPG") && Format::is_extension("Heic"));
        assert!(!Format::is_extension("txt") && !Format::is_extension(""));
        for ending in [
            "mpo", "JPS", "insp", "thm", "jif", "jfi", "pjpeg", "CR3", "dng", "cur", "j2c",
        ] {
            assert!(Format::is_extension(ending), "{ending}");
        }
    }

    #[test]
    fn every_format_has_one_row_of_endings_and_every_ending_one_format() {
        let formats: std::collections::HashSet<_> =
            Format::ENDINGS.iter().map(|(format, _)| format).collect();
        assert_eq!(formats.len(), Format::ENDINGS.len());
        let mut seen = std::collections::HashSet::new();
        for (format, endings) in Format::ENDINGS {
            assert!(!format.endings().is_empty());
            assert!(
                endings.iter().all(|ending| seen.insert(ending)),
                "{endings:?}"
            );
        }
    }

    #[test]
    fn content_says_what_a_file_is_and_its_name_only_where_content_says_nothing() {
        let of = |name: &str, bytes: &[u8]| Format::of_named(Path::new(name), bytes);
        assert_eq!(of("a.tga", b"GIF89a"), Some(Format::Gif));
        let tga = b"\0\0\x02\0\0\0\0\0\0\0\0\0\x40\0\x30\0\x18\0";
        assert_eq!(of("a.TGA", tga), Some(Format::Tga));
        assert_eq!(of("a.jpg", tga), None);
        assert_eq!(of("a.tga", b"a text that is named so"), None);
    }
}
