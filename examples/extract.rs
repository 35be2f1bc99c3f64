//! How do I get descriptors of my own choice of layers? `cargo run --example extract -- PICTURE…`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "an example shows what it finds"
)]

use std::ops::ControlFlow;
use std::path::Path;

use imgsearch::photo::Photo;
use imgsearch::resolve::{self, Overrides};

fn main() -> imgsearch::Result<()> {
    // A middle layer by generalized mean, half as strong as the last layer by GAP; the whole picture,
    // larger than in training: poolings take any size.
    let recipe = "efficientnet_lite0:blocks.10/gem*0.5+head@resize=320,crop=none";
    let overrides = Overrides::of(&recipe.parse()?);
    let extractor = resolve::extractor(&overrides, &mut |_| ControlFlow::Continue(()))?;

    let mut descriptors = Vec::new();
    for picture in std::env::args().skip(1) {
        let descriptor = extractor.describe(&Photo::read(Path::new(&picture))?)?;
        println!("{picture}: {} values", descriptor.dimension());
        descriptors.push(descriptor);
    }
    if let [first, .., last] = descriptors.as_slice() {
        println!("first and last: cosine {:.4}", first.similarity(last)?);
    }
    Ok(())
}
