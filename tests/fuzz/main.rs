//! Foreign bytes, changed by chance, for every reader of them: none may panic, take long, take much
//! memory or bring the process down.
//!
//! ```text
//! cargo test --test fuzz                        every target for a second
//! cargo test --test fuzz -- png 3600            those whose names contain `png`, for an hour each
//! cargo test --test fuzz -- png 100000x         so many inputs, however long that takes
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

use examine::Long;

/// How long a target runs where nobody says.
const SECONDS: u64 = 1;

/// Up to so long the cases are those from 0 on; in longer runs they begin anywhere.
const SHORT: Duration = Duration::from_secs(10);

/// What the command line asks for.
struct Asked {
    /// What the targets' names contain.
    filter: String,
    /// Seconds, or inputs with an `x` behind.
    long: String,
    case: Option<u64>,
    file: Option<PathBuf>,
    /// Where a watched process notes the case that it is at.
    notes: Option<PathBuf>,
}

impl Asked {
    /// Options that are not known here are those of the usual harness, and do nothing.
    fn from(arguments: impl Iterator<Item = String>) -> Self {
        let usual = env::var("IMGSEARCH_FUZZ_SECONDS");
        let mut asked = Self {
            filter: String::new(),
            long: usual.unwrap_or_else(|_| SECONDS.to_string()),
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
                word if long(word).is_some() => word.clone_into(&mut asked.long),
                word => word.clone_into(&mut asked.filter),
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

/// How long a word says; none if it says something else.
fn long(word: &str) -> Option<Long> {
    match word.strip_suffix('x') {
        Some(inputs) => inputs.parse().ok().map(Long::Inputs),
        None => word
            .parse()
            .ok()
            .map(|it| Long::Time(Duration::from_secs(it))),
    }
}

fn main() -> ExitCode {
    if env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let asked = Asked::from(env::args().skip(1));
    let Some(time) = long(&asked.long) else {
        eprintln!("neither seconds nor inputs: {}", asked.long);
        return ExitCode::FAILURE;
    };
    // What lands is not decided by chance: short runs are the same each time, long ones look elsewhere.
    let by_chance = || match time {
        Long::Time(time) if time > SHORT => fastrand::u64(..) >> 16,
        _ => 0,
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
            (None, None, None) => watch::run(name, first, &asked.long),
        };
    }
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
