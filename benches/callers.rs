//! Many callers at once: `cargo bench --bench callers [-- SECONDS]`.
//!
//! So many threads call `Extractor::describe` in a loop, each on a photo of its own, as the requests
//! of a service do. However many there are, as many threads as cores are at work, so photos per
//! second should not fall as callers are added. Rounds are interleaved; each line is the median of
//! them, and the ratio to what as many callers as two get.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

#[path = "../tests/common/seeded.rs"]
#[allow(dead_code, reason = "a bench uses a part of what the tests share")]
mod seeded;

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use imgsearch::Extractor;
use imgsearch::backbone::{Architecture, Placement};
use imgsearch::photo::Photo;

const CALLERS: [usize; 5] = [1, 2, 4, 8, 16];
const ROUNDS: usize = 7;
const NAME: &str = "efficientnet_lite0";

fn main() -> Result<(), Box<dyn Error>> {
    let asked = std::env::args().find_map(|given| given.parse().ok());
    let duration = Duration::from_secs_f64(asked.unwrap_or(2.0));
    let folder = tempfile::tempdir()?;
    let weights = folder.path().join("weights.safetensors");
    seeded::write(&Architecture::find(NAME)?.network(), 0, &weights);
    let recipe = format!("{NAME}:head@none").parse()?;
    let extractor = Extractor::load(&recipe, &weights, &Placement::cpu())?;
    let photos = photos()?;
    extractor.describe(&photos[0])?;

    let mut rates = [const { Vec::new() }; CALLERS.len()];
    for _ in 0..ROUNDS {
        for (rates, callers) in rates.iter_mut().zip(CALLERS) {
            rates.push(rate(&extractor, &photos, callers, duration));
        }
    }
    let medians = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!("{ROUNDS} rounds of {:.1} s each", duration.as_secs_f64());
    for (callers, median) in CALLERS.iter().zip(medians) {
        let ratio = median / medians[1];
        println!("{callers:>3} callers: {median:>7.1} photos/s, {ratio:.3} of 2 callers'");
    }
    Ok(())
}

/// Photos per second that so many callers get.
fn rate(extractor: &Extractor, photos: &[Photo], callers: usize, duration: Duration) -> f64 {
    let done = AtomicUsize::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for caller in 0..callers {
            let done = &done;
            scope.spawn(move || {
                let mut next = caller;
                while start.elapsed() < duration {
                    let described = extractor.describe(&photos[next % photos.len()]);
                    described.expect("a photo of this project's");
                    done.fetch_add(1, Ordering::Relaxed);
                    next += 1;
                }
            });
        }
    });
    done.into_inner() as f64 / start.elapsed().as_secs_f64()
}

fn photos() -> Result<Vec<Photo>, Box<dyn Error>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/painted");
    let mut photos = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        photos.push(Photo::read(entry?.path())?);
    }
    Ok(photos)
}
