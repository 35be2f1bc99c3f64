//! A page of thumbnails to look at: one file, with the pictures inside.

pub mod duplicates;
pub mod failures;
pub mod outliers;

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use imgsearch::gallery::Match;
use imgsearch::photo::{Photo, Rendering, absolute};
use indicatif::DecimalBytes;

use super::{clean_line, shown_clean};

/// Longest side of a thumbnail in pixels.
const THUMBNAIL: u32 = 320;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2rem;background:#fafafa;color:#222}\
h1{font-size:1.2rem;font-weight:600}.grid{display:flex;flex-wrap:wrap;gap:1rem}\
figure{margin:0;width:240px}img,.gone{width:240px;height:180px;object-fit:contain;border-radius:6px;\
background:#eee;display:block}.gone{display:flex;align-items:center;justify-content:center;color:#777}\
figure.query img{outline:3px solid #2b6cb0}a{color:inherit}\
figcaption{font-size:.8rem;margin-top:.3rem;overflow-wrap:anywhere}b{font-variant-numeric:tabular-nums}\
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}img,.gone{background:#262626}}";

/// The page: each picture leads to its file.
pub fn page(query: &[Photo], matches: &[Match]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>imgsearch</title><style>{STYLE}</style>\
         <h1>Query</h1><div class=grid>"
    );
    for photo in query {
        let path = absolute(photo.path()).ok();
        let caption = escape(&clean_line(&photo.path().display().to_string()));
        figure(&mut html, "query", (path.as_deref(), Some(photo)), &caption);
    }
    html.push_str("</div><h1>Matches</h1><div class=grid>");
    for (rank, found) in (1..).zip(matches) {
        let photo = Photo::read(&found.record.path).ok();
        let record = &found.record;
        let expected = found
            .expected
            .map_or_else(String::new, |it| format!(" ({it:.4} expected)"));
        let caption = format!(
            "<b>{rank} · {:.3}{expected}</b> {}<br>{} × {}, {}{}",
            found.similarity,
            escape(&shown_clean(&record.path)),
            record.width,
            record.height,
            DecimalBytes(record.size),
            day(record.modified)
        );
        let path = Some(record.path.as_path());
        figure(&mut html, "match", (path, photo.as_ref()), &caption);
    }
    html.push_str("</div></html>\n");
    html
}

/// A picture that leads to its file; where the file is gone, or is no picture any more, that is said.
fn figure(
    html: &mut String,
    class: &str,
    (path, photo): (Option<&Path>, Option<&Photo>),
    caption: &str,
) {
    let shown = match (photo, photo.and_then(thumbnail)) {
        (_, Some(source)) => format!("<img src=\"{source}\" alt=\"\">"),
        (Some(_), None) => "<span class=gone>no picture any more</span>".to_owned(),
        (None, None) => "<span class=gone>gone</span>".to_owned(),
    };
    let linked = match path.filter(|_| photo.is_some()) {
        Some(path) => format!("<a href=\"{}\">{shown}</a>", address(path)),
        None => shown,
    };
    // Writing to a string cannot fail.
    let _ = write!(
        html,
        "<figure class={class}>{linked}<figcaption>{caption}</figcaption></figure>"
    );
}

/// The address of a file.
pub fn address(path: &Path) -> String {
    address_of(path.as_os_str().as_encoded_bytes(), cfg!(windows))
}

/// The address of the file whose absolute path these bytes are: RFC 8089, every byte that is not plain
/// written with `%`. Of Windows' paths (its appendix E) `C:\a` is `file:///C:/a` and `\\server\share\a`
/// is `file://server/share/a`, also where they are written with `\\?\` before them.
fn address_of(path: &[u8], is_windows: bool) -> String {
    let mut path = path.to_vec();
    let mut address = "file://".to_owned();
    if is_windows {
        path.iter_mut()
            .filter(|byte| **byte == b'\\')
            .for_each(|byte| *byte = b'/');
        if let Some(rest) = path.strip_prefix(b"//?/") {
            let rest = rest
                .strip_prefix(b"UNC/")
                .map(|rest| [b"//", rest].concat());
            path = rest.unwrap_or_else(|| path[4..].to_vec());
        }
        match path.strip_prefix(b"//") {
            Some(rest) => path = rest.to_vec(),
            None => address.push('/'),
        }
    }
    // The colon of a drive is no sign of an address, and browsers do not take `%3A` for it.
    let drive = usize::from(is_windows && path.get(1) == Some(&b':'));
    for (place, byte) in path.into_iter().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if is_plain || place == drive && place == 1 {
            address.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

/// `, 2021-05-09` (UTC) of nanoseconds since 1970; nothing where the file system keeps no time.
fn day(modified: i64) -> String {
    if modified == 0 {
        return String::new();
    }
    // Days since 0000-03-01, in eras of 400 years: Hinnant, "chrono-Compatible Low-Level Date
    // Algorithms", `civil_from_days`.
    let days = modified.div_euclid(86_400_000_000_000) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    format!(", {year:04}-{month:02}-{day:02}")
}

/// A small JPEG as a data URL.
fn thumbnail(photo: &Photo) -> Option<String> {
    let picture = DynamicImage::from(photo.decode_for(&Rendering::of_side(THUMBNAIL)).ok()?.image);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_file_whatever_it_is_called() {
        assert_eq!(address(Path::new("/a/b-1.jpg")), "file:///a/b-1.jpg");
        for (path, expected) in [
            (r"C:\Fotos\a b.jpg", "file:///C:/Fotos/a%20b.jpg"),
            ("d:/a.jpg", "file:///d:/a.jpg"),
            (r"\\?\C:\ä:.jpg", "file:///C:/%C3%A4%3A.jpg"),
            (r"\\server\share\a.jpg", "file://server/share/a.jpg"),
            (
                r"\\?\UNC\server\share\#1.jpg",
                "file://server/share/%231.jpg",
            ),
        ] {
            assert_eq!(address_of(path.as_bytes(), true), expected, "{path}");
        }
        // Elsewhere a backslash is a letter of a name.
        assert_eq!(address_of(br"/C:\a.jpg", false), "file:///C%3A%5Ca.jpg");
        let odd = address(Path::new("/\"><é%20#?.jpg"));
        assert_eq!(odd, "file:///%22%3E%3C%C3%A9%2520%23%3F.jpg");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let of = |seconds: i64| day(seconds * 1_000_000_000);
        assert_eq!(of(0), "");
        assert_eq!(of(1), ", 1970-01-01");
        assert_eq!(of(-1), ", 1969-12-31");
        assert_eq!(of(951_782_400), ", 2000-02-29");
        assert_eq!(of(951_868_800), ", 2000-03-01");
        assert_eq!(of(1_620_518_400), ", 2021-05-09");
        assert_eq!(of(4_107_542_399), ", 2100-02-28");
    }
}
