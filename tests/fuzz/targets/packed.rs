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
        let checksum = crc32fast::hash(chunk).to_be_bytes();
        if let Some(stored) = bytes.get_mut(end..end + 4) {
            stored.copy_from_slice(&checksum);
        }
        at = end + 4;
    }
    bytes
}

/// Bytes of a block of a gallery's file, and of what stands before the first.
const BLOCK: usize = 4096;
const HEADER: usize = 36;

/// A gallery's file of checked blocks, changed in what it says of itself or in its blocks, with checksums
/// that are right again.
pub fn blocks(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let sample = chosen(rng, samples);
    if rng.u8(..8) == 0 {
        return mutate::any(rng, samples);
    }
    let (data_end, json_at) = places(sample);
    let mut data = sample[BLOCK..data_end].to_vec();
    let mut json = sample[json_at..].to_vec();
    if rng.bool() {
        json = mutate::part(rng, &json);
    } else {
        data = mutate::part(rng, &data);
        data.resize(data_end - BLOCK, 0);
    }
    put_together(sample, &data, &json)
}

fn places(file: &[u8]) -> (usize, usize) {
    let number = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    (number(16), number(24))
}

/// A file of these blocks and this JSON, with the beginning of another.
fn put_together(like: &[u8], data: &[u8], json: &[u8]) -> Vec<u8> {
    let sums = data.chunks(BLOCK).map(crc32fast::hash);
    let mut sums: Vec<u8> = sums.flat_map(u32::to_le_bytes).collect();
    sums.resize(sums.len().next_multiple_of(BLOCK), 0);
    let tops = sums.chunks(BLOCK).map(crc32fast::hash);
    let mut end: Vec<u8> = tops.flat_map(u32::to_le_bytes).collect();
    let json_at = (BLOCK + data.len() + sums.len() + end.len()) as u64;
    end.extend(json);
    let mut file = like[..BLOCK].to_vec();
    file[12..16].copy_from_slice(&(json.len() as u32).to_le_bytes());
    file[24..32].copy_from_slice(&json_at.to_le_bytes());
    file[32..HEADER].copy_from_slice(&crc32fast::hash(&end).to_le_bytes());
    let sum = crc32fast::hash(&file[..HEADER]);
    file[HEADER..HEADER + 4].copy_from_slice(&sum.to_le_bytes());
    [&file, data, &sums, &end].concat()
}

fn stamp(file: &[u8]) -> Option<String> {
    let stamp = file.get(32..HEADER)?.try_into().ok()?;
    Some(format!("\"stamp\":{}", u32::from_le_bytes(stamp)))
}

/// A snapshot that names one file, naming another.
pub fn of_stamp(snapshot: &[u8], file: &[u8], other: &[u8]) -> Vec<u8> {
    let (data_end, json_at) = places(snapshot);
    let json = String::from_utf8(snapshot[json_at..].to_vec()).unwrap();
    let json = restamped(&json, file, other);
    put_together(snapshot, &snapshot[BLOCK..data_end], json.as_bytes())
}

/// The same of what a store says of itself.
pub fn about_of_stamp(about: &[u8], file: &[u8], other: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(about).unwrap();
    let json = restamped(text.split_once('\n').unwrap().1, file, other);
    format!("{:08x}\n{json}", crc32fast::hash(json.as_bytes())).into_bytes()
}

fn restamped(json: &str, file: &[u8], other: &[u8]) -> String {
    match (stamp(file), stamp(other)) {
        (Some(old), Some(new)) => json.replace(&old, &new),
        _ => json.to_owned(),
    }
}
