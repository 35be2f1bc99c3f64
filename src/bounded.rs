//! Files read up to a bound: what is given as a small file may be a device that never ends.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What is read at most of what is no plain file: of a pipe, say, or of `/dev/zero`.
const MOST_OF_OTHERS: u64 = 64 << 20;

/// The bytes of the file at `path`.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::FileTooLarge`] if there are more than `most`, or
/// than 64 MiB where it is no plain file.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, most)
}

/// The text of the file at `path`.
///
/// # Errors
/// As [`read`]; [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, most)?);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn read_from(file: File, most: u64) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    let most = if metadata.is_file() {
        most
    } else {
        most.min(MOST_OF_OTHERS)
    };
    // Said beforehand where it is known, before anything is read.
    let length = metadata.len();
    let mut bytes = Vec::new();
    if length <= most {
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    if length > most || bytes.len() as u64 > most {
        let reason = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn as_many_bytes_as_allowed_are_read_and_not_one_more() {
        let path = tempfile::tempdir().unwrap().keep().join("a");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let refused = read(&path, 4).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(10 << 30)
            .unwrap();
        assert!(read(&path, 4).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_ends_here() {
        assert!(read(Path::new("/dev/zero"), 1 << 20).is_err());
        assert_eq!(read(Path::new("/dev/null"), 4).unwrap(), b"");
    }
}
