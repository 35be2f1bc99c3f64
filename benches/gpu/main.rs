//! What a device gives and how fast, as lines of JSON on standard output:
//!
//! ```text
//! gpu layers      --device cuda --precision f32,f16   every layer of every network beside the CPU's
//! gpu descriptors --device cuda --precision f16       descriptors beside the CPU's
//! gpu throughput  --device cuda --precision f32,f16   pictures per second, and where the time goes
//! gpu decode      --photos FOLDER                     files to pixels on all cores, without a network
//! gpu weights     --networks NAME --out FILE          made-up weights, for `imgsearch index`
//! ```
//!
//! `--networks a,b` takes those alone, `--batches 1,32` other batches, `--seconds S` another time for
//! each measurement, `--quick` less of everything. What fails is a line too, with `error`, and the
//! rest goes on. `benches/gpu/run` calls it and makes a table; weights are seeded, so no file is
//! needed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

mod decode;
mod descriptors;
mod layers;
mod options;
#[path = "../../tests/common/paint.rs"]
#[allow(dead_code, reason = "a bench uses a part of what the tests share")]
mod paint;
#[path = "../../tests/common/seeded.rs"]
mod seeded;
mod throughput;
mod weighted;

use std::error::Error;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use self::options::Options;
use self::weighted::Weighted;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    match options.verb.as_str() {
        "layers" => layers::measure(&options),
        "descriptors" => descriptors::measure(&options),
        "throughput" => throughput::measure(&options),
        "decode" => decode::measure(&options),
        "weights" => Weighted::write_as_told(&options),
        // Cargo runs every bench without arguments of its own.
        "" => say(&json!("nothing to do: see benches/gpu/README.md")),
        verb => Err(format!("there is no `gpu {verb}`").into()),
    }
}

/// Prints a line, and has it out even if the next measurement ends the process.
fn say(line: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// A measurement whose failure, even a panic, is a line with `about` and `error`.
fn attempt(about: &Value, measure: impl FnOnce() -> Result<()>) -> Result<()> {
    let error = match catch_unwind(AssertUnwindSafe(measure)) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it panicked; standard error has why".to_owned(),
    };
    let mut line = about.clone();
    // Behind the first line there may be a backtrace.
    line["error"] = json!(error.lines().next());
    say(&line)
}
