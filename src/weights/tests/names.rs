//! Files whatever they are called and however large they are: torch calls the folder in its zip after
//! the file, and pads what it writes.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use super::*;

/// A zip as torch writes it, of one storage: every entry with its data descriptor, at its end zip64's
/// record and locator, whose signatures stand behind a name of so many characters.
fn torch_zip(name: &str, storage: &[u8], pickle: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    let entries = [
        ("data.pkl", pickle),
        ("byteorder", b"little"),
        ("data/0", storage),
        ("version", b"3\n"),
    ];
    for (entry, content) in entries {
        let (start, path) = (file.len() as u32, format!("{name}/{entry}"));
        // As torch does, so that numbers begin at a multiple of 64.
        let padding = 64 - (file.len() + 30 + path.len() + 4) % 64;
        let crc = crc32(content);
        let mut header = vec![0, 0, 0, 8, 0, 0, 0, 0, 0, 0];
        header.extend(crc.to_le_bytes());
        header.extend((content.len() as u32).to_le_bytes());
        header.extend((content.len() as u32).to_le_bytes());
        header.extend((path.len() as u16).to_le_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&header);
        file.extend((padding as u16 + 4).to_le_bytes());
        file.extend(path.as_bytes());
        file.extend(b"FB");
        file.extend((padding as u16).to_le_bytes());
        file.extend(b"Z".repeat(padding));
        file.extend(content);
        directory.extend(b"PK\x01\x02\0\0");
        directory.extend(&header);
        directory.extend([0; 12]);
        directory.extend(start.to_le_bytes());
        directory.extend(path.as_bytes());
    }
    let (start, len) = (file.len() as u64, directory.len() as u64);
    file.extend(directory);
    let record = file.len() as u64;
    file.extend(b"PK\x06\x06");
    file.extend(44_u64.to_le_bytes());
    file.extend([0x1e, 3, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [4, 4, len, start] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(record.to_le_bytes());
    file.extend([1, 0, 0, 0]);
    file.extend(b"PK\x05\x06\0\0\0\0\x04\0\x04\0");
    file.extend((len as u32).to_le_bytes());
    file.extend((start as u32).to_le_bytes());
    file.extend([0, 0]);
    file
}

fn crc32(content: &[u8]) -> u32 {
    let byte = |mut crc: u32, byte: &u8| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    };
    !content.iter().fold(u32::MAX, byte)
}

/// `{'w': a tensor of two numbers}`, which begin at `offset` in a storage of so many.
fn pickled(offset: u32, len: u32) -> Vec<u8> {
    let number = |value: u32| [b"J".as_slice(), &value.to_le_bytes()].concat();
    [
        b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n"
            .as_slice(),
        b"FloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu",
        &number(len),
        b"tQ",
        &number(offset),
        b"K\x02\x85K\x01\x85\x89NtRs.",
    ]
    .concat()
}

#[test]
fn a_file_of_torchs_opens_whatever_the_length_of_its_name() {
    let folder = TempDir::new().unwrap();
    let numbers: Vec<u8> = [1.5_f32, -2.0]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    for len in 1..=60 {
        let name = "n".repeat(len);
        let path = folder.path().join(format!("{name}.pth"));
        fs::write(&path, torch_zip(&name, &numbers, &pickled(0, 2))).unwrap();
        let file = WeightsFile::open(&path).unwrap_or_else(|error| panic!("{len}: {error}"));
        assert_eq!(file.tensor("w", &[2]).unwrap(), [1.5, -2.0], "{len}");
    }
    // What torch itself wrote, under each length; its folder is called after the name that it had.
    for legacy in ["plain.pth", "plain_legacy.pth"] {
        for len in 1..=60 {
            let path = folder.path().join("m".repeat(len) + ".pth");
            fs::copy(data(legacy), &path).unwrap();
            assert_holds_the_state(&WeightsFile::open(path).unwrap());
        }
    }
}

/// In torch's old format, where a storage's length stands before its numbers.
#[test]
fn numbers_beyond_four_gibibytes_are_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("large.pth");
    let count = (1_u64 << 30) + 10;
    let machine = b"\x80\x02}.".as_slice();
    let pickle = pickled(count as u32 - 2, count as u32);
    let keys = b"\x80\x02]X\x01\0\0\x000a.";
    let mut file = File::create(&path).unwrap();
    let start = [
        torch_legacy::MAGIC,
        b"\x80\x02M\xe9\x03.",
        machine,
        &pickle,
        keys,
    ]
    .concat();
    file.write_all(&start).unwrap();
    file.write_all(&count.to_le_bytes()).unwrap();
    let place = start.len() as u64 + 8 + 4 * (count - 2);
    let written = file
        .seek(SeekFrom::Start(place))
        .and_then(|_| file.write_all(&[1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat()));
    if let Err(error) = written {
        #[expect(
            clippy::print_stderr,
            reason = "that it was skipped is for whoever runs the tests"
        )]
        {
            eprintln!("skipped: no file of 4 GiB can be had here: {error}");
        }
        return;
    }
    drop(file);
    let file = WeightsFile::open(&path).unwrap();
    assert_eq!(file.tensor("w", &[2]).unwrap(), [1.5, -2.0]);
}
