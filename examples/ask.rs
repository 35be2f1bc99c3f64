//! Index a folder, ask for what is like one picture and unlike another: `cargo run --example ask`,
//! in a folder with `photos`, `cat.jpg` and `dog.jpg`. The README and the library's documentation
//! show the same program.

#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::ops::ControlFlow;

use imgsearch::{Gallery, Searcher};

fn main() -> imgsearch::Result<()> {
    let mut gallery = Gallery::create_or_open(".imgsearch", &"efficientnet_lite0".parse()?)?;
    gallery
        .index(["photos"])
        .run(|_| ControlFlow::Continue(()))?;

    let searcher = Searcher::open(".imgsearch")?;
    for found in searcher.like("cat.jpg")?.unlike("dog.jpg")?.k(10).run()? {
        println!("{:.4}  {}", found.similarity, found.record.path.display());
    }
    Ok(())
}
