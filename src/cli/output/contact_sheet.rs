//! The query and its matches as one picture.

use std::io::{self, Cursor};
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use imgsearch::error::FileError;
use imgsearch::gallery::Match;
use imgsearch::photo::Photo;
use imgsearch::replace::replace;

use super::drawing::{Anchor, Drawing, Mark, Words};
use super::raster;

/// Writes the query and its matches as one picture, the query framed and the matches numbered.
pub fn write(file: &Path, query: &[Photo], matches: &[Match]) -> Result<(), FileError> {
    const CELL: (u32, u32) = (240, 180);
    const GAP: u32 = 8;
    const COLUMNS: u32 = 4;
    let found = (1..).zip(matches);
    let found =
        found.filter_map(|(rank, found)| Some((rank, Photo::read(&found.record.path).ok()?)));
    let queries = query
        .iter()
        .filter_map(|photo| photo.decode().ok())
        .map(|p| (p.image, None));
    let found = found.filter_map(|(rank, photo)| Some((photo.decode().ok()?.image, Some(rank))));
    let cells: Vec<_> = queries.chain(found).collect();
    let rows = (cells.len() as u32).div_ceil(COLUMNS).max(1);
    let size = |cells: u32, cell: u32| cells * (cell + GAP) + GAP;
    let white = image::Rgb([255u8; 3]);
    let mut sheet = image::RgbImage::from_pixel(size(COLUMNS, CELL.0), size(rows, CELL.1), white);
    for (place, (picture, rank)) in (0u32..).zip(cells) {
        let left = place % COLUMNS * (CELL.0 + GAP) + GAP;
        let top = place / COLUMNS * (CELL.1 + GAP) + GAP;
        if rank.is_none() {
            let frame =
                image::RgbImage::from_pixel(CELL.0 + GAP, CELL.1 + GAP, image::Rgb([43, 108, 176]));
            image::imageops::replace(
                &mut sheet,
                &frame,
                i64::from(left - GAP / 2),
                i64::from(top - GAP / 2),
            );
        }
        let cell = DynamicImage::from(picture).resize(CELL.0, CELL.1, FilterType::Lanczos3);
        let cell = cell.into_rgb8();
        let (beside, above) = (CELL.0 - cell.width(), CELL.1 - cell.height());
        let place = (left + beside / 2, top + above / 2);
        image::imageops::replace(&mut sheet, &cell, place.0.into(), place.1.into());
        if let Some(rank) = rank {
            let label = raster::pixels(&number(rank));
            image::imageops::replace(&mut sheet, &label, place.0.into(), place.1.into());
        }
    }
    let mut bytes = Vec::new();
    let encoded = ImageFormat::from_path(file)
        .and_then(|format| sheet.write_to(&mut Cursor::new(&mut bytes), format));
    encoded
        .map_err(io::Error::other)
        .and_then(|()| replace(file, &bytes))
        .map_err(FileError::write_at(file))
}

/// A rank on a small white field.
fn number(rank: usize) -> Drawing {
    let text = rank.to_string();
    let width = 6 + 8 * text.len() as u32;
    let mut words = Words::new(text, (f64::from(width) / 2.0, 12.0));
    words.anchor = Anchor::Middle;
    Drawing {
        width,
        height: 16,
        marks: vec![Mark::Words(words)],
    }
}
