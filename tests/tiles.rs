//! Pictures in tiles, of which those are decoded that a network sees something of.

use std::fs;
use std::path::Path;

use imgsearch::photo::{Photo, Picture, Preprocess, Rendering};

const KINDS: [&str; 6] = [
    "resize=64,crop=48",
    "resize=40,crop=16,interpolation=bilinear",
    "resize=150,crop=90,interpolation=lanczos",
    "resize=30,crop=20x28,interpolation=nearest",
    "resize=50x70,crop=30,decode=full",
    "crop=30",
];

/// Eight tiles beside each other and six above each other, of 16 × 16 pixels.
fn grid() -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    fs::read(data.join("formats/avif/grid_of_48.avif")).unwrap()
}

fn find(file: &[u8], words: &[u8]) -> usize {
    let mut windows = file.windows(words.len());
    windows.position(|window| window == words).unwrap()
}

fn replace(file: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let at = find(file, from);
    file[at..at + to.len()].copy_from_slice(to);
}

/// What the file's properties are made to say.
#[derive(Clone, Copy, Debug)]
struct Pose {
    /// Tiles in a row.
    columns: u8,
    /// What is missing of the last column and of the last row.
    short: (u8, u8),
    quarters: u8,
    mirrored: Option<u8>,
    /// Columns and rows that are left, and how far their centre is to the right.
    cut: Option<(u32, u32, i32)>,
}

impl Pose {
    fn of(number: u8) -> Self {
        Self {
            columns: [8, 12, 24, 4][usize::from(number % 4)],
            short: (number % 5, number % 3 * 2),
            quarters: number / 4 % 4,
            mirrored: [None, Some(0), Some(1)][usize::from(number % 3)],
            cut: (number % 5 == 4).then_some((60, 31, i32::from(number % 7) * 4 - 12)),
        }
    }

    fn file(self) -> Vec<u8> {
        let mut file = grid();
        let rows = 48 / self.columns;
        let (width, height) = (16 * u16::from(self.columns), 16 * u16::from(rows));
        let width = width - u16::from(self.short.0);
        let height = height - u16::from(self.short.1);
        let said = |columns: u8, rows: u8, width: u16, height: u16| {
            let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
            [&[0, 0, rows - 1, columns - 1][..], &sides].concat()
        };
        let size = |width: u32, height: u32| [width.to_be_bytes(), height.to_be_bytes()].concat();
        replace(
            &mut file,
            &said(8, 6, 128, 96),
            &said(self.columns, rows, width, height),
        );
        let whole = (u32::from(width), u32::from(height));
        replace(&mut file, &size(128, 96), &size(whole.0, whole.1));
        let (columns, rows, right) = self.cut.unwrap_or((whole.0, whole.1, 0));
        let fractions = [columns, 1, rows, 1, right as u32, 1, 0, 1].map(u32::to_be_bytes);
        let at = find(&file, b"clap") + 4;
        file[at..at + 32].copy_from_slice(fractions.as_flattened());
        replace(
            &mut file,
            b"irot\0",
            &[b'i', b'r', b'o', b't', self.quarters],
        );
        if let Some(axis) = self.mirrored {
            replace(&mut file, b"pasp\x01", &[b'i', b'm', b'i', b'r', axis]);
        }
        file
    }
}

fn decoded(file: &[u8], rendering: &Rendering) -> Picture {
    let photo = Photo::from_bytes("grid.avif", file.to_vec());
    photo.decode_for(rendering).unwrap()
}

#[test]
fn tiles_that_nothing_looks_at_change_no_pixel_however_the_picture_is_turned_and_cut() {
    let mut spared = 0;
    for number in [0, 7, 9, 14, 18, 19, 24, 34, 39, 41] {
        let file = Pose::of(number).file();
        let whole = decoded(
            &file,
            &KINDS[0]
                .parse::<Preprocess>()
                .unwrap()
                .rendering()
                .in_full(),
        );
        for kind in KINDS {
            let preprocess: Preprocess = kind.parse().unwrap();
            let part = decoded(&file, &preprocess.rendering());
            assert_eq!((part.width, part.height), (whole.width, whole.height));
            spared += u32::from(part.image != whole.image);
            match (preprocess.apply_to(&part), preprocess.apply_to(&whole)) {
                (Ok(part), Ok(whole)) => assert!(part == whole, "{:?} {kind}", Pose::of(number)),
                // It is smaller than the crop.
                (part, whole) => assert!(part.is_err() && whole.is_err(), "{kind}"),
            }
        }
    }
    assert!(spared > 30, "tiles are spared in {spared} of 60");
}

#[test]
fn what_is_cut_out_by_hand_has_all_of_its_tiles() {
    let preprocess: Preprocess = "resize=64,crop=16".parse().unwrap();
    let file = grid();
    let whole = decoded(&file, &preprocess.rendering().in_full());
    let all = Rendering {
        seen: None,
        ..preprocess.rendering()
    };
    assert_eq!(decoded(&file, &all).image, whole.image);
    assert_ne!(decoded(&file, &preprocess.rendering()).image, whole.image);
}

#[test]
fn a_damaged_tile_counts_where_it_is_seen_and_one_that_is_not_there_always() {
    let preprocess: Preprocess = "resize=64,crop=32".parse().unwrap();
    let present = |file: &[u8]| {
        let seen = decoded(file, &preprocess.rendering()).present;
        (
            seen,
            decoded(file, &preprocess.rendering().in_full()).present,
        )
    };
    let one = 1.0 - 1.0 / 48.0;
    let mut damaged = grid();
    let first = find(&damaged, b"mdat") + 4;
    damaged[first..first + 40].fill(0xff);
    assert_eq!(present(&damaged), (1.0, one));
    let mut cut_off = grid();
    cut_off.pop();
    assert_eq!(present(&cut_off), (one, one));
}
