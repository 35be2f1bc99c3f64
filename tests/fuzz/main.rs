//! Foreign bytes, changed by chance, for every reader of them: none may panic, take long, take much
//! memory or bring the process down.
//!
//! ```text
//! cargo test --test fuzz                        every target for a second
//! cargo test --test fuzz -- png 3600            those whose names contain `png`, for an hour each
//! cargo test --test fuzz -- png --case 4711     one case again
//! cargo test --test fuzz -- png --file FILE     one input
//! ```
//!
//! `IMGSEARCH_FUZZ_SECONDS` says how long each target runs where the command does not. Up to ten seconds
//! the cases are those from 0 on, the same each time; longer runs begin anywhere. A case is a
//! number: from it and the target's samples ([`targets`]) its input is made ([`mutate`]) and given to
//! the reader ([`examine`]). Each target runs in a process of its own, watched by this one
//! ([`watch`]), so that one that crashes or hangs is told with its input too. What is found lies in
//! `target/tmp/fuzz`; once mended it goes to `corpus/TARGET/`, which every run begins with.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells what it did"
)]

mod examine;
mod memory;
mod mutate;
mod targets;
mod watch;

#[path = "../common/collection.rs"]
mod collection;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long a target runs where nobody says.
const SECONDS: u64 = 1;

/// Up to so long the cases are those from 0 on; in longer runs they begin anywhere.
const SHORT: u64 = 10;

/// What the command line asks for.
struct Asked {
    /// What the targets' names contain.
    filter: String,
    seconds: u64,
    case: Option<u64>,
    file: Option<PathBuf>,
    /// Where a watched process notes the case that it is at.
    notes: Option<PathBuf>,
}

impl Asked {
    /// Options that are not known here are those of the usual harness, and do nothing.
    fn from(arguments: impl Iterator<Item = String>) -> Self {
        let usual = env::var("IMGSEARCH_FUZZ_SECONDS");
        let usual = usual.ok().and_then(|seconds| seconds.parse().ok());
        let mut asked = Self {
            filter: String::new(),
            seconds: usual.unwrap_or(SECONDS),
            case: None,
            file: None,
            notes: None,
        };
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--case" => asked.case = arguments.next().map(|number| number.parse().unwrap()),
                "--file" => asked.file = arguments.next().map(PathBuf::from),
                "--notes" => asked.notes = arguments.next().map(PathBuf::from),
                option if option.starts_with('-') => {}
                word => match word.parse() {
                    Ok(seconds) => asked.seconds = seconds,
                    Err(_) => word.clone_into(&mut asked.filter),
                },
            }
        }
        asked
    }

    fn is_wanted(&self, name: &str) -> bool {
        match self.notes {
            Some(_) => name == self.filter,
            None => name.contains(&self.filter),
        }
    }
}

fn main() -> ExitCode {
    if env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let asked = Asked::from(env::args().skip(1));
    let time = Duration::from_secs(asked.seconds);
    // What lands is not decided by chance: short runs are the same each time, long ones look elsewhere.
    let by_chance = || {
        if asked.seconds > SHORT {
            fastrand::u64(..) >> 16
        } else {
            0
        }
    };
    let first = asked.case.unwrap_or_else(by_chance);
    let mut is_well = true;
    for (name, make) in targets::ALL {
        if !asked.is_wanted(name) {
            continue;
        }
        is_well &= match (&asked.notes, &asked.file, asked.case) {
            (Some(notes), ..) => examine::many(name, &make(), first, time, notes),
            (None, Some(file), _) => examine::file(name, &make(), file),
            (None, None, Some(case)) => examine::one(name, &make(), case),
            (None, None, None) => watch::run(name, first, asked.seconds),
        };
    }
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
