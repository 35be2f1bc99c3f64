//! An immutable, memory-mapped picture of the gallery: what queries are answered from.

mod asking;
mod filtered;
mod filtering;
mod manifest;
mod near;
mod neighborhood;
mod piece;
mod reduced;
mod search;
mod switch;
mod unrelated;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

pub use self::asking::{Asking, SearchOptions};
use self::filtered::Filtered;
pub use self::manifest::Manifest;
pub use self::neighborhood::Around;
pub use self::piece::Piece;
pub use self::switch::{CURRENT, remove_others, switch_to};
use super::blocks::{Blocks, damaged};
use super::earlier::{self, Earlier};
use super::folder;
use super::neighbors::Lists;
use super::precisions::Precisions;
use super::record::{Record, Stored};
use super::reduction::Reduction;
use super::roots::Roots;
use super::segment::Segment;
use super::table::{Entry, merged};
use crate::bounded;
use crate::descriptor::{Descriptor, Fingerprint, UnitVector};
use crate::error::{FileError, GalleryError, Result};
use crate::ranking::{Ranking, Unrelated};

/// More bytes than a snapshot's name has.
const MOST_OF_A_NAME: u64 = 4096;

/// How often a snapshot is looked for again that was replaced between reading its name and
/// opening it.
const ATTEMPTS: usize = 100;

/// An opened snapshot.
pub struct Snapshot {
    path: PathBuf,
    roots: Roots,
    fingerprint: Arc<Fingerprint>,
    /// The axes that vectors are along, if they are not whole descriptors.
    reduction: Option<Reduction>,
    /// The oldest first.
    pieces: Vec<Piece>,
    /// The number of the first vector of each.
    firsts: Vec<u32>,
    /// The neighbour lists of each, as far as there are some.
    lists: Vec<Option<Lists>>,
    /// Of whose some could not be opened.
    missed_lists: Option<PathBuf>,
    mean: OnceLock<Arc<Vec<f32>>>,
    unrelated: Mutex<Vec<(Ranking, Option<Unrelated>)>>,
    said: Said,
    filtered: Filtered,
}

/// What it says of itself.
enum Said {
    Manifest(Box<Manifest>, Option<Box<Blocks>>),
    /// It is of an earlier format, and is the only piece.
    Earlier,
}

