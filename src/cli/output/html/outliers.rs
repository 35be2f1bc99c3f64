//! A page of photos that may lie in the wrong folder.

use std::fmt::Write as _;
use std::path::Path;

use imgsearch::eval::Outliers;
use imgsearch::photo::Photo;

use super::super::{clean_line, shown_clean};
use super::{STYLE, escape, figure};

/// The page.
pub fn page(report: &Outliers) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>imgsearch outliers</title><style>{STYLE}</style>\
         <h1>Nearer to another folder than to their own</h1><div class=grid>"
    );
    for one in &report.misplaced {
        let mut caption = escape(&shown_clean(&one.record.path));
        // Writing to a string cannot fail.
        let _ = write!(
            caption,
            "<br><b>{:.3}</b> here, <b>{:.3}</b> in {}",
            one.own,
            one.other,
            escape(&clean_line(one.folder.path()))
        );
        show(&mut html, &one.record.path, &caption);
    }
    html.push_str("</div><h1>Like no other</h1><div class=grid>");
    for one in &report.alone {
        let path = escape(&shown_clean(&one.record.path));
        let caption = format!("<b>{:.3}</b> {path}", one.nearest);
        show(&mut html, &one.record.path, &caption);
    }
    html.push_str("</div></html>\n");
    html
}

fn show(html: &mut String, path: &Path, caption: &str) {
    let photo = Photo::read(path).ok();
    figure(html, "match", (Some(path), photo.as_ref()), caption);
}
