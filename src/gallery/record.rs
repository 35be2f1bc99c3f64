//! What is kept of a photo beside its descriptor, and how it stands on disk.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fields::{FieldWriter, Fields, number};
use crate::document::place;
use crate::photo::{ContentHash, Facts, Signature, Taken};

/// A photo in the gallery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Absolute.
    #[serde(flatten, serialize_with = "place")]
    pub path: PathBuf,
    /// Bytes of the file.
    pub size: u64,
    /// Last change of the file, nanoseconds since 1970: more than a JSON number can tell.
    #[serde(skip)]
    pub modified: i64,
    /// BLAKE3 of the file's bytes; the descriptor is kept under it.
    pub hash: ContentHash,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// What else was read while the file was open; nothing where an earlier version described the photo
    /// and no `index` has run since.
    #[serde(skip)]
    pub facts: Option<Facts>,
    /// What people call it by, sorted; each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Record {
    /// The photo at `path` of which this is stored.
    pub(super) fn of(path: PathBuf, stored: &Stored) -> Self {
        Self {
            path,
            size: stored.size,
            modified: stored.modified,
            hash: stored.hash,
            width: stored.width,
            height: stored.height,
            facts: stored.facts.clone(),
            tags: stored.tags.clone(),
        }
    }
}

/// The numbers of a stored record's fields. A number is never used for something else.
pub(super) mod field {
    pub const HASH: u8 = 1;
    pub const SIZE: u8 = 2;
    pub const MODIFIED: u8 = 3;
    pub const WIDTH: u8 = 4;
    pub const HEIGHT: u8 = 5;
    pub const GENERATION: u8 = 6;
    pub const FILE: u8 = 7;
    pub const ROW: u8 = 8;
    pub const REMOVED: u8 = 9;
    /// When it was taken: seconds i64, thousandths u16, minutes ahead of UTC i16 or −32768.
    pub const TAKEN: u8 = 10;
    pub const CAMERA: u8 = 11;
    pub const ORIENTATION: u8 = 12;
    /// Last of the facts: with it all are there.
    pub const SIGNATURE: u8 = 13;
    /// One for each tag: UTF-8.
    pub const TAG: u8 = 14;
}

/// Where the vector of a photo lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowPlace {
    /// The number of the file; in a segment, which has its own rows alone, 0.
    pub file: u64,
    /// Its row.
    pub row: u32,
}

/// All of a record but its path, which is its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub hash: ContentHash,
    pub size: u64,
    pub modified: i64,
    pub width: u32,
    pub height: u32,
    /// The state of the store that it came with.
    pub generation: u64,
    pub row: Option<RowPlace>,
    /// That the photo is in the gallery no more.
    pub is_removed: bool,
    pub facts: Option<Facts>,
    /// Sorted, each once.
    pub tags: Vec<String>,
    /// Fields that this version does not know.
    unknown: Vec<u8>,
}

impl Stored {
    /// Of a photo that is written with this generation.
    pub fn new(record: &Record, generation: u64) -> Self {
        let (state, size) = (
            (record.size, record.modified),
            (record.width, record.height),
        );
        Self {
            generation,
            facts: record.facts.clone(),
            tags: record.tags.clone(),
            ..Self::of_file(record.hash, state, size)
        }
    }

