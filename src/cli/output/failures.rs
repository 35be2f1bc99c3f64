//! The hardest failures as a page of pictures: the query, what came first, what should have.

use std::fmt::Write as _;

use imgsearch::eval::failures::{Answer, Failure};
use imgsearch::eval::ground_truth::GroundTruth;
use imgsearch::photo::Photo;

use super::html::{STYLE, escape, figure};
use super::shown;

const MARKS: &str = "h2{font-size:.95rem;font-weight:500;margin:2.2rem 0 .6rem}\
section .grid{align-items:flex-start}.row{display:flex;flex-wrap:wrap;gap:1.6rem}\
.row h3{font-size:.8rem;font-weight:500;margin:0 0 .4rem;color:#777}figure{width:142px}\
img{width:142px;height:107px}figure.right img{outline:3px solid #009e73}\
figure.wrong img{outline:3px solid #d55e00}";

/// The page; `spec` and `metric` say what failed.
pub fn page(truth: &GroundTruth, failures: &[Failure], spec: &str, metric: &str) -> String {
    let (spec, metric) = (escape(spec), escape(metric));
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>imgsearch eval</title><style>{STYLE}{MARKS}</style>\
         <h1>The {} hardest queries with {spec}</h1><p>Green: relevant. Orange: not.</p>",
        failures.len()
    );
    for (number, failure) in (1..).zip(failures) {
        let group = truth.items[failure.query as usize].group;
        let group = group.and_then(|group| truth.groups.get(group as usize));
        let group = group
            .map(|group| format!(" · {}", escape(group)))
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<section><h2>{number}{group} · {metric} {:.3}</h2><div class=row>",
            failure.value
        );
        part(&mut html, "query", |html| {
            picture(html, "query", truth, failure.query, "");
        });
        part(&mut html, "came first", |html| {
            for answer in &failure.first {
                answered(html, truth, answer);
            }
        });
        if !failure.missed.is_empty() {
            part(&mut html, "should have", |html| {
                for answer in &failure.missed {
                    answered(html, truth, answer);
                }
            });
        }
        html.push_str("</div></section>");
    }
    html.push_str("</html>\n");
    html
}

fn part(html: &mut String, title: &str, figures: impl FnOnce(&mut String)) {
    let _ = write!(html, "<div><h3>{title}</h3><div class=grid>");
    figures(html);
    html.push_str("</div></div>");
}

fn answered(html: &mut String, truth: &GroundTruth, answer: &Answer) {
    let class = if answer.is_relevant { "right" } else { "wrong" };
    let caption = format!("<b>{} · {:.3}</b> ", answer.rank, answer.similarity);
    picture(html, class, truth, answer.item, &caption);
}

fn picture(html: &mut String, class: &str, truth: &GroundTruth, item: u32, caption: &str) {
    let path = &truth.items[item as usize].path;
    let photo = Photo::read(path).ok();
    let path = escape(&shown(path).display().to_string());
    figure(html, class, photo.as_ref(), &format!("{caption}{path}"));
}
