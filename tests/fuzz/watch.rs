//! A target in a process of its own: what crashes or hangs is told with the case that it was at.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::examine;

/// Nothing may stand still for as long; the case that takes it is not waited for.
const STANDSTILL: Duration = Duration::from_secs(180);

/// Runs a target for so long, as the command line says it, from case `first` on.
pub fn run(name: &str, first: u64, long: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("case");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--notes")
        .arg(&notes)
        .args(["--case", &first.to_string(), name, long])
        .env("TMPDIR", folder.path())
        .spawn()
        .unwrap();
    let Some(ended) = ended(&mut child, &notes) else {
        return fell(name, &notes, "it never ended");
    };
    // What it found itself it said.
    match ended.code() {
        Some(0) => true,
        Some(1) => false,
        _ => fell(name, &notes, &format!("it ended the process: {ended}")),
    }
}

/// How the process ended; nothing where it stood still and was ended.
fn ended(child: &mut Child, notes: &Path) -> Option<ExitStatus> {
    let (mut last, mut since) = (None, Instant::now());
    while since.elapsed() < STANDSTILL {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        let now = fs::read(notes).ok();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn fell(name: &str, notes: &Path, how: &str) -> bool {
    let note = fs::read(notes).unwrap_or_default();
    let mut parts = note.splitn(2, |byte| *byte == b'\n');
    let what = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let kept = examine::keep(name, parts.next().unwrap_or_default());
    eprintln!("{name}, {what}: {how}; its input is {}", kept.display());
    false
}
