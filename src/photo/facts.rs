//! What is known of a photo beside its descriptor, read while its file is open.

use serde::Serialize;

use super::picture::Picture;
use super::said::Said;
use super::signature::Signature;
use super::taken::Taken;

/// What is known of a photo: the same for equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Facts {
    /// Columns of the whole picture as it is shown.
    pub width: u32,
    /// Rows of the whole picture as it is shown.
    pub height: u32,
    /// When it was taken, if its file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// The camera, as `Canon EOS 5D`, if its file says so: one line of at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// How the stored picture is turned to be shown, 1 … 8 as in Exif. It is done already.
    pub orientation: u8,
    /// What it looks like from far away, of all of the picture as it is shown.
    #[serde(skip)]
    pub signature: Signature,
}

impl Facts {
    /// Of a decoded picture and what its file says of it.
    pub(super) fn of(picture: &Picture, said: Said) -> Self {
        Self {
            width: picture.width,
            height: picture.height,
            orientation: said.turn().to_exif(),
            taken: said.taken,
            camera: said.camera,
            signature: Signature::of(picture),
        }
    }
}

#[cfg(test)]
mod tests;
