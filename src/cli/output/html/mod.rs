//! A page of thumbnails to look at: one file, with the pictures inside.

pub mod failures;

use std::fmt::Write as _;
use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use imgsearch::gallery::Match;
use imgsearch::photo::Photo;

use super::{clean_line, shown_clean};

/// Longest side of a thumbnail in pixels.
const THUMBNAIL: u32 = 320;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2rem;background:#fafafa;color:#222}\
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
        let caption = escape(&clean_line(&photo.path().display().to_string()));
        figure(&mut html, "query", Some(photo), &caption);
    }
    html.push_str("</div><h1>Matches</h1><div class=grid>");
    for (rank, found) in (1..).zip(matches) {
        let photo = Photo::read(&found.record.path).ok();
        let path = escape(&shown_clean(&found.record.path));
        let caption = format!("<b>{rank} · {:.3}</b> {path}", found.similarity);
        figure(&mut html, "match", photo.as_ref(), &caption);
    }
    html.push_str("</div></html>\n");
    html
}

fn figure(html: &mut String, class: &str, photo: Option<&Photo>, caption: &str) {
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
        .replace('\'', "&#39;")
}
