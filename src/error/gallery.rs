//! What can go wrong with a gallery.

use std::io;
use std::path::{Path, PathBuf};

use super::cause::Source;

/// Why a gallery cannot be opened, written or searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// There is no gallery in the folder, or nowhere where it was looked for.
    #[error("no gallery in {}", places(.dir, .looked))]
    NoGallery {
        /// The folder.
        dir: PathBuf,
        /// The places looked in, from the root; none where the folder was named.
        looked: Vec<PathBuf>,
    },
    /// The gallery that was found belongs to another user, and nobody asked for it.
    #[error("{} belongs to another user", .dir.display())]
    ForeignGallery {
        /// The gallery's folder.
        dir: PathBuf,
    },
    /// Another process is writing to the gallery.
    #[error("another imgsearch is writing to {}", .dir.display())]
    GalleryLocked {
        /// The gallery's folder.
        dir: PathBuf,
    },
    /// The gallery was made by a newer version.
    #[error("{} has format {found}, this version knows up to {known}", .dir.display())]
    GalleryTooNew {
        /// The gallery's folder.
        dir: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format this version knows.
        known: u64,
    },
    /// The gallery holds descriptors that were made otherwise.
    #[error("this gallery was made with {what} `{gallery}`, not `{requested}`")]
    SpecMismatch {
        /// Spec, preprocessing or weights.
        what: &'static str,
        /// What the gallery was made with.
        gallery: String,
        /// What was asked for.
        requested: String,
    },
    /// The gallery's copy of the whitening that its descriptors were made with cannot be used.
    #[error("the gallery has lost its whitening: {source}")]
    LostWhitening {
        /// The whitening's digest, 64 hexadecimal digits.
        digest: String,
        /// Why.
        source: Source,
    },
    /// A snapshot cannot be used.
    #[error("damaged snapshot: {}: {reason}", .path.display())]
    DamagedSnapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The store cannot be read or written: the disk is full, for instance.
    #[error("cannot use the gallery's store {}: {source}", .path.display())]
    Store {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gives this process fewer threads than the store needs.
    #[error("the system gives no {needed} threads, which the gallery's store needs: {}: {source}", .path.display())]
    NoThreads {
        /// Its folder.
        path: PathBuf,
        /// How many it needs.
        needed: usize,
        /// Why not.
        source: io::Error,
    },
    /// The store's files are damaged.
    #[error("the gallery's store is damaged: {}", .path.display())]
    DamagedStore {
        /// Its folder.
        path: PathBuf,
    },
    /// Something in the gallery's folder would lead out of it: it is neither read nor written.
    #[error("{} is {what}: in a gallery lie only files and folders of its own", .path.display())]
    ForeignFile {
        /// What lies there.
        path: PathBuf,
        /// What it is: "a link", for instance.
        what: &'static str,
    },
    /// What says which photos are meant says nothing.
    #[error("`{text}` is not {expected}")]
    InvalidFilter {
        /// What was said.
        text: String,
        /// What it should be, and how that is written.
        expected: &'static str,
    },
    /// A table of tags cannot be understood.
    #[error("{}: {}{reason}", .path.display(), .line.map_or_else(String::new, |line| format!("line {line}: ")))]
    TagTable {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// What is moved out of the way would still lie where the gallery's photos do, and be found again.
    #[error("{} lies where the gallery's photos do", .path.display())]
    TargetInside {
        /// The folder.
        path: PathBuf,
    },
    /// A gallery was to be taken into itself.
    #[error("{} is the gallery itself", .dir.display())]
    MergedWithItself {
        /// The gallery's folder.
        dir: PathBuf,
    },
    /// Neither the store nor the snapshot can be read.
    #[error("both store and snapshot are damaged: {}", .dir.display())]
    DamagedGallery {
        /// The gallery's folder.
        dir: PathBuf,
    },
}

/// Where a gallery was looked for, from the root.
fn places(dir: &Path, looked: &[PathBuf]) -> String {
    if looked.is_empty() {
        let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        return whole.display().to_string();
    }
    let places: Vec<String> = looked.iter().map(|dir| dir.display().to_string()).collect();
    places.join(", ")
}
