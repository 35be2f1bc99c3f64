//! The hardest failures as a page of pictures: the query, what came first, what should have.

use std::fmt::Write as _;
use std::path::Path;

use imgsearch::eval::Report;
use imgsearch::eval::failures::Answer;
use imgsearch::photo::Photo;

use super::{STYLE, clean_line, escape, figure, shown_clean};

const MARKS: &str = "h2{font-size:.95rem;font-weight:500;margin:2.2rem 0 .6rem}\
section .grid{align-items:flex-start}.row{display:flex;flex-wrap:wrap;gap:1.6rem}\
.row h3{font-size:.8rem;font-weight:500;margin:0 0 .4rem;color:#777}figure{width:142px}\
img{width:142px;height:107px}figure.right img{outline:3px solid #009e73}\
figure.wrong img{outline:3px solid #d55e00}table{border-spacing:1.2rem .2rem;font-size:.9rem}\
th{text-align:left;font-weight:500;color:#777}.advised{font-weight:600}";

/// The page; `spec` is what failed.
pub fn page(report: &Report, spec: &str) -> String {
    let failures = &report.failures;
    let (spec, metric) = (escape(spec), escape(&report.metric.to_string()));
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>imgsearch eval</title><style>{STYLE}{MARKS}</style>\
         <h1>The {} hardest queries with {spec}</h1><p>Green: relevant. Orange: not.</p>",
        failures.len()
    );
    rankings(&mut html, report);
    for (number, failure) in (1..).zip(failures) {
        let group = failure
            .group
            .as_deref()
            .map(|group| escape(&clean_line(group)));
        let group = group.map_or_else(String::new, |group| format!(" · {group}"));
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<section><h2>{number}{group} · {metric} {:.3}</h2><div class=row>",
            failure.value
        );
        part(&mut html, "query", |html| {
            picture(html, "query", &failure.path, "");
        });
        part(&mut html, "came first", |html| {
            for answer in &failure.first {
                answered(html, answer);
            }
        });
        if !failure.missed.is_empty() {
            part(&mut html, "should have", |html| {
                for answer in &failure.missed {
                    answered(html, answer);
                }
            });
        }
        html.push_str("</div></section>");
    }
    html.push_str("</html>\n");
    html
}

/// Rankings against none.
fn rankings(html: &mut String, report: &Report) {
    let metric = escape(&report.metric.to_string());
    // Writing to a string cannot fail.
    let _ = write!(
        html,
        "<table><tr><th>ranking<th>{metric}<th>gain<th>recall@1"
    );
    for row in &report.rankings.rows {
        let quality = row.metrics.first().map_or(0.0, |(_, one)| one.mean);
        let name = escape(&row.ranking.to_string());
        let mark = if row.is_advised { " class=advised" } else { "" };
        let _ = write!(
            html,
            "<tr{mark}><td>{name}<td>{quality:.4}<td>{:+.4}<td>{:+.4}",
            row.gain.mean, row.change.first
        );
    }
    html.push_str("</table>");
}

fn part(html: &mut String, title: &str, figures: impl FnOnce(&mut String)) {
    let _ = write!(html, "<div><h3>{title}</h3><div class=grid>");
    figures(html);
    html.push_str("</div></div>");
}

fn answered(html: &mut String, answer: &Answer) {
    let class = if answer.is_relevant { "right" } else { "wrong" };
    let caption = format!("<b>{} · {:.3}</b> ", answer.rank, answer.similarity);
    picture(html, class, &answer.path, &caption);
}

fn picture(html: &mut String, class: &str, path: &Path, caption: &str) {
    let photo = Photo::read(path).ok();
    let name = escape(&shown_clean(path));
    let caption = format!("{caption}{name}");
    figure(html, class, (Some(path), photo.as_ref()), &caption);
}
