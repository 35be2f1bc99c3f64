//! A page of thumbnails to look at: one file, with the pictures inside.

use std::fmt::Write as _;
use std::io::{self, Cursor};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use imgsearch::error::FileError;
use imgsearch::gallery::Match;
use imgsearch::photo::Photo;

use super::shown;

/// Longest side of a thumbnail in pixels.
const THUMBNAIL: u32 = 320;

pub const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2rem;background:#fafafa;color:#222}\
h1{font-size:1.2rem;font-weight:600}.grid{display:flex;flex-wrap:wrap;gap:1rem}\
figure{margin:0;width:240px}img{width:240px;height:180px;object-fit:cover;border-radius:6px;\
background:#ddd;display:block}figure.query img{outline:3px solid #2b6cb0}\
figcaption{font-size:.8rem;margin-top:.3rem;overflow-wrap:anywhere}b{font-variant-numeric:tabular-nums}\
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}}";

/// The page; pictures that cannot be read any more are left grey.
pub fn page(query: &[Photo], matches: &[Match]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>imgsearch</title><style>{STYLE}</style>\
         <h1>Query</h1><div class=grid>"
    );
    for photo in query {
        let caption = escape(&photo.path().display().to_string());
        figure(&mut html, "query", Some(photo), &caption);
    }
    html.push_str("</div><h1>Matches</h1><div class=grid>");
    for (rank, found) in (1..).zip(matches) {
        let photo = Photo::read(&found.record.path).ok();
        let path = escape(&shown(&found.record.path).display().to_string());
        let caption = format!("<b>{rank} · {:.3}</b> {path}", found.similarity);
        figure(&mut html, "match", photo.as_ref(), &caption);
    }
    html.push_str("</div></html>\n");
    html
}

pub fn figure(html: &mut String, class: &str, photo: Option<&Photo>, caption: &str) {
    let source = photo.and_then(thumbnail).unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(
        html,
        "<figure class={class}><img src=\"{source}\" alt=\"\"><figcaption>{caption}</figcaption></figure>"
    );
}

/// A small JPEG as a data URL.
fn thumbnail(photo: &Photo) -> Option<String> {
    let picture = DynamicImage::from(photo.decode_for(Some(THUMBNAIL)).ok()?.image);
    let small = picture.resize(THUMBNAIL, THUMBNAIL, FilterType::Triangle);
    let mut jpeg = Cursor::new(Vec::new());
    small.write_to(&mut jpeg, ImageFormat::Jpeg).ok()?;
    Some(format!(
        "data:image/jpeg;base64,{}",
        STANDARD.encode(jpeg.into_inner())
    ))
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Writes the query and its matches as one picture, the query framed.
pub fn contact_sheet(file: &Path, query: &[Photo], matches: &[Match]) -> Result<(), FileError> {
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
    let saved = sheet.save(file).map_err(|error| match error {
        image::ImageError::IoError(source) => source,
        error => io::Error::other(error),
    });
    saved.map_err(FileError::write_at(file))
}
