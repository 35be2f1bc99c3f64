//! Files that are opened in place: only those that are files of our own.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a file to append to it; what is no file, such as a link to one, is not written to.
pub fn own_file(path: &Path) -> io::Result<File> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(io::ErrorKind::InvalidInput.into()),
        _ => File::options().append(true).create(true).open(path),
    }
}
