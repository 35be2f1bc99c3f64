//! Photos that are there more than once: found, grouped around the one that is kept, and acted upon.
//!
//! Candidates come from the index and from signatures that are the same under turns and mirrors, never
//! all with all. What they suggest is decided by the pixels: both pictures are laid over each other to a
//! fraction of a pixel and compared cell by cell. A group is a star around the photo that is kept, so
//! nothing chains.

mod act;
mod against;
mod candidates;
mod collection;
mod compare;
mod decide;
mod files;
mod find;
mod grey;
mod groups;
mod keep;
mod known;
mod lay;
mod looks;
mod near;
mod not_duplicates;
mod options;
mod placing;
mod register;
mod repeats;
mod report;
mod similar;
mod stars;
mod stored_path;
mod windows;

pub use self::act::{Acted, Acting, Action, Done, Refused, act, undo};
pub use self::against::against;
pub use self::decide::Change;
pub use self::find::{Event, find};
pub use self::keep::Keep;
pub use self::not_duplicates::NotDuplicates;
pub use self::options::Options;
pub use self::report::{
    Against, Duplicate, Duplicates, Group, Kept, Known, Level, New, RawPair, SameFile, Similar,
    SimilarGroup, Skipped, Work,
};
pub use self::similar::similar;
