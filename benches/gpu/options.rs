//! The command line of the bench.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use imgsearch::backbone::{Architecture, Precision};

use super::Result;

/// What is asked for.
pub struct Options {
    pub verb: String,
    pub device: String,
    /// What lines call the device.
    pub label: String,
    pub precisions: Vec<Precision>,
    /// Pictures at once.
    pub batches: Option<Vec<usize>>,
    /// For each measurement.
    pub seconds: f64,
    pub photos: Option<String>,
    pub out: Option<String>,
    pub quick: bool,
    networks: Option<Vec<String>>,
}

impl Options {
    pub fn from_arguments() -> Result<Self> {
        // `cargo bench` adds `--bench`.
        let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
        let verb = arguments.next().unwrap_or_default();
        let (mut given, mut quick) = (HashMap::new(), false);
        while let Some(argument) = arguments.next() {
            let Some(name) = argument.strip_prefix("--") else {
                return Err(format!("what is `{argument}`?").into());
            };
            if name == "quick" {
                quick = true;
                continue;
            }
            let value = arguments.next();
            given.insert(
                name.to_owned(),
                value.ok_or(format!("--{name} needs a value"))?,
            );
        }
        let mut take = |name: &str| given.remove(name);
        let device = take("device").unwrap_or_else(|| "cpu".into());
        let options = Self {
            label: take("label").unwrap_or_else(|| device.clone()),
            device,
            precisions: list(&take("precision").unwrap_or_else(|| "f32".into()))?,
            batches: take("batches").map(|text| list(&text)).transpose()?,
            seconds: take("seconds").map_or(Ok(if quick { 0.2 } else { 1.0 }), |s| s.parse())?,
            photos: take("photos"),
            out: take("out"),
            networks: take("networks").map(|text| list(&text)).transpose()?,
            verb,
            quick,
        };
        match given.keys().next() {
            Some(name) => Err(format!("there is no --{name}").into()),
            None => Ok(options),
        }
    }

    /// The networks that are named, or else `usual`.
    pub fn networks(&self, usual: &[Architecture]) -> Result<Vec<Architecture>> {
        let Some(named) = &self.networks else {
            return Ok(usual.to_vec());
        };
        let find = |name: &String| Ok(Architecture::find(name)?);
        named.iter().map(find).collect()
    }
}

fn list<T: FromStr<Err: Display>>(text: &str) -> Result<Vec<T>> {
    let parse = |part: &str| part.parse().map_err(|e| format!("`{part}`: {e}").into());
    text.split(',').map(parse).collect()
}
