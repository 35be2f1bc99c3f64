//! The query and its matches as one picture.

use std::io::{self, Cursor};
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use imgsearch::error::FileError;
use imgsearch::gallery::Match;
use imgsearch::photo::Photo;
use imgsearch::replace::replace;

/// Writes the query and its matches as one picture, the query framed.
pub fn write(file: &Path, query: &[Photo], matches: &[Match]) -> Result<(), FileError> {
    const CELL: (u32, u32) = (240, 180);
    const GAP: u32 = 8;
    const COLUMNS: u32 = 4;
    let found = matches
        .iter()
        .filter_map(|found| Photo::read(&found.record.path).ok());
    let queries = query
        .iter()
        .filter_map(|photo| photo.decode().ok())
        .map(|p| (p.image, true));
    let found = found
        .filter_map(|photo| photo.decode().ok())
        .map(|p| (p.image, false));
    let cells: Vec<_> = queries.chain(found).collect();
    let rows = (cells.len() as u32).div_ceil(COLUMNS).max(1);
    let size = |cells: u32, cell: u32| cells * (cell + GAP) + GAP;
    let white = image::Rgb([255u8; 3]);
    let mut sheet = image::RgbImage::from_pixel(size(COLUMNS, CELL.0), size(rows, CELL.1), white);
    for (number, (picture, is_query)) in (0u32..).zip(cells) {
        let left = number % COLUMNS * (CELL.0 + GAP) + GAP;
        let top = number / COLUMNS * (CELL.1 + GAP) + GAP;
        if is_query {
            let frame =
                image::RgbImage::from_pixel(CELL.0 + GAP, CELL.1 + GAP, image::Rgb([43, 108, 176]));
            image::imageops::replace(
                &mut sheet,
                &frame,
                i64::from(left - GAP / 2),
                i64::from(top - GAP / 2),
            );
        }
        let cell = DynamicImage::from(picture).resize_to_fill(CELL.0, CELL.1, FilterType::Lanczos3);
        image::imageops::replace(
            &mut sheet,
            &cell.into_rgb8(),
            i64::from(left),
            i64::from(top),
        );
    }
    let mut bytes = Vec::new();
    let encoded = ImageFormat::from_path(file)
        .and_then(|format| sheet.write_to(&mut Cursor::new(&mut bytes), format));
    encoded
        .map_err(io::Error::other)
        .and_then(|()| replace(file, &bytes))
        .map_err(FileError::write_at(file))
}
