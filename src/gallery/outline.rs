//! What filters ask of a stored record, read without the rest: of a million records in a fraction of a second.

use super::fields::{Fields, number};
use super::record::field;

/// Some fields of a stored record.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    /// Last change of the file, nanoseconds since 1970.
    modified: i64,
    /// Seconds that the camera's clock showed.
    taken: Option<i64>,
    pub width: u32,
    pub height: u32,
    pub row: Option<u32>,
    pub is_removed: bool,
    bytes: &'a [u8],
}

impl<'a> Outline<'a> {
    /// Of a record's bytes; nothing if they are none.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut outline = Self {
            modified: 0,
            taken: None,
            width: 0,
            height: 0,
            row: None,
            is_removed: false,
            bytes,
        };
        let of_u32 = |content| u32::try_from(number(content)?).ok();
        for (name, content) in Fields::of(bytes) {
            match name {
                field::MODIFIED => outline.modified = number(content)?.cast_signed(),
                field::WIDTH => outline.width = of_u32(content)?,
                field::HEIGHT => outline.height = of_u32(content)?,
                field::ROW => outline.row = Some(of_u32(content)?),
                field::REMOVED => outline.is_removed = true,
                field::TAKEN => {
                    let seconds = content.first_chunk()?;
                    outline.taken = Some(i64::from_le_bytes(*seconds));
                }
                _ => {}
            }
        }
        Some(outline)
    }

    /// When the picture was taken, by its camera's clock; else when its file was changed last, in UTC.
    /// Seconds from 1970 on.
    pub fn time(&self) -> i64 {
        let of_file = || self.modified.div_euclid(1_000_000_000);
        self.taken.unwrap_or_else(of_file)
    }

    /// Whether it has this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        let mut fields = Fields::of(self.bytes);
        fields.any(|(name, content)| name == field::TAG && content == tag.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::record::{RowPlace, Stored};
    use crate::photo::{ContentHash, Facts, Signature, Taken};

    #[test]
    fn an_outline_says_what_the_whole_record_does() {
        let hash = ContentHash::of(b"photo");
        let mut stored = Stored::of_file(hash, (7, -1_500_000_000), (40, 30));
        let row = RowPlace { file: 0, row: 300 };
        stored.row = Some(row);
        let bytes = stored.to_bytes();
        let outline = Outline::of(&bytes).unwrap();
        assert_eq!((outline.width, outline.height), (40, 30));
        assert_eq!((outline.row, outline.is_removed), (Some(300), false));
        assert_eq!(outline.time(), -2);
        stored.facts = Some(Facts {
            width: 40,
            height: 30,
            taken: Some(Taken {
                seconds: 77,
                millis: 5,
                offset: Some(120),
            }),
            camera: Some("Canon".to_owned()),
            orientation: 1,
            signature: Signature::from_bytes([7; Signature::BYTES]),
        });
        stored.add_tags(&["cat".to_owned(), "sea".to_owned()]);
        let bytes = stored.removed(2).to_bytes();
        let outline = Outline::of(&bytes).unwrap();
        assert!(outline.is_removed && outline.has_tag("cat") && outline.has_tag("sea"));
        assert!(!outline.has_tag("ca") && !outline.has_tag(""));
        assert_eq!(outline.time(), 77);
    }
}
