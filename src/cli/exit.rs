//! Exit codes that mean something, and messages that say what to do.

use std::io::{self, Write};
use std::process::ExitCode;

use imgsearch::Error;
use imgsearch::error::{FetchError, PhotoError};

use super::hint;
use super::output::error::{ErrorReport, path_of};
use super::output::{clean, clean_about};
use super::progress::go_on;
use super::tell::tell;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Nothing came of it. (Wrong usage, which clap reports, is 2.)
    Failed,
    /// Done, but photos were skipped or problems found.
    Skipped,
    /// Done, and nothing was found.
    Nothing,
    /// Stopped by Ctrl-C; what was done is kept.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Skipped => 3,
            Exit::Nothing => 4,
            Exit::Interrupted => 130,
        })
    }
}

/// Prints what happened and what to do next; on standard output too where JSON was asked for. A
/// reader that has seen enough is no failure.
pub fn explain(error: &anyhow::Error, as_json: bool) -> Exit {
    let is_broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(is_broken_pipe) {
        return Exit::Done;
    }
    if is_interruption(error) {
        if as_json {
            ErrorReport::interrupted().print();
        }
        return Exit::Interrupted;
    }
    tell!("error: {}", clean_about(&error.to_string(), path_of(error)));
    let hint = hint::of(error);
    if let Some(hint) = &hint {
        tell!("\nhint: {}", clean_about(hint, path_of(error)));
    }
    if as_json {
        ErrorReport::of(error, hint).print();
    }
    Exit::Failed
}

/// Whether Ctrl-C ended it before there was anything to keep. What another's lock or a pipe kept it
/// waiting for is none of its errors then.
fn is_interruption(error: &anyhow::Error) -> bool {
    let of_all = error.downcast_ref::<Error>().map(Error::kind);
    let of_fetch = error.downcast_ref::<FetchError>().map(FetchError::kind);
    let of_photo = error.downcast_ref::<PhotoError>().map(PhotoError::kind);
    match of_all.or(of_fetch).or(of_photo) {
        Some("download-interrupted" | "stopped") => true,
        Some("gallery-locked") => go_on().is_break(),
        _ => false,
    }
}

/// What clap says instead of running a command: help and version, or what is wrong with the usage.
pub fn refuse(error: &clap::Error, as_json: bool) -> ExitCode {
    let said = error.render().to_string();
    let cleaned = clean(&said);
    let printed = if cleaned == said {
        error.print()
    } else {
        // An argument may be the name of somebody's file.
        write!(io::stderr(), "{cleaned}")
    };
    let printed = printed.and_then(|()| io::stdout().flush());
    if as_json && error.use_stderr() {
        ErrorReport::of_usage(error).print();
    }
    let is_lost = printed.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
    if is_lost && !error.use_stderr() {
        return Exit::Failed.into();
    }
    ExitCode::from(error.exit_code() as u8)
}
