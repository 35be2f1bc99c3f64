//! Zips as torch, Keras and numpy write them.

use std::fs::File;
use std::io::BufReader;

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipResult;

/// An opened one.
pub type Zipped<'a> = ZipArchive<BufReader<&'a File>>;

/// Opens the zip that begins where `file` begins. That is told: where it is to be found out, an entry's
/// header before the zip64 records may be taken for them.
pub fn open(file: &File) -> ZipResult<Zipped<'_>> {
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    ZipArchive::with_config(config, BufReader::new(file))
}
