//! One input given to a reader, and what is asked of that.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::memory;
use crate::targets::Target;

/// How long a reader may take for an input, which has 64 KiB at the most, and beside that in
/// nanoseconds for each byte that the target allows it.
const PATIENCE: Duration = Duration::from_secs(10);
const PER_BYTE: u64 = 5;
/// Memory that any input may take, in bytes, beside what the target allows for what it holds.
const ROOM: u64 = 64 << 20;
/// So many findings of one run are enough to begin with.
const ENOUGH: usize = 10;

/// The samples kept of a target, and what was found in it once.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus");
    let entries = fs::read_dir(Path::new(folder).join(name));
    let paths = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The input that a case is.
fn input(target: &Target, corpus: &[(PathBuf, Vec<u8>)], case: u64) -> Vec<u8> {
    let mut samples = target.samples.clone();
    samples.extend(corpus.iter().map(|(_, bytes)| bytes.clone()));
    (target.change)(&mut Rng::with_seed(case), &samples)
}

/// Whether the reader took the input; or what is wrong with how it did.
fn examine(target: &Target, bytes: &[u8]) -> Result<bool, String> {
    let mut least = Duration::MAX;
    // A machine that does much else is slow now and then, a reader always.
    for _ in 0..3 {
        let begun = Instant::now();
        let (taken, room) = once(target, bytes)?;
        least = least.min(begun.elapsed());
        if least <= PATIENCE + Duration::from_nanos(room.saturating_mul(PER_BYTE)) {
            return Ok(taken);
        }
    }
    Err(format!("it took {:.0} s", least.as_secs_f64()))
}

/// Whether the reader took the input, and the memory that it was allowed for what the input holds.
fn once(target: &Target, bytes: &[u8]) -> Result<(bool, u64), String> {
    let read = || panic::catch_unwind(AssertUnwindSafe(|| (target.read)(bytes)));
    let (read, most) = memory::most(read);
    let taken = read.map_err(|said| {
        let text = said.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| said.downcast_ref::<&str>().copied());
        format!("it panicked: {}", text.unwrap_or("it does not say why"))
    })?;
    let room = (target.room)(bytes);
    let allowed = ROOM.saturating_add(room);
    if most as u64 > allowed {
        let mib = |bytes: u64| bytes >> 20;
        return Err(format!(
            "it took {} MiB, not {}",
            mib(most as u64),
            mib(allowed)
        ));
    }
    Ok((taken, room))
}

/// How long a target is examined.
#[derive(Clone, Copy)]
pub enum Long {
    /// For so long.
    Time(Duration),
    /// With so many inputs.
    Inputs(u64),
}

impl Long {
    fn goes_on(self, begun: Instant, done: u64) -> bool {
        match self {
            Self::Time(time) => begun.elapsed() < time,
            Self::Inputs(inputs) => done < inputs,
        }
    }
}

/// Cases from `first` on for so long; whoever watches finds each input in `notes`.
pub fn many(name: &str, target: &Target, first: u64, long: Long, notes: &Path) -> bool {
    let corpus = corpus(name);
    let noted = |what: &str, bytes: &[u8]| {
        fs::write(notes, [what.as_bytes(), b"\n", bytes].concat()).unwrap();
        let read = examine(target, bytes);
        let is_taken = read == Ok(true);
        (tell(name, what, bytes, read), is_taken)
    };
    let mut found = 0;
    for (path, bytes) in &corpus {
        found += usize::from(!noted(&path.display().to_string(), bytes).0);
    }
    for (number, sample) in target.samples.iter().enumerate() {
        let (is_well, is_taken) = noted(&format!("sample {number}"), sample);
        assert!(is_taken, "{name}: sample {number} is not read at all");
        found += usize::from(!is_well);
    }
    for (number, bytes) in target.hostile.iter().enumerate() {
        found += usize::from(!noted(&format!("hostile input {number}"), bytes).0);
    }
    let (begun, mut case, mut taken) = (Instant::now(), first, 0);
    while long.goes_on(begun, case - first) && found < ENOUGH {
        let bytes = input(target, &corpus, case);
        let (is_well, is_taken) = noted(&format!("case {case}"), &bytes);
        found += usize::from(!is_well);
        taken += usize::from(is_taken);
        case += 1;
    }
    println!(
        "{name}: {} inputs from case {first} on, {taken} of them taken",
        case - first
    );
    found == 0
}

/// One case again.
pub fn one(name: &str, target: &Target, case: u64) -> bool {
    let bytes = input(target, &corpus(name), case);
    tell(
        name,
        &format!("case {case}"),
        &bytes,
        examine(target, &bytes),
    )
}

/// One input again.
pub fn file(name: &str, target: &Target, path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    tell(
        name,
        &path.display().to_string(),
        &bytes,
        examine(target, &bytes),
    )
}

fn tell(name: &str, what: &str, bytes: &[u8], read: Result<bool, String>) -> bool {
    let Err(wrong) = read else {
        return true;
    };
    let kept = keep(name, bytes);
    eprintln!("{name}, {what}: {wrong}; its input is {}", kept.display());
    false
}

/// Keeps an input that something is wrong with, under a name of its own.
pub fn keep(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    fs::create_dir_all(&folder).unwrap();
    let hash = blake3::hash(bytes).to_hex();
    let path = folder.join(format!("{name}-{}", &hash[..12]));
    fs::write(&path, bytes).unwrap();
    path
}