    /// Of a file of so many bytes, changed last then, whose picture has such a width and height.
    pub const fn of_file(
        hash: ContentHash,
        (size, modified): (u64, i64),
        (width, height): (u32, u32),
    ) -> Self {
        Self {
            hash,
            size,
            modified,
            width,
            height,
            generation: 1,
            row: None,
            is_removed: false,
            facts: None,
            tags: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// With the tags of what was known under its key before: those of a photo that has changed stay, and
    /// those of one that was taken out come back with it.
    pub fn with_tags_of(mut self, before: &Self) -> Self {
        if !before.is_removed || before.hash == self.hash {
            self.add_tags(&before.tags);
        }
        self
    }

    /// Adds those that it has not yet; whether there were any.
    pub fn add_tags(&mut self, tags: &[String]) -> bool {
        let had = self.tags.len();
        self.tags.extend_from_slice(tags);
        self.tags.sort_unstable();
        self.tags.dedup();
        self.tags.len() > had
    }

    /// That it is removed, as of this generation.
    pub fn removed(&self, generation: u64) -> Self {
        Self {
            is_removed: true,
            generation,
            ..self.clone()
        }
    }

    /// The same at another place.
    pub fn at(&self, row: Option<RowPlace>) -> Self {
        Self {
            row,
            ..self.clone()
        }
    }

    /// Whether both say the same of a photo, wherever its vector lies.
    pub fn is_same_photo(&self, other: &Self) -> bool {
        let without = |it: &Self| Self {
            generation: 0,
            row: None,
            ..it.clone()
        };
        without(self) == without(other)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = FieldWriter::default();
        out.put(field::HASH, self.hash.as_bytes());
        out.put_number(field::SIZE, self.size);
        out.put_number(field::MODIFIED, self.modified.cast_unsigned());
        out.put_number(field::WIDTH, self.width.into());
        out.put_number(field::HEIGHT, self.height.into());
        out.put_number(field::GENERATION, self.generation);
        if let Some(row) = self.row {
            out.put_number(field::FILE, row.file);
            out.put_number(field::ROW, row.row.into());
        }
        if self.is_removed {
            out.put(field::REMOVED, &[]);
        }
        if let Some(facts) = &self.facts {
            put_facts(&mut out, facts);
        }
        for tag in &self.tags {
            out.put(field::TAG, tag.as_bytes());
        }
        let mut bytes = out.finish();
        bytes.extend(&self.unknown);
        bytes
    }

    /// Nothing if `bytes` are no record.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut hash = None;
        let mut numbers = [0; 10];
        let mut has_row = false;
        let mut is_removed = false;
        let mut unknown = FieldWriter::default();
        let mut tags = Vec::new();
        let (mut taken, mut camera, mut orientation, mut signature) = (None, None, 1, None);
        let mut fields = Fields::of(bytes);
        for (name, content) in &mut fields {
            match name {
                field::HASH => hash = Some(ContentHash::from_bytes(content.try_into().ok()?)),
                field::SIZE..=field::ROW => numbers[usize::from(name)] = number(content)?,
                field::REMOVED => is_removed = true,
                field::TAKEN => taken = Some(taken_of(content)?),
                field::CAMERA => camera = Some(String::from_utf8(content.to_vec()).ok()?),
                field::ORIENTATION => orientation = *content.first()?,
                field::SIGNATURE => {
                    signature = Some(Signature::from_bytes(content.try_into().ok()?));
                }
                field::TAG => tags.push(String::from_utf8(content.to_vec()).ok()?),
                name => unknown.put(name, content),
            }
            has_row |= name == field::ROW;
        }
        if !fields.is_at_end() {
            return None;
        }
        let at = |name: u8| numbers[usize::from(name)];
        let row = RowPlace {
            file: at(field::FILE),
            row: u32::try_from(at(field::ROW)).ok()?,
        };
        let (width, height) = (at(field::WIDTH), at(field::HEIGHT));
        let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
        let facts = signature.map(|signature| Facts {
            width,
            height,
            taken,
            camera,
            orientation,
            signature,
        });
        Some(Self {
            hash: hash?,
            size: at(field::SIZE),
            modified: at(field::MODIFIED).cast_signed(),
            width,
            height,
            facts,
            tags,
            generation: at(field::GENERATION),
            row: has_row.then_some(row),
            is_removed,
            unknown: unknown.finish(),
        })
    }
}

fn put_facts(out: &mut FieldWriter, facts: &Facts) {
    if let Some(taken) = facts.taken {
        let offset = taken.offset.unwrap_or(i16::MIN);
        let mut bytes = taken.seconds.to_le_bytes().to_vec();
        bytes.extend(taken.millis.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        out.put(field::TAKEN, &bytes);
    }
    if let Some(camera) = &facts.camera {
        out.put(field::CAMERA, camera.as_bytes());
    }
    if facts.orientation != 1 {
        out.put(field::ORIENTATION, &[facts.orientation]);
    }
    out.put(field::SIGNATURE, facts.signature.as_bytes());
}

fn taken_of(content: &[u8]) -> Option<Taken> {
    let (seconds, rest) = content.split_first_chunk()?;
    let (millis, rest) = rest.split_first_chunk()?;
    let offset = i16::from_le_bytes(rest.try_into().ok()?);
    Some(Taken {
        seconds: i64::from_le_bytes(*seconds),
        millis: u16::from_le_bytes(*millis),
        offset: (offset != i16::MIN).then_some(offset),
    })
}

/// A path's bytes, exactly where the system allows names that are not UTF-8.
pub(super) fn path_to_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

/// The path of these bytes.
pub(super) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    PathBuf::from(OsStr::new(String::from_utf8_lossy(bytes).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Stored {
        Stored {
            hash: ContentHash::of(b"photo"),
            size: 4_000_000,
            modified: -5,
            width: 4000,
            height: 3000,
            generation: 17,
            row: Some(RowPlace { file: 3, row: 0 }),
            is_removed: false,
            facts: None,
            tags: Vec::new(),
            unknown: Vec::new(),
        }
    }

    #[test]
    fn facts_are_read_as_they_were_written() {
        let mut facts = Facts {
            width: 4000,
            height: 3000,
            taken: None,
            camera: None,
            orientation: 1,
            signature: Signature::from_bytes([7; Signature::BYTES]),
        };
        let mut few = stored();
        few.facts = Some(facts.clone());
        facts.taken = Some(Taken {
            seconds: -5,
            millis: 250,
            offset: Some(-90),
        });
        facts.camera = Some("Canon EOS 5D".to_owned());
        facts.orientation = 6;
        let mut all = stored();
        all.facts = Some(facts);
        all.add_tags(&["sea".to_owned(), "cat".to_owned(), "sea".to_owned()]);
        assert_eq!(all.tags, ["cat", "sea"]);
        for stored in [few, all] {
            assert_eq!(Stored::from_bytes(&stored.to_bytes()), Some(stored));
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_takes_few_bytes() {
        for stored in [stored(), stored().at(None), stored().removed(18)] {
            assert_eq!(Stored::from_bytes(&stored.to_bytes()), Some(stored));
        }
        assert!(stored().to_bytes().len() < 80);
    }

    #[test]
    fn what_a_later_version_says_is_kept() {
        let mut bytes = stored().to_bytes();
        bytes.extend([200, 3, 1, 2, 3]);
        let read = Stored::from_bytes(&bytes).unwrap();
        assert_eq!(read.removed(18).to_bytes()[..], {
            let mut removed = stored().removed(18).to_bytes();
            removed.extend([200, 3, 1, 2, 3]);
            removed
        });
        assert_eq!(Stored::from_bytes(&bytes[..bytes.len() - 1]), None);
    }
}
