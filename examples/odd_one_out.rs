//! Which photo of a folder is least like all others? `cargo run --example odd_one_out -- FOLDER`.

#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::ops::ControlFlow;

use imgsearch::{Gallery, Searcher};

fn main() -> imgsearch::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "photos".into());
    let mut gallery = Gallery::create_or_open(".imgsearch", &"efficientnet_lite0".parse()?)?;
    gallery
        .index([&folder])
        .run(|_| ControlFlow::Continue(()))?;

    // The sum of a photo's similarities to all others is its similarity to their mean, but for a
    // factor.
    let searcher = Searcher::open(".imgsearch")?;
    let answer = searcher.like(&folder)?.k(usize::MAX).exact().run()?;
    if let Some(odd) = answer.matches.last() {
        println!("{}", odd.record.path.display());
    }
    Ok(())
}
