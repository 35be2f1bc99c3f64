//! How do I query a gallery from Rust? `cargo run --example query -- PICTURE GALLERY`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "an example shows what it finds"
)]

use std::path::{Path, PathBuf};

use imgsearch::gallery::{SearchOptions, open_for_search};
use imgsearch::photo::Photo;
use imgsearch::resolve::{self, Overrides};

fn main() -> imgsearch::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let picture = arguments
        .next()
        .unwrap_or_else(|| "data/painted/boats_0.jpg".into());
    let dir = arguments
        .next()
        .unwrap_or_else(|| Path::new(".imgsearch").into());

    // A snapshot opens in milliseconds, also while another process is indexing.
    let (snapshot, _) = open_for_search(&dir)?;
    // The query is described exactly as the gallery's photos were.
    let as_made = Overrides::default();
    let extractor = resolve::extractor_of(&dir, snapshot.fingerprint(), &as_made, &mut |_| {})?;
    let query = extractor.describe(&Photo::read(&picture)?)?;

    for found in snapshot.search(
        &query,
        &SearchOptions {
            k: 5,
            ..SearchOptions::default()
        },
    )? {
        println!("{:.4}  {}", found.similarity, found.record.path.display());
    }
    Ok(())
}