impl Snapshot {
    /// Opens the newest snapshot of the gallery in `dir`, in milliseconds however large it is: what its
    /// files say of themselves is checked here, their contents when they are touched.
    ///
    /// # Errors
    /// [`GalleryError::NoGallery`]; [`GalleryError::DamagedSnapshot`];
    /// [`GalleryError::GalleryTooNew`]; [`FileError::Read`].
    pub fn open(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            let dir = dir.to_owned();
            let looked = Vec::new();
            return Err(GalleryError::NoGallery { dir, looked }.into());
        }
        folder::check_to_read(dir)?;
        let mut name = current_name(dir)?;
        for _ in 0..ATTEMPTS {
            match Self::open_named(dir, &name) {
                Ok(snapshot) => return Ok(snapshot),
                // A writer that switches to the next snapshot removes the last.
                Err(error) => match current_name(dir)? {
                    newer if newer != name => name = newer,
                    _ => return Err(error),
                },
            }
        }
        Self::open_named(dir, &name)
    }

    fn open_named(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(name);
        if is_earlier(&path) {
            let earlier = Earlier::open(dir, name)?;
            let mut roots = Roots::default();
            roots.add(Path::new(""));
            return Ok(Self {
                path,
                roots,
                fingerprint: earlier.fingerprint(),
                reduction: None,
                firsts: vec![0],
                pieces: vec![Piece::Earlier(Box::new(earlier))],
                lists: vec![None],
                missed_lists: None,
                mean: OnceLock::new(),
                unrelated: Mutex::default(),
                said: Said::Earlier,
                filtered: Filtered::default(),
            });
        }
        let (file, manifest): (Blocks, Manifest) = Blocks::open(&path)?;
        let mut snapshot = Self::of_segments(dir, &manifest)?;
        snapshot.said = Said::Manifest(Box::new(manifest), Some(Box::new(file)));
        Ok(snapshot)
    }

    /// That of a manifest which may have no file yet.
    pub(super) fn of_segments(dir: &Path, manifest: &Manifest) -> Result<Self> {
        let dimension = manifest.dimension();
        let of_descriptors = manifest.fingerprint.dimension();
        let reduction = manifest.reduction.as_ref();
        let reduction = reduction.map(|it| Reduction::open(dir, it, of_descriptors));
        let open = |wanted| {
            let segment = Segment::open(dir, wanted, dimension)?;
            Ok(Piece::Segment(Box::new(segment)))
        };
        let pieces = manifest.segments.iter().map(open);
        let pieces = pieces.collect::<Result<Vec<_>>>()?;
        let mut missed_lists = None;
        let lists = manifest.segments.iter().map(|segment| {
            let (wanted, kind) = segment.lists.as_ref().zip(manifest.neighbors)?;
            let lists = Lists::open(dir, wanted, kind, segment.vectors);
            if lists.is_err() {
                missed_lists = Some(wanted.path(dir));
            }
            lists.ok()
        });
        let lists = lists.collect();
        let path = dir.join(format!("snapshot-{}", manifest.next.saturating_sub(1)));
        let mut firsts = Vec::new();
        let mut next = 0u32;
        for piece in &pieces {
            firsts.push(next);
            let too_many = || damaged(&path, "it has too many vectors");
            next = next.checked_add(piece.vectors()).ok_or_else(too_many)?;
        }
        Ok(Self {
            roots: Roots::found_from(dir, &manifest.roots),
            fingerprint: Arc::new(manifest.fingerprint.clone()),
            reduction: reduction.transpose()?,
            path,
            pieces,
            firsts,
            lists,
            missed_lists,
            mean: OnceLock::new(),
            unrelated: Mutex::default(),
            said: Said::Manifest(Box::new(manifest.clone()), None),
            filtered: Filtered::default(),
        })
    }

    /// What it says of itself; nothing of an earlier format.
    pub(super) const fn manifest(&self) -> Option<&Manifest> {
        match &self.said {
            Said::Manifest(manifest, _) => Some(manifest),
            Said::Earlier => None,
        }
    }

    fn earlier(&self) -> Option<&Earlier> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Earlier(earlier) => Some(&**earlier),
            Piece::Segment(_) => None,
        })
    }

    /// Its pieces, the oldest first.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The file, beside which its segments lie.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        let own = match &self.said {
            Said::Manifest(_, Some(file)) => file.len(),
            Said::Manifest(_, None) | Said::Earlier => 0,
        };
        let lists = self.lists.iter().flatten().map(Lists::bytes);
        own + self.pieces.iter().map(Piece::bytes).sum::<u64>() + lists.sum::<u64>()
    }

    /// What the descriptors were made with.
    #[must_use]
    pub const fn fingerprint(&self) -> &Arc<Fingerprint> {
        &self.fingerprint
    }

    /// The state of the store that it was made from: every change makes a greater one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        let earlier = || self.earlier().map_or(0, Earlier::generation);
        self.manifest().map_or_else(earlier, |it| it.generation)
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub fn created(&self) -> u64 {
        let earlier = || self.earlier().map_or(0, Earlier::created);
        self.manifest().map_or_else(earlier, |it| it.created)
    }

    /// Number of photos.
    #[must_use]
    pub fn len(&self) -> usize {
        let earlier = || self.earlier().map_or(0, Earlier::photos);
        self.manifest()
            .map_or_else(earlier, |it| it.photos as usize)
    }

    /// Whether there are no photos.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of vectors: photos with equal descriptors share one, and a removed photo's vector
    /// stays until its segment is written anew.
    #[must_use]
    pub fn vector_count(&self) -> usize {
        self.pieces
            .iter()
            .map(|piece| piece.vectors() as usize)
            .sum()
    }

    /// How many of the vectors are in a graph; the others are compared one by one.
    #[must_use]
    pub fn graph_points(&self) -> usize {
        let points = self.pieces.iter().map(|piece| match piece {
            Piece::Segment(segment) if segment.has_graph() => segment.vectors() as usize,
            _ => 0,
        });
        points.sum()
    }

    /// How many segments it consists of.
    #[must_use]
    pub const fn segments(&self) -> usize {
        self.pieces.len()
    }

    /// All vectors, in order; those that are damaged are left out.
    pub fn vectors(&self) -> impl Iterator<Item = Vec<f32>> {
        self.pieces
            .iter()
            .flat_map(|piece| (0..piece.vectors()).filter_map(|row| piece.vector(row)))
    }

    /// The piece that vector `index` is in, and its row.
    pub(super) fn place(&self, index: u32) -> Option<(usize, u32)> {
        let piece = self
            .firsts
            .partition_point(|first| *first <= index)
            .checked_sub(1)?;
        let row = index - self.firsts[piece];
        (row < self.pieces[piece].vectors()).then_some((piece, row))
    }

    /// One vector.
    #[must_use]
    pub fn vector(&self, index: usize) -> Option<Vec<f32>> {
        let (piece, row) = self.place(u32::try_from(index).ok()?)?;
        self.pieces[piece].vector(row)
    }

    /// The records of vector `index`; none if it is no photo's any more.
    pub fn owners(&self, index: usize) -> impl Iterator<Item = Record> + '_ {
        let owners = u32::try_from(index).map(|index| self.living(index));
        owners
            .into_iter()
            .flatten()
            .filter_map(|(key, stored)| self.record(&key, &stored))
    }

    /// The entries of a vector that no later piece says something else of.
    fn living(&self, index: u32) -> Vec<Entry> {
        let Some((piece, row)) = self.place(index) else {
            return Vec::new();
        };
        let mut owners = self.pieces[piece].owners(row);
        let later = &self.pieces[piece + 1..];
        owners.retain(|(key, stored)| !stored.is_removed && !later.iter().any(|it| it.has(key)));
        owners
    }

    fn record(&self, key: &[u8], stored: &Stored) -> Option<Record> {
        Some(Record::of(self.roots.path_of(key)?, stored))
    }

    /// What is known under a key, be it removed: by the newest piece that knows it, whose number it is.
    pub(super) fn stored(&self, key: &[u8]) -> Option<(usize, Stored)> {
        self.stored_in(key, &|_| true)
    }

    /// The same by some of its pieces.
    pub(super) fn stored_in(
        &self,
        key: &[u8],
        counts: &dyn Fn(usize) -> bool,
    ) -> Option<(usize, Stored)> {
        let pieces = self.pieces.iter().enumerate().rev();
        let pieces = pieces.filter(|(number, _)| counts(*number));
        let mut known = pieces.filter_map(|(number, piece)| Some((number, piece.stored(key)?)));
        known.next()
    }

    /// The photo at `path` (absolute) and the number of its vector, if it has this state (size and time)
    /// or none is said.
    #[must_use]
    pub fn find(&self, path: &Path, state: Option<(u64, i64)>) -> Option<(Record, usize)> {
        let key = self.roots.key(path)?;
        let (piece, stored) = self.stored(&key)?;
        let is_state = state.is_none_or(|state| state == (stored.size, stored.modified));
        let row = stored.row.filter(|_| is_state && !stored.is_removed)?.row;
        Some((
            self.record(&key, &stored)?,
            (self.firsts[piece] + row) as usize,
        ))
    }

    /// The descriptor that vector `index` is; what of it the vector tells, where that has fewer values.
    #[must_use]
    pub fn descriptor(&self, index: usize) -> Option<Descriptor> {
        let vector = UnitVector::normalize(self.whole(self.vector(index)?)).ok()?;
        Descriptor::new(vector, &self.fingerprint).ok()
    }

    /// All that is known, each with the number of its piece, by key; be it removed.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, Entry)> + '_ {
        self.entries_of(&|_| true)
    }

    /// The same by some of its pieces.
    pub(super) fn entries_of(
        &self,
        counts: &dyn Fn(usize) -> bool,
    ) -> impl Iterator<Item = (usize, Entry)> + use<'_> {
        let numbers: Vec<usize> = (0..self.pieces.len())
            .rev()
            .filter(|it| counts(*it))
            .collect();
        let lists = numbers.iter().map(|number| self.pieces[*number].entries());
        merged(lists.collect()).map(move |(list, entry)| (numbers[list], entry))
    }

    /// All photos; of a segment's by key.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let known = self.entries().filter(|(_, (_, stored))| !stored.is_removed);
        known.filter_map(|(_, (key, stored))| self.record(&key, &stored))
    }

    /// How its photos are ranked unless a query says otherwise.
    #[must_use]
    pub fn ranking(&self) -> Ranking {
        let earlier = || self.earlier().map_or(Ranking::NONE, Earlier::ranking);
        self.manifest().map_or_else(earlier, |it| it.ranking)
    }

    /// In which numbers its descriptors were made.
    ///
    /// # Panics
    /// Never: a snapshot without a manifest is of an earlier format.
    #[must_use]
    pub fn precisions(&self) -> &Precisions {
        let earlier = || self.earlier().map(Earlier::precisions);
        self.manifest()
            .map(|it| &it.precisions)
            .or_else(earlier)
            .expect("it is of this format or of an earlier one")
    }

    /// Bytes of its segments that were read so far by this process, for the first time.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.pieces.iter().map(Piece::read_bytes).sum()
    }

    /// What was found damaged so far: blocks are checked when they are touched.
    #[must_use]
    pub fn damage(&self) -> Option<GalleryError> {
        let of_lists = || self.lists.iter().flatten().find_map(Lists::damage);
        let damage = self.pieces.iter().find_map(Piece::damage);
        damage.or_else(of_lists).or_else(|| self.missed())
    }

    fn missed(&self) -> Option<GalleryError> {
        let path = self.missed_lists.as_ref()?;
        Some(damaged(path, "it is missing or damaged"))
    }

    /// Compares everything with its checksum.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`].
    pub fn verify(&self) -> Result<(), GalleryError> {
        if let Said::Manifest(_, Some(file)) = &self.said {
            file.verify()?;
        }
        self.pieces.iter().try_for_each(Piece::verify)?;
        self.lists.iter().flatten().try_for_each(Lists::verify)?;
        self.missed().map_or(Ok(()), Err)
    }
}

