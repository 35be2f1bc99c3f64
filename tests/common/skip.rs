//! Tests that cannot run here: each says why, and one line at the end says how many there were.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::panic::Location;
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

/// The reason of tests that look at photos which are not ours to copy.
pub const NO_PHOTOS: &str = "there are no real photos beside this checkout";

/// Tests by the reason why they did not run.
static SKIPPED: Mutex<BTreeMap<String, BTreeSet<String>>> = Mutex::new(BTreeMap::new());

/// Notes that the test which calls this does not run, and why: something that this machine lacks.
/// The test still has to return.
#[track_caller]
pub fn skip(reason: &str) {
    static AT_EXIT: Once = Once::new();
    println!("SKIPPED: {reason}");
    let mut skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    skipped
        .entry(reason.into())
        .or_default()
        .insert(this_test());
    // The harness has no hook for its end, and statics are never dropped.
    AT_EXIT.call_once(|| {
        // SAFETY: the handler is a function of the program itself, there until the process ends,
        // and it does not panic.
        #[allow(unsafe_code, reason = "the one way to be told of the end of a process")]
        let failed = unsafe { libc::atexit(tell) };
        assert_eq!(failed, 0);
    });
}

/// The harness names its threads after their tests, but runs them in its own if it has only one.
#[track_caller]
fn this_test() -> String {
    match thread::current().name() {
        Some("main") | None => Location::caller().to_string(),
        Some(test) => test.into(),
    }
}

/// Straight to standard error: what tests print is captured by the harness.
extern "C" fn tell() {
    let skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = io::stderr().write_all(summary(&skipped).as_bytes());
}

fn summary(skipped: &BTreeMap<String, BTreeSet<String>>) -> String {
    let tests: BTreeSet<&String> = skipped.values().flatten().collect();
    let reason = |(reason, tests): (&String, &BTreeSet<String>)| {
        let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
        format!("{}, because {reason} ({})", tests.len(), tests.join(", "))
    };
    let reasons: Vec<String> = skipped.iter().map(reason).collect();
    let noun = if tests.len() == 1 { "test" } else { "tests" };
    format!("SKIPPED {} {noun}: {}\n", tests.len(), reasons.join("; "))
}

#[test]
fn the_closing_line_counts_every_test_once_and_gives_every_reason() {
    let of = |tests: &[&str]| tests.iter().map(|test| (*test).to_owned()).collect();
    let skipped = BTreeMap::from([
        ("no weights".to_owned(), of(&["a", "b"])),
        ("no photos".to_owned(), of(&["b"])),
    ]);
    let expected = "SKIPPED 2 tests: 1, because no photos (b); 2, because no weights (a, b)\n";
    assert_eq!(summary(&skipped), expected);
}
