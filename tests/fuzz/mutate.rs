//! Samples changed by chance, as files are that were damaged or made to harm.

use fastrand::Rng;

/// Longer inputs only take longer.
const LONGEST: usize = 64 << 10;

/// Bytes at the edges of what they can say.
const BYTES: [u8; 8] = [0, 1, 0x10, 0x20, 0x7f, 0x80, 0xfe, 0xff];

/// Numbers as a text says them, at the edges of what can be read.
const TEXTS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "65535",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999",
    "1e39",
    "1e-46",
    "NaN",
    "inf",
    "0.0000001",
];

/// A sample, or two spliced, with one to a dozen changes.
pub fn any(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.choice(samples).cloned().unwrap_or_default();
    if rng.u8(..) < 16 {
        bytes = spliced(
            rng,
            &bytes,
            rng.clone().choice(samples).map_or(&[], |other| &other[..]),
        );
    }
    // Mostly few: with many changes hardly anything is read any more.
    for _ in 0..=rng.usize(..4) * rng.usize(..5) {
        change(rng, &mut bytes);
    }
    bytes.truncate(LONGEST);
    bytes
}

/// The same of one part of a file.
pub fn part(rng: &mut Rng, part: &[u8]) -> Vec<u8> {
    any(rng, &[part.to_vec()])
}

fn spliced(rng: &mut Rng, first: &[u8], second: &[u8]) -> Vec<u8> {
    let (end, start) = (rng.usize(..=first.len()), rng.usize(..=second.len()));
    [&first[..end], &second[start..]].concat()
}

fn change(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(rng.u8(..));
        return;
    }
    let at = place(rng, bytes.len());
    match rng.u8(..20) {
        0..3 => bytes[at] ^= 1 << rng.u8(..8),
        3..6 => bytes[at] = BYTES[rng.usize(..BYTES.len())],
        6..8 => bytes[at] = rng.u8(..),
        8..10 => bytes[at] = bytes[at].wrapping_add(rng.u8(..32).wrapping_sub(16)),
        10..14 => edge(rng, bytes, at),
        14 => number(rng, bytes, at),
        15 => {
            let block = block(rng, bytes);
            bytes.splice(at..at, block);
        }
        16 => {
            let block = block(rng, bytes);
            let end = bytes.len().min(at + block.len());
            bytes[at..end].copy_from_slice(&block[..end - at]);
        }
        17 => {
            let end = bytes.len().min(at + length(rng));
            bytes.drain(at..end);
        }
        18 => {
            let again = bytes[at..bytes.len().min(at + length(rng))].to_vec();
            let times = 1 << rng.u8(..8);
            bytes.splice(at..at, again.repeat(times.min(LONGEST / (again.len() + 1))));
        }
        _ => bytes.truncate(at),
    }
}

/// Half of the places are in the beginning, which says what the rest is.
fn place(rng: &mut Rng, len: usize) -> usize {
    let end = if rng.bool() { len.min(200) } else { len };
    rng.usize(..end)
}

fn length(rng: &mut Rng) -> usize {
    let most = 1 << rng.u8(1..11);
    1 + rng.usize(..most)
}

fn block(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let start = rng.usize(..bytes.len());
    bytes[start..bytes.len().min(start + length(rng))].to_vec()
}

/// A number of two, four or eight bytes at the edges of what it, or what the file, can hold.
fn edge(rng: &mut Rng, bytes: &mut [u8], at: usize) {
    let width = 1 << rng.u8(1..4);
    let most = u64::MAX >> (64 - 8 * width);
    let (len, near) = (bytes.len() as u64, rng.u64(..3));
    let middle = most / 2 + near;
    let chosen = [
        near,
        middle,
        most - near,
        len - 1 + near,
        len / 2,
        1 << rng.u8(..64),
    ];
    let value = chosen[rng.usize(..chosen.len())];
    let little = &value.to_le_bytes()[..width];
    let mut written = little.to_vec();
    if rng.bool() {
        written.reverse();
    }
    let end = bytes.len().min(at + width);
    bytes[at..end].copy_from_slice(&written[..end - at]);
}

/// Another number where a text has one, at `at` or behind it.
fn number(rng: &mut Rng, bytes: &mut Vec<u8>, at: usize) {
    let digit = bytes[at..].iter().position(u8::is_ascii_digit);
    let start = digit.map_or(at, |digit| at + digit);
    let run = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let other = TEXTS[rng.usize(..TEXTS.len())];
    bytes.splice(start..start + run, other.bytes());
}
