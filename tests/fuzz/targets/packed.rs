//! Files whose parts are changed and put together again, with lengths and checksums that are right:
//! otherwise hardly any change gets past those.

use std::io::{Cursor, Read, Write};

use fastrand::Rng;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::mutate;

fn chosen<'a>(rng: &mut Rng, samples: &'a [Vec<u8>]) -> &'a [u8] {
    &samples[rng.usize(..samples.len())]
}

/// A zip of which one file is changed.
pub fn zip(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    if rng.u8(..4) == 0 {
        return mutate::any(rng, samples);
    }
    let Ok(mut archive) = ZipArchive::new(Cursor::new(chosen(rng, samples))) else {
        return mutate::any(rng, samples);
    };
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.push((file.name().unwrap().into_owned(), bytes));
    }
    // The first is the pickle, which says what the others are.
    let at = if rng.bool() {
        0
    } else {
        rng.usize(..files.len())
    };
    files[at].1 = mutate::part(rng, &files[at].1);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        zip.start_file(name, stored).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A safetensors file of which only the header is changed, with its length.
pub fn safetensors(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let sample = chosen(rng, samples);
    let end = sample
        .first_chunk()
        .map_or(0, |len| u64::from_le_bytes(*len) as usize);
    match sample.get(8..8 + end) {
        Some(header) if rng.bool() => {
            let header = mutate::part(rng, header);
            let len = (header.len() as u64).to_le_bytes();
            [&len, &header[..], &sample[8 + end..]].concat()
        }
        _ => mutate::any(rng, samples),
    }
}

/// Where the JSON of a gallery's file begins, behind magic, length and checksum.
const JSON: usize = 48;

/// A gallery's file of which only the JSON is changed, with its length and checksum, or all else.
pub fn container(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let sample = chosen(rng, samples);
    let len = sample
        .get(8..16)
        .map_or(0, |len| u64::from_le_bytes(len.try_into().unwrap()));
    let end = JSON + len as usize;
    let Some(json) = sample.get(JSON..end) else {
        return mutate::any(rng, samples);
    };
    match rng.u8(..8) {
        0 => mutate::any(rng, samples),
        1..4 => [&sample[..end], &mutate::part(rng, &sample[end..])].concat(),
        _ => {
            let mut json = mutate::part(rng, json);
            // Sections lie where they did, so that what it says of them stays nearly right.
            let room = sample[end..].iter().take_while(|byte| **byte == 0).count();
            json.resize((len as usize + room).max(json.len().min(1)), b' ');
            let len = (json.len() as u64).to_le_bytes();
            let hash = blake3::hash(&json);
            [
                &sample[..8],
                &len,
                hash.as_bytes(),
                &json,
                &sample[end + room..],
            ]
            .concat()
        }
    }
}

/// A PNG of which the chunks have right checksums.
pub fn png(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = mutate::any(rng, samples);
    let mut at = 8;
    while rng.u8(..50) > 0 {
        let Some(len) = bytes.get(at..at + 4) else {
            break;
        };
        let len = u32::from_be_bytes(len.try_into().unwrap()) as usize;
        let end = at + 8 + len;
        let Some(chunk) = bytes.get(at + 4..end) else {
            break;
        };
        let checksum = crc32(chunk).to_be_bytes();
        if let Some(stored) = bytes.get_mut(end..end + 4) {
            stored.copy_from_slice(&checksum);
        }
        at = end + 4;
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}
