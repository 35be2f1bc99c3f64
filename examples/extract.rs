//! How do I get descriptors of my own choice of layers? `cargo run --example extract -- PICTURE…`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "an example shows what it finds"
)]

use std::path::Path;

use imgsearch::model::{self, FetchOptions};
use imgsearch::photo::{Photo, Preprocess};
use imgsearch::{DescriptorSpec, Extractor};

fn main() -> imgsearch::Result<()> {
    let model = model::find("efficientnet_lite0")?;
    let weights = model::fetch::weights(model, &FetchOptions::from_env(), &mut |_| {})?;

    // A middle layer by generalized mean, half as strong as the last layer by GAP.
    let spec: DescriptorSpec = "efficientnet_lite0:blocks.10/gem*0.5+head".parse()?;
    // The whole picture, larger than in training: poolings take any size.
    let preprocess: Preprocess = model.preprocess.parse()?;
    let preprocess = preprocess.with("resize=320,crop=none")?;
    let extractor = Extractor::load(spec, preprocess, &weights, "cpu")?;

    let mut descriptors = Vec::new();
    for picture in std::env::args().skip(1) {
        let descriptor = extractor.describe(&Photo::read(Path::new(&picture))?)?;
        println!("{picture}: {} values", descriptor.dimension());
        descriptors.push(descriptor);
    }
    if let [first, .., last] = descriptors.as_slice() {
        println!("first and last: cosine {:.4}", first.similarity(last));
    }
    Ok(())
}