/// A number that no snapshot or segment in the gallery's folder has, nor a greater one.
pub fn next_number(dir: &Path) -> u64 {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    let numbers = names.filter_map(|entry| {
        let name = entry.file_name();
        let name = name
            .to_str()?
            .strip_suffix(".new")
            .map_or_else(|| name.to_str(), Some)?;
        let kinds = ["snapshot-", "segment-", "neighbours-", "axes-"];
        let number = kinds.iter().find_map(|kind| name.strip_prefix(kind))?;
        number.parse::<u64>().ok()
    });
    numbers.max().map_or(1, |last| last.saturating_add(1))
}

/// Whether the file begins as earlier formats' do.
fn is_earlier(path: &Path) -> bool {
    let mut first = [0; 8];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == *earlier::MAGIC
}

/// Whether no other snapshot of the gallery in `dir` has been published since. One that cannot be
/// asked has published nothing.
#[must_use]
pub fn is_newest(dir: &Path, snapshot: &Snapshot) -> bool {
    let own = snapshot.path().file_name();
    current_name(dir).is_ok_and(|name| own == Some(name.as_ref())) || !dir.join(CURRENT).is_file()
}

/// What `current` says.
fn current_name(dir: &Path) -> Result<String> {
    let current = dir.join(CURRENT);
    let name = match bounded::read_text(&current, MOST_OF_A_NAME) {
        Ok(name) => name,
        Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(FileError::Read {
                path: current,
                source,
            }
            .into());
        }
        Err(_) => return Err(damaged(&current, "it is missing or damaged").into()),
    };
    if !name.starts_with("snapshot-") || !folder::is_snapshot(&name) {
        return Err(damaged(&current, "it names no snapshot").into());
    }
    Ok(name)
}
