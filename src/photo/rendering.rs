//! How a picture's numbers become what is looked at: the part of a preprocessing that concerns the
//! decoders.

use super::framing::Framing;

/// What becomes of a picture's colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// They are converted from what the file says they are (an ICC profile, code points, PNG's gamma)
    /// to sRGB, so that the same photo is the same whatever it was saved in.
    Srgb,
    /// The numbers are taken as they are, as torchvision does.
    #[default]
    AsIs,
}

/// What lies behind a picture's transparent parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ground {
    /// White, or black where that shows far more: by the rule of `photo/ground.rs`.
    Visible,
    /// White.
    #[default]
    White,
}

/// How a picture becomes RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// The pixels that the short side should have: a picture much larger than that is decoded at a
    /// fraction of its size, but never below twice the wanted one. None where every pixel is wanted.
    pub wanted: Option<u32>,
    /// What of it is looked at: where a file has the picture in tiles, those of which nothing is
    /// looked at are not decoded and stay grey. None where all of it is.
    pub seen: Option<Framing>,
    /// What becomes of the colours.
    pub colours: Colours,
    /// What lies behind transparent parts.
    pub ground: Ground,
}

impl Rendering {
    /// Every pixel, as one looks at it: in sRGB, nothing hidden.
    pub const WHOLE: Self = Self {
        wanted: None,
        seen: None,
        colours: Colours::Srgb,
        ground: Ground::Visible,
    };

    /// The picture as one looks at it, its short side not much larger than `side` pixels.
    #[must_use]
    pub const fn of_side(side: u32) -> Self {
        Self {
            wanted: Some(side),
            ..Self::WHOLE
        }
    }

    /// The same with every pixel of all of it.
    #[must_use]
    pub const fn in_full(self) -> Self {
        Self {
            wanted: None,
            seen: None,
            ..self
        }
    }
}
