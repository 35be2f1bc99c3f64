//! What a file says of its picture besides the pixels, in Exif, in XMP or in its own directories.
//!
//! Each format finds the blocks its own way, and all are read here. A block is never copied, and nothing
//! is followed more than once, so that a hostile one costs no more than its length.

use image::metadata::Orientation;

use super::directory::{Container, Directory};
use super::taken::Taken;
use super::{camera, orientation};

/// The tag under which the first directory points to the one of Exif.
const EXIF: u16 = 0x8769;
/// The tag of an XMP packet in a directory.
const XMP: u16 = 0x02BC;

/// What is said; none of what is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// What is still to be done to the stored picture to have it upright.
    pub orientation: Option<Orientation>,
    /// When it was taken.
    pub taken: Option<Taken>,
    /// The camera's make and model.
    pub camera: Option<String>,
}

impl Said {
    /// What an Exif chunk says, with or without the six bytes that JPEG puts before it.
    pub fn of_exif(chunk: &[u8]) -> Self {
        let first = Container::of_exif(chunk).and_then(|container| container.first());
        first.map_or_else(Self::default, |tags| Self::of_directory(&tags))
    }

    /// The same of one that begins as HEIF and JPEG XL have it: with the place, from there on, of its
    /// directories.
    pub fn of_exif_item(item: &[u8]) -> Self {
        let chunk = item.split_first_chunk::<4>().and_then(|(start, rest)| {
            let start = usize::try_from(u32::from_be_bytes(*start)).ok()?;
            rest.get(start..)
        });
        chunk.map_or_else(Self::default, Self::of_exif)
    }

    /// What a picture's directory says, and the one of Exif below it.
    pub fn of_directory(tags: &Directory) -> Self {
        Self::of_directories(tags, tags.pointed(EXIF, 0).as_ref())
    }

    /// The same where they are in different places.
    pub fn of_directories(tags: &Directory, exif: Option<&Directory>) -> Self {
        let said = Self {
            orientation: orientation::of_directory(tags),
            taken: Taken::of_directories(tags, exif),
            camera: camera::of_directory(tags),
        };
        match tags.bytes(XMP) {
            // Which side is up, readers of TIFF ask the tag alone.
            Some(packet) if said.taken.is_none() || said.camera.is_none() => said.or(Self {
                orientation: None,
                ..Self::of_xmp(packet)
            }),
            _ => said,
        }
    }

    /// What an XMP packet says.
    pub fn of_xmp(packet: &[u8]) -> Self {
        Self {
            orientation: orientation::of_xmp(packet),
            taken: Taken::of_xmp(packet),
            camera: camera::of_xmp(packet),
        }
    }

    /// This, and of what it does not say what the other says.
    pub fn or(self, other: Self) -> Self {
        Self {
            orientation: self.orientation.or(other.orientation),
            taken: self.taken.or(other.taken),
            camera: self.camera.or(other.camera),
        }
    }

    /// What is to be done to have the picture upright.
    pub fn turn(&self) -> Orientation {
        self.orientation.unwrap_or(Orientation::NoTransforms)
    }
}
