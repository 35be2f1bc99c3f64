//! How do I index a folder from Rust? `cargo run --example index -- FOLDER GALLERY`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "an example shows what it finds"
)]

use std::ops::ControlFlow;

use imgsearch::gallery::Gallery;
use imgsearch::ingest::IngestEvent;

fn main() -> imgsearch::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "data/painted".into());
    let dir = arguments.next().unwrap_or_else(|| ".imgsearch".into());

    // The gallery remembers what its descriptors are made with and takes no others.
    let mut gallery = Gallery::create_or_open(dir, &"efficientnet_lite0".parse()?)?;
    let report = gallery.index([folder]).run(|event| {
        if let IngestEvent::Skipped(skipped) = event {
            println!("skipped {}: {}", skipped.path.display(), skipped.reason);
        }
        ControlFlow::Continue(())
    })?;
    println!("{} added, {} in the gallery", report.added, report.photos);
    Ok(())
}
