use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::writer::Written;
use super::*;

fn write(sections: &[(&str, Vec<u8>)]) -> (TempDir, PathBuf, Written) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("segment-7");
    let mut writer = BlockWriter::create(&path).unwrap();
    for (name, bytes) in sections {
        writer.section(name).unwrap();
        for part in bytes.chunks(1000) {
            writer.put(part).unwrap();
        }
    }
    let written = writer.finish(&"about").unwrap();
    (folder, path, written)
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(seed);
    (0..len).map(|_| chance.u8(..)).collect()
}

#[test]
fn what_was_written_is_read_and_the_file_is_as_long_as_was_said() {
    let sections = [
        ("a", noise(5000, 1)),
        ("b", Vec::new()),
        ("c", noise(9_000_000, 2)),
    ];
    let (_folder, path, written) = write(&sections);
    assert_eq!(fs::metadata(&path).unwrap().len(), written.len);
    let (file, about) = Blocks::open::<String>(&path).unwrap();
    assert_eq!((about.as_str(), file.stamp()), ("about", written.stamp));
    assert_eq!(file.touched(), 0);
    for (name, bytes) in &sections {
        assert_eq!(file.all(file.section(name)), Some(&bytes[..]));
        assert_eq!(file.section(name).at % ALIGNMENT, 0);
    }
    let c = file.section("c");
    assert_eq!(
        file.bytes(c, 8_999_999, 1),
        Some(&sections[2].1[8_999_999..])
    );
    assert_eq!(file.bytes(c, 8_999_999, 2), None);
    assert_eq!(file.bytes(c, usize::MAX, 2), None);
    assert_eq!(file.all(file.section("none")), Some(&[][..]));
    file.verify().unwrap();
}

/// What a file says of itself may be anything, with checksums that are right.
fn any_number() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..3 * BLOCK,
        any::<usize>(),
        (0..3 * BLOCK).prop_map(|less| usize::MAX - less),
    ]
}

proptest! {
    #[test]
    fn any_place_is_read_as_what_is_there_or_as_nothing(
        (from, len) in (any_number(), any_number()),
        (values, rows) in (any_number(), any_number()),
    ) {
        let bytes = noise(BLOCK + 9, 1);
        let (_folder, path, _) = write(&[("a", bytes.clone()), ("b", noise(BLOCK, 2))]);
        let (file, _) = Blocks::open::<String>(&path).unwrap();
        let a = file.section("a");
        let there = from.checked_add(len).and_then(|end| bytes.get(from..end));
        prop_assert_eq!(file.bytes(a, from, len), there);
        prop_assert_eq!(file.is_whole_at(a, from, len), there.is_some());
        file.read_soon(a, from, len);
        let numbers = there.filter(|it| it.len() == 4 && from.is_multiple_of(4));
        let number = numbers.map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]));
        prop_assert!(number.is_none_or(|it| file.number(a, from / 4) == Some(it)));
        let _ = file.numbers::<u64>(a, from, len);
        let long = (rows as u128 * values as u128).saturating_mul(4);
        prop_assert_eq!(a.holds(rows as u64, values as u64, 4), long == u128::from(a.len));
    }
}

#[test]
fn only_what_is_touched_is_read() {
    let (_folder, path, _) = write(&[("a", noise(100 * BLOCK, 1))]);
    let (file, _) = Blocks::open::<String>(&path).unwrap();
    let a = file.section("a");
    file.bytes(a, 3 * BLOCK + 5, BLOCK).unwrap();
    file.bytes(a, 3 * BLOCK + 7, 9).unwrap();
    assert_eq!(file.touched(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Wherever a byte is damaged: what is read is what was written, or is not read.
    #[test]
    fn no_damage_is_read(place in 0.0..1.0f64, change in 1..=255u8, len in 1usize..40_000) {
        let bytes = noise(len, 3);
        let (_folder, path, _) = write(&[("a", bytes.clone())]);
        let mut file = fs::read(&path).unwrap();
        let at = (file.len() as f64 * place) as usize;
        file[at] ^= change;
        fs::write(&path, &file).unwrap();
        let Ok((file, about)) = Blocks::open::<String>(&path) else {
            return Ok(());
        };
        prop_assert_eq!(about, "about");
        let mut is_read = true;
        for from in (0..len).step_by(700) {
            let wanted = &bytes[from..len.min(from + 700)];
            match file.bytes(file.section("a"), from, wanted.len()) {
                Some(found) => prop_assert_eq!(found, wanted),
                None => is_read = false,
            }
        }
        prop_assert_eq!(is_read, !file.is_damaged());
        // The rest of the first block and what pads the last says nothing.
        let is_idle = (HEADER..BLOCK).contains(&at);
        prop_assert!(is_idle || file.verify().is_err());
    }

    #[test]
    fn a_file_that_is_cut_off_is_not_opened(left in 0.0..1.0f64) {
        let (_folder, path, _) = write(&[("a", noise(9000, 3))]);
        let file = fs::read(&path).unwrap();
        fs::write(&path, &file[..(file.len() as f64 * left) as usize]).unwrap();
        prop_assert!(Blocks::open::<String>(&path).is_err());
    }
}
