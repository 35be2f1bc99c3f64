//! torch's format since 1.6: a zip with a pickle and one stored, uncompressed file per storage.

use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::contents::Contents;
use super::damage::Damage;
use super::other;
use super::pickle::{Bytes, MAX_BYTES, Pickle};
use super::torch::{Extent, Extents, contents, locate};
use super::zipped::Zipped;
use crate::error::{Result, WeightsError};

/// As much of a pickle as is read from any file, however small, in bytes.
const LEAST_BYTES: u64 = 1 << 20;

/// What the zip has, whose file is `len` bytes long.
pub(super) fn read(mut zip: Zipped<'_>, len: u64, path: &Path) -> Result<Contents> {
    let damaged = WeightsError::damaged_at(path);
    let names = zip.file_names().filter_map(std::result::Result::ok);
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(other) = other::in_zip(&names) {
        return Err(other.error(path).into());
    }
    let prefix = prefix(&zip).ok_or_else(|| WeightsError::WeightsFormat { path: path.into() })?;
    if let Ok(mut order) = zip.by_name(&format!("{prefix}byteorder")) {
        let mut text = [0; 3];
        if order.read_exact(&mut text).is_ok() && &text == b"big" {
            return Err(Damage::BigEndian.of(path).into());
        }
    }
    let pickle = zip.by_name(&format!("{prefix}data.pkl")).map_err(damaged)?;
    // torch packs nothing. Whoever did is not given more than the file could hold unpacked.
    let most = MAX_BYTES.min(len.max(LEAST_BYTES));
    let mut bytes = Bytes::new(BufReader::new(pickle.take(most)));
    let pickle = Pickle::read(&mut bytes).map_err(locate(path))?;
    drop(bytes);

    let mut extents = Extents::new();
    for storage in &pickle.storages {
        if let Entry::Vacant(vacant) = extents.entry(storage.key) {
            let name = format!("{prefix}data/{}", pickle.texts[storage.key]);
            vacant.insert(extent(&mut zip, &name, path)?);
        }
    }
    Ok(contents(&pickle, &extents, path)?)
}

/// The folder that holds the pickle, `archive/` for instance.
fn prefix<R: Read + std::io::Seek>(zip: &ZipArchive<R>) -> Option<String> {
    let names = zip.file_names().filter_map(std::result::Result::ok);
    let mut prefixes = names.filter_map(|name| name.strip_suffix("data.pkl").map(str::to_owned));
    prefixes.find(|prefix| prefix.is_empty() || prefix.ends_with('/'))
}

fn extent(
    zip: &mut ZipArchive<BufReader<&File>>,
    name: &str,
    path: &Path,
) -> Result<Extent, WeightsError> {
    let at = zip.index_for_name(name);
    let at = at.ok_or_else(|| Damage::MissingStorage.of(path))?;
    let entry = zip
        .by_index_raw(at)
        .map_err(WeightsError::damaged_at(path))?;
    match entry.data_start() {
        Some(start) if entry.compression() == zip::CompressionMethod::Stored => Ok(Extent {
            start,
            bytes: entry.size(),
        }),
        _ => Err(Damage::Compressed.of(path)),
    }
}
