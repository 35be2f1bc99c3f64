//! What no small file shows: bombs, and pictures of which a part is missing.

use std::path::Path;

use super::*;
use crate::error::PhotoError;
use crate::photo::decoded::Stored;

/// A grey TIFF of so many columns and rows, with such tags more, each of one value, and its pixels.
fn tiff(width: u32, height: u32, more: &[(u16, u32)], pixels: &[u8]) -> Vec<u8> {
    let mut tags = vec![
        (256, width),
        (257, height),
        (258, 8),
        (262, 1),
        (273, 8),
        (277, 1),
    ];
    tags.push((279, pixels.len() as u32));
    for (tag, value) in more {
        tags.retain(|(other, _)| other != tag);
        tags.push((*tag, *value));
    }
    let mut bytes = b"II*\0".to_vec();
    bytes.extend((8 + pixels.len() as u32).to_le_bytes());
    bytes.extend(pixels);
    bytes.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    [bytes, vec![0; 4]].concat()
}

fn decoded(bytes: &[u8]) -> Result<Decoded, PhotoError> {
    let path = Path::new("a.tif");
    decode(&Source {
        path,
        bytes,
        wanted: None,
        seen: None,
    })
}

fn refused(bytes: &[u8]) -> String {
    decoded(bytes).unwrap_err().to_string()
}

#[test]
fn rows_that_are_missing_are_counted() {
    let pixels: Vec<u8> = (0..100).collect();
    let whole = decoded(&tiff(10, 10, &[], &pixels)).unwrap();
    assert!(whole.present >= 1.0 && whole.pixels.size() == (10, 10));
    let part = decoded(&tiff(
        10,
        10,
        &[(259, 32773)],
        &[[9; 1].as_slice(), &pixels[..10], &[9], &pixels[..10]].concat(),
    ));
    let part = part.unwrap();
    assert!((part.present - 0.2).abs() < 1e-6, "{}", part.present);
    let Stored::Image(image) = part.pixels else {
        unreachable!("it is grey");
    };
    assert_eq!(image.as_bytes()[10..20], pixels[..10]);
}

#[test]
fn bombs_are_refused_before_anything_is_allocated() {
    let large = u32::MAX;
    let no_pixels = [[0, 9], [9, 0]];
    for [width, height] in no_pixels {
        assert!(refused(&tiff(width, height, &[], &[0; 9])).contains("pixels"));
    }
    assert!(matches!(
        decoded(&tiff(large, large, &[], &[0; 9])),
        Err(PhotoError::TooManyPixels { .. })
    ));
    let tiles = tiff(
        9,
        9,
        &[(322, large), (323, large), (324, 8), (259, 5)],
        &[0; 90],
    );
    assert!(matches!(
        decoded(&tiles),
        Err(PhotoError::TooMuchMemory { .. })
    ));
    let empty = tiff(9, 9, &[(322, 0), (323, 0), (324, 8)], &[0; 90]);
    assert!(refused(&empty).contains("tiles"));
    assert!(refused(&tiff(9, 9, &[(277, 65535)], &[0; 90])).contains("65535 samples"));
}

#[test]
fn what_is_not_read_is_named() {
    for (tag, value, name) in [
        (259, 34887, "LERC"),
        (259, 50002, "JPEG XL"),
        (259, 12345, "compression 12345"),
        (262, 32803, "a camera's sensor"),
        (262, 32845, "LogLuv"),
        (339, 6, "complex"),
    ] {
        let said = refused(&tiff(3, 3, &[(tag, value)], &[0; 9]));
        assert!(
            said.contains("not supported") && said.contains(name),
            "{said}"
        );
    }
}

#[test]
fn a_file_without_pixels_is_damaged() {
    let mut file = tiff(3, 3, &[(273, 0)], &[0; 9]);
    assert!(refused(&file).contains("none of its pixels"));
    file.truncate(18);
    assert!(refused(&file).contains("directory"));
    assert!(refused(b"II*\0").contains("directory"));
}
