//! A page of groups: the kept photo and its duplicates side by side, with what differs.

use std::fmt::Write as _;

use imgsearch::duplicates::{Duplicate, Duplicates, Group};
use imgsearch::gallery::Record;
use imgsearch::photo::{Photo, Taken};
use indicatif::DecimalBytes;

use super::super::difference::difference;
use super::super::{photos, shown_clean};
use super::{STYLE, escape, figure};

/// Groups that are shown; a page of more would be too large to open.
const MOST: usize = 500;

/// The page.
pub fn page(report: &Duplicates) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>imgsearch dups</title><style>{STYLE}</style>\
         <h1>{} groups, {} could go: {}</h1>",
        report.groups.len(),
        photos(report.duplicates),
        DecimalBytes(report.freed)
    );
    for group in report.groups.iter().take(MOST) {
        one(&mut html, group);
    }
    if report.groups.len() > MOST {
        // Writing to a string cannot fail.
        let _ = write!(html, "<p>{} groups more", report.groups.len() - MOST);
    }
    html.push_str("</html>\n");
    html
}

fn one(html: &mut String, group: &Group) {
    let reason = escape(&group.keep.reason);
    let _ = write!(
        html,
        "<h1>{} to free</h1><div class=grid>",
        DecimalBytes(group.freed)
    );
    let kept = &group.keep.record;
    let caption = format!("<b>keep</b> ({reason}){}", about(kept, group.keep.taken));
    show(html, "query", kept, &caption);
    for duplicate in &group.duplicates {
        let Duplicate { record, taken, .. } = duplicate;
        let differs = escape(&difference(duplicate));
        let level = duplicate.level.name();
        let caption = format!("<b>{level}</b> {differs}{}", about(record, *taken));
        show(html, "match", record, &caption);
    }
    html.push_str("</div>");
}

fn show(html: &mut String, class: &str, record: &Record, caption: &str) {
    let photo = Photo::read(&record.path).ok();
    figure(html, class, (Some(&record.path), photo.as_ref()), caption);
}

/// Its path, pixels, bytes, and when it was taken.
fn about(record: &Record, taken: Option<Taken>) -> String {
    let taken = taken.map_or_else(String::new, |taken| format!(", {taken}"));
    format!(
        "<br>{}<br>{} × {}, {}{taken}",
        escape(&shown_clean(&record.path)),
        record.width,
        record.height,
        DecimalBytes(record.size),
    )
}
