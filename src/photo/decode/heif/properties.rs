//! What a HEIF item is said to be: its size, its decoder's configuration, its colours, and how it is
//! turned, mirrored and cut.
//!
//! References: ISO/IEC 23008-12:2022, section 6.5 (item properties), ISO/IEC 14496-12:2022, section
//! 12.1.5 (colour), and the AV1 image file format 1.1, section 2.3.

use super::boxes::Fields;
use super::fault::{Fault, damaged};

/// One property.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Property<'a> {
    /// Columns and rows of the picture as coded.
    Size(u32, u32),
    /// Parameter sets of HEVC.
    Hevc(&'a [u8]),
    /// The beginning of an AV1 stream.
    Av1(&'a [u8]),
    /// A profile.
    Icc(&'a [u8]),
    /// Code points of ITU-T H.273.
    Nclx(Nclx),
    /// Quarter turns against the clock.
    Turned(u8),
    /// Top and bottom exchanged, or left and right.
    Mirrored {
        /// Left and right.
        sideways: bool,
    },
    /// What is left of it.
    Cut(Cut),
    /// What an auxiliary picture is for.
    Auxiliary(&'a [u8]),
    /// Bits of the first channel.
    Depth(u8),
    /// Which of several operating points is shown.
    OperatingPoint(u8),
    /// What says nothing about the pixels.
    Other,
    /// What is not known here.
    Unknown([u8; 4]),
}

/// Code points of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nclx {
    /// `ColourPrimaries`.
    pub primaries: u8,
    /// `TransferCharacteristics`.
    pub transfer: u8,
    /// `MatrixCoefficients`.
    pub matrix: u8,
    /// Whether black is 0, rather than 16.
    pub full: bool,
}

/// A clean aperture: fractions, of pixels of the picture as coded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// How far its centre is to the right of the picture's.
    pub right: f64,
    /// How far its centre is below the picture's.
    pub down: f64,
}

impl<'a> Property<'a> {
    /// The property of a box.
    pub fn of(name: [u8; 4], content: &'a [u8]) -> Result<Self, Fault> {
        let mut fields = Fields(content);
        Ok(match &name {
            b"ispe" => {
                fields.version()?;
                Self::Size(fields.short(4)?, fields.short(4)?)
            }
            b"hvcC" => Self::Hevc(content),
            b"av1C" => Self::Av1(content),
            b"colr" => colour(fields)?,
            b"irot" => Self::Turned(fields.short(1)? as u8 & 3),
            b"imir" => Self::Mirrored {
                sideways: fields.short(1)? & 1 == 1,
            },
            b"clap" => Self::Cut(cut(fields)?),
            b"auxC" => {
                fields.version()?;
                let end = fields.0.iter().position(|byte| *byte == 0);
                Self::Auxiliary(fields.take(end.unwrap_or(fields.0.len()))?)
            }
            b"pixi" => {
                fields.version()?;
                let channels = fields.short(1)?;
                Self::Depth(if channels == 0 {
                    0
                } else {
                    fields.short(1)? as u8
                })
            }
            b"a1op" => Self::OperatingPoint(fields.short(1)? as u8),
            b"pasp" | b"clli" | b"mdcv" | b"a1lx" | b"lsel" | b"rloc" | b"udes" | b"amve"
            | b"cclv" | b"altt" | b"crtt" | b"mdft" | b"iscl" => Self::Other,
            _ => Self::Unknown(name),
        })
    }
}

fn colour(mut fields: Fields) -> Result<Property, Fault> {
    Ok(match fields.take(4)? {
        b"nclx" => Property::Nclx(Nclx {
            primaries: fields.short(2)? as u8,
            transfer: fields.short(2)? as u8,
            matrix: fields.short(2)? as u8,
            full: fields.short(1)? & 0x80 != 0,
        }),
        b"prof" | b"rICC" => Property::Icc(fields.0),
        _ => Property::Other,
    })
}

fn cut(mut fields: Fields) -> Result<Cut, Fault> {
    let mut fraction = || -> Result<f64, Fault> {
        let (above, below) = (fields.signed()?, fields.short(4)?);
        if below == 0 {
            return Err(damaged("it is cut by a fraction of nothing"));
        }
        Ok(above as f64 / f64::from(below))
    };
    Ok(Cut {
        width: fraction()?,
        height: fraction()?,
        right: fraction()?,
        down: fraction()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_as_the_standard_writes_them() {
        let nclx = Nclx {
            primaries: 12,
            transfer: 16,
            matrix: 9,
            full: true,
        };
        for (name, content, expected) in [
            (
                b"ispe",
                &b"\0\0\0\0\0\0\x01\x02\0\0\0\x03"[..],
                Property::Size(258, 3),
            ),
            (b"irot", b"\x03", Property::Turned(3)),
            (b"imir", b"\x01", Property::Mirrored { sideways: true }),
            (b"pixi", b"\0\0\0\0\x03\x0a\x0a\x0a", Property::Depth(10)),
            (b"auxC", b"\0\0\0\0urn:a\0xy", Property::Auxiliary(b"urn:a")),
            (b"colr", b"nclx\0\x0c\0\x10\0\x09\x80", Property::Nclx(nclx)),
            (b"colr", b"profICC", Property::Icc(b"ICC")),
            (b"what", b"", Property::Unknown(*b"what")),
        ] {
            assert_eq!(Property::of(*name, content).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_too_short_or_divided_by_nothing_is_damaged() {
        for (name, content) in [
            (b"ispe", &[0; 11][..]),
            (b"irot", b""),
            (b"clap", &[0; 32]),
            (b"colr", b"nc"),
        ] {
            assert!(matches!(
                Property::of(*name, content),
                Err(Fault::Damaged(_))
            ));
        }
    }
}
