use std::path::Path;

use super::*;

fn refused(bytes: &[u8]) -> PhotoError {
    let path = Path::new("camera");
    let wanted = None;
    decode(&Source {
        path,
        bytes,
        wanted,
        seen: None,
    })
    .unwrap_err()
}

/// A file of one directory of whole numbers.
fn tiff(tags: &[(u16, u32)]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn a_camera_file_is_told_from_a_tiff_by_its_sensor() {
    assert!(is_camera(&tiff(&[(254, 0), (262, 32_803)])));
    assert!(is_camera(&tiff(&[(262, 34_892)])));
    assert!(is_camera(&tiff(&[(262, 2), (50_706, 0x0401)])));
    assert!(!is_camera(&tiff(&[(256, 4), (257, 4), (262, 2)])));
    assert!(!is_camera(b"II*\0"));
}

#[test]
fn without_a_preview_it_is_not_supported_and_not_damaged() {
    let said = refused(&tiff(&[(262, 32_803)])).to_string();
    assert!(
        said.starts_with("not supported: camera RAW without"),
        "{said}"
    );
}

#[test]
fn directories_that_point_to_each_other_end() {
    // The directory below it is itself, and the next one as well.
    let mut ring = tiff(&[(330, 8), (262, 32_803)]);
    let end = ring.len() - 4;
    ring[end..].copy_from_slice(&8u32.to_le_bytes());
    assert!(refused(&ring).to_string().contains("without a preview"));
}

#[test]
fn what_is_cut_off_or_points_outside_has_no_preview() {
    for bytes in [
        &b"FUJIFILMCCD-RAW 0201"[..],
        b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom\0\0\0\x09moov",
        b"IIRO\x08\0\0\0",
    ] {
        for end in 8..=bytes.len() {
            refused(&bytes[..end]);
        }
    }
    let outside = tiff(&[(262, 32_803), (513, 1 << 30), (514, 1 << 30)]);
    assert!(refused(&outside).to_string().contains("without a preview"));
}
