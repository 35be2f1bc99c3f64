//! Lines on standard error, which may be a full disk, a closed pipe or nothing at all: how much is
//! said, and above which bar. This is the only place that decides either.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use clap::Args;
use indicatif::ProgressBar;

/// How much is said.
#[derive(Args, Clone, Copy, Default)]
pub struct Loudness {
    /// Say nothing but what went wrong: no notes, no bars
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say what is going on: which gallery, which weights, where the network runs
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

static LOUDNESS: OnceLock<Loudness> = OnceLock::new();

/// The bar on the terminal: lines stand above it.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

impl Loudness {
    /// From now on so much is said.
    pub fn settle(self) {
        // It is settled once, before anything is said.
        let _ = LOUDNESS.set(self);
    }

    fn settled() -> Self {
        LOUDNESS.get().copied().unwrap_or_default()
    }
}

/// Whether notes and bars are wanted.
pub fn has_notes() -> bool {
    !Loudness::settled().quiet
}

/// Whether it is to be said what is going on. (Where one option stands before the command and the
/// other behind it, silence wins.)
pub fn has_details() -> bool {
    let asked = Loudness::settled();
    asked.verbose && !asked.quiet
}

/// Lines stand above this bar from now on; above none where there is none.
pub fn stand_above(bar: Option<ProgressBar>) {
    *shown() = bar;
}

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As `eprintln!`, which panics where nothing can be written: then nobody is told, and the work goes
/// on.
pub fn line(words: Arguments<'_>) {
    let write = || {
        let _ = writeln!(io::stderr(), "{words}");
    };
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// A line that is always said: what went wrong, and what explains an exit code or a loss.
macro_rules! tell {
    ($($words:tt)*) => { $crate::cli::tell::line(format_args!($($words)*)) };
}

/// A line that `--quiet` leaves out.
macro_rules! note {
    ($($words:tt)*) => {
        if $crate::cli::tell::has_notes() {
            $crate::cli::tell::line(format_args!($($words)*));
        }
    };
}

/// A line that only `--verbose` asks for.
macro_rules! detail {
    ($($words:tt)*) => {
        if $crate::cli::tell::has_details() {
            $crate::cli::tell::line(format_args!($($words)*));
        }
    };
}

pub(super) use {detail, note, tell};
