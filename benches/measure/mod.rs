//! What benches ask the system, and files of rows.

#![allow(dead_code, reason = "each bench needs some of it")]

use std::fs;
use std::path::{Path, PathBuf};

use imgsearch::descriptor::Matrix;

/// What is in a file of f32 rows.
pub fn read(path: &Path) -> Matrix {
    let bytes = fs::read(path).unwrap();
    assert!(
        bytes.starts_with(b"\x93NUMPY\x01"),
        "{} is no .npy of version 1",
        path.display()
    );
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, values) = bytes[10..].split_at(length);
    let header = String::from_utf8_lossy(header).replace(' ', "");
    assert!(
        header.contains("'<f4'") && header.contains("'fortran_order':False"),
        "{} holds other numbers than f32 in rows",
        path.display()
    );
    let shape = header.split_once("'shape':(").unwrap().1;
    let shape = shape.split_once(')').unwrap().0.split(',');
    let shape: Vec<usize> = shape.filter_map(|size| size.parse().ok()).collect();
    let values = values.chunks_exact(4);
    let values = values.map(|value| f32::from_le_bytes(value.try_into().unwrap()));
    let matrix = Matrix::new(values.collect(), shape[1]).unwrap();
    assert_eq!(
        matrix.as_vectors().len(),
        shape[0],
        "{} is cut off",
        path.display()
    );
    matrix
}

/// All files in a folder.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(dir).into_iter();
    let files = entries.map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.is_file()).collect()
}

/// Bytes of all files in a folder.
pub fn size(dir: &Path) -> u64 {
    let sizes = files(dir)
        .into_iter()
        .map(|file| fs::metadata(file).unwrap().len());
    sizes.sum()
}

/// Bytes that this process had the system read from a disk.
pub fn read_from_disk() -> u64 {
    counted("/proc/self/io", "read_bytes:")
}

/// Bytes that it had the system write to a disk.
pub fn written_to_disk() -> u64 {
    counted("/proc/self/io", "write_bytes:")
}

/// The most memory of its own and of mapped files that it ever had, in bytes.
pub fn most_memory() -> u64 {
    counted("/proc/self/status", "VmHWM:") * 1024
}

/// A number that the system counts; 0 where it does not.
fn counted(file: &str, name: &str) -> u64 {
    let counted = fs::read_to_string(file).unwrap_or_default();
    let line = counted.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

/// Asks the system to keep nothing of a file in memory.
pub fn forget(file: &Path) {
    #[cfg(target_os = "linux")]
    {
        use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
        let file = fs::File::open(file).unwrap();
        file.sync_all().unwrap();
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

#[derive(Clone, Copy)]
pub enum Clock {
    Process,
    Thread,
}

/// Seconds of CPU so far; where the system cannot be asked, of the clock.
pub fn cpu(clock: Clock) -> f64 {
    #[cfg(target_os = "linux")]
    {
        use nix::time::{ClockId, clock_gettime};
        let clock = match clock {
            Clock::Process => ClockId::CLOCK_PROCESS_CPUTIME_ID,
            Clock::Thread => ClockId::CLOCK_THREAD_CPUTIME_ID,
        };
        std::time::Duration::from(clock_gettime(clock).unwrap()).as_secs_f64()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = clock;
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64()
    }
}
