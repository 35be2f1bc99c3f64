//! What the components of a JPEG are.
//!
//! Reference: libjpeg-turbo's `default_decompress_parms`, which is what nearly every program shows.

use super::outline::{Frame, Marks};

/// What the components are, and hence what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colours {
    /// One of grey levels.
    Grey,
    /// Brightness, blue and red differences: RGB.
    YCbCr,
    /// Red, green and blue.
    Rgb,
    /// Inks, which Adobe writes the wrong way round and everybody reads so.
    Cmyk,
    /// As YCbCr, of the complements of three inks, and black.
    Ycck,
    /// So many, to be left as they are.
    Raw(usize),
}

impl Colours {
    /// The table: count of components; JFIF; Adobe's transform; identifiers.
    #[allow(clippy::match_same_arms, reason = "a row for each rule")]
    pub fn of(marks: Marks, frame: &Frame) -> Self {
        let ids: Vec<u8> = frame.components.iter().map(|part| part.id).collect();
        match (ids.as_slice(), marks.is_jfif, marks.adobe) {
            ([_], ..) => Self::Grey,
            ([_, _, _], true, _) => Self::YCbCr,
            ([_, _, _], false, Some(0)) => Self::Rgb,
            ([_, _, _], false, Some(_)) => Self::YCbCr,
            (b"RGB", false, None) => Self::Rgb,
            ([_, _, _], false, None) if frame.is_lossless() => Self::Rgb,
            ([_, _, _], false, None) => Self::YCbCr,
            ([_, _, _, _], _, None | Some(0)) => Self::Cmyk,
            ([_, _, _, _], _, Some(_)) => Self::Ycck,
            (others, ..) => Self::Raw(others.len()),
        }
    }

    /// Numbers of a pixel.
    pub const fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::YCbCr | Self::Rgb => 3,
            Self::Cmyk | Self::Ycck => 4,
            Self::Raw(count) => count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outline::Part;
    use super::*;

    #[test]
    fn the_table_is_libjpeg_turbos() {
        use Colours::{Cmyk, Grey, Rgb, YCbCr, Ycck};
        for (marker, ids, is_jfif, adobe, expected) in [
            (0xC0, &[7][..], false, Some(2), Grey),
            (0xC0, &[1, 2, 3], true, Some(0), YCbCr),
            (0xC0, b"RGB", true, None, YCbCr),
            (0xC0, &[1, 2, 3], false, Some(0), Rgb),
            (0xC0, b"RGB", false, Some(1), YCbCr),
            (0xC2, &[1, 2, 3], false, Some(2), YCbCr),
            (0xC2, &[1, 2, 3], false, None, YCbCr),
            (0xC0, &[0, 1, 2], false, None, YCbCr),
            (0xC0, b"RGB", false, None, Rgb),
            (0xC0, b"rgb", false, None, YCbCr),
            (0xC0, &[1, 1, 1], false, None, YCbCr),
            (0xC3, &[1, 2, 3], false, None, Rgb),
            (0xC3, &[1, 2, 3], true, None, YCbCr),
            (0xC0, &[1, 2, 3, 4], true, None, Cmyk),
            (0xC0, &[1, 2, 3, 4], true, Some(0), Cmyk),
            (0xC0, &[1, 2, 3, 4], false, Some(2), Ycck),
            (0xC0, &[1, 2, 3, 4], false, Some(1), Ycck),
        ] {
            let marks = Marks { is_jfif, adobe };
            let part = |id: &u8| Part {
                id: *id,
                sampling: (1, 1),
                steps: 0,
            };
            let frame = Frame {
                marker,
                precision: 8,
                height: 1,
                width: 1,
                components: ids.iter().map(part).collect(),
            };
            assert_eq!(Colours::of(marks, &frame), expected, "{ids:?} {adobe:?}");
        }
    }
}
