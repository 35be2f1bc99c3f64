//! Exit codes that mean something, and messages that say what to do.

use std::io;
use std::process::ExitCode;

use super::hint;
use super::output::clean;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Nothing came of it. (Wrong usage, which clap reports, is 2.)
    Failed,
    /// Done, but photos were skipped or problems found.
    Skipped,
    /// Stopped by Ctrl-C; what was done is kept.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Skipped => 3,
            Exit::Interrupted => 130,
        })
    }
}

/// Prints what happened and what to do next. A reader that has seen enough is no failure.
pub fn explain(error: &anyhow::Error) -> Exit {
    let is_broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(is_broken_pipe) {
        return Exit::Done;
    }
    eprintln!("error: {}", clean(&error.to_string()));
    if let Some(hint) = hint::of(error) {
        eprintln!("\nhint: {}", clean(&hint));
    }
    Exit::Failed
}
