//! `imgsearch models`: what networks there are, what layers they have, and their weights.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, Subcommand};
use imgsearch::backbone::Architecture;
use imgsearch::model::{self, Model};
use imgsearch::network::Network;
use imgsearch::photo::Preprocess;
use serde_json::{Value, json};

use super::exit::Exit;
use super::output::json as output_json;
use super::setup;

/// List the known models, show one's layers, or get its weights
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch models list\n  \
                        imgsearch models show efficientnet_lite0\n  \
                        imgsearch models pull efficientnet_lite0")]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// Every model: accuracy, parameters, cost, licence
    #[command(after_help = "Example:\n  imgsearch models list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Every layer of a model: shape, GAP dimension, parameters, cumulative multiply-adds
    #[command(after_help = "Example:\n  imgsearch models show efficientnet_lite0")]
    Show {
        /// The model's name
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Get a model's weights now, and print where they are
    #[command(after_help = "Example:\n  imgsearch models pull efficientnet_lite0")]
    Pull {
        /// The model's name
        name: String,
    },
}

pub fn run(args: &ModelsArgs) -> Result<Exit> {
    let mut out = io::stdout().lock();
    match &args.command {
        ModelsCommand::List { json } => list(*json, &mut out)?,
        ModelsCommand::Show { name, json } => show(find(name)?, *json, &mut out)?,
        ModelsCommand::Pull { name } => {
            let path = setup::fetch(model::find(name)?)?;
            writeln!(out, "{}", path.display())?;
        }
    }
    Ok(Exit::Done)
}

/// The model called so, or the first one of an architecture called so, as error messages name it.
fn find(name: &str) -> Result<&'static Model> {
    let of_architecture = || model::catalogue().find(|model| model.architecture == name);
    match model::find(name) {
        Ok(model) => Ok(model),
        Err(unknown) => of_architecture().ok_or_else(|| unknown.into()),
    }
}

fn input_size(model: &Model) -> Result<(usize, usize)> {
    let preprocess: Preprocess = model.preprocess.parse()?;
    let (height, width) = preprocess.output_size(512, 512)?;
    Ok((height as usize, width as usize))
}

/// A model's row: what it costs and gives at its own input size.
struct Listed {
    model: &'static Model,
    parameters: usize,
    multiply_adds: u64,
    /// Length of the GAP of its default layer.
    dimension: usize,
    height: usize,
    width: usize,
}

impl Listed {
    fn of(model: &'static Model) -> Result<Self> {
        let network = Architecture::find(model.architecture)?.network();
        let (height, width) = input_size(model)?;
        Ok(Self {
            model,
            parameters: network.parameters().iter().sum(),
            multiply_adds: network.multiply_adds(height, width).iter().sum(),
            dimension: network.find_layer(model.default_layer)?.channels,
            height,
            width,
        })
    }

    fn json(&self) -> Value {
        let model = self.model;
        json!({
            "name": model.name, "architecture": model.architecture, "top1": model.top1,
            "parameters": self.parameters, "multiply_adds": self.multiply_adds,
            "input": [3, self.height, self.width], "licence": model.licence,
            "citation": model.citation, "default_layer": model.default_layer,
            "gap_dimension": self.dimension, "preprocess": model.preprocess,
        })
    }
}

fn list(as_json: bool, out: &mut dyn Write) -> Result<()> {
    let rows: Vec<Listed> = model::catalogue().map(Listed::of).collect::<Result<_>>()?;
    if as_json {
        let rows: Vec<Value> = rows.iter().map(Listed::json).collect();
        return Ok(output_json::print(&rows, out)?);
    }
    writeln!(
        out,
        "{:<20} {:>6} {:>8} {:>8} {:>5} {:>9}  {:<12}  default layer",
        "model", "top-1", "params", "madds", "gap", "input", "licence"
    )?;
    for row in rows {
        let (params, madds) = (millions(row.parameters as u64), billions(row.multiply_adds));
        let (input, dimension) = (format!("{}×{}", row.height, row.width), row.dimension);
        let Model {
            name,
            top1,
            licence,
            default_layer,
            ..
        } = row.model;
        writeln!(
            out,
            "{name:<20} {top1:>5.1}% {params:>8} {madds:>8} {dimension:>5} {input:>9}  \
             {licence:<12}  {default_layer}"
        )?;
    }
    Ok(())
}

fn billions(number: u64) -> String {
    format!("{:.2} G", number as f64 / 1e9)
}

fn millions(number: u64) -> String {
    format!("{:.1} M", number as f64 / 1e6)
}

/// A layer's row: what it is and what it takes to get there.
struct Row {
    name: String,
    aliases: Vec<String>,
    shape: [usize; 3],
    parameters: usize,
    multiply_adds: u64,
}

fn rows(network: &Network, height: usize, width: usize) -> Vec<Row> {
    let shapes = network.shapes(height, width);
    let (parameters, multiply_adds) = (network.parameters(), network.multiply_adds(height, width));
    let mut before = 0;
    let row = |layer: &imgsearch::network::Layer| {
        let end = layer.value.0;
        let shape = shapes[end];
        let own = parameters[std::mem::replace(&mut before, end)..end]
            .iter()
            .sum();
        Row {
            name: layer.name.clone(),
            aliases: layer.aliases.clone(),
            shape: [shape.channels, shape.height, shape.width],
            parameters: own,
            multiply_adds: multiply_adds[..end].iter().sum(),
        }
    };
    network.layers().iter().map(row).collect()
}

fn show(model: &Model, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let network = Architecture::find(model.architecture)?.network();
    let (height, width) = input_size(model)?;
    let rows = rows(&network, height, width);
    if as_json {
        let row = |row: &Row| {
            json!({
                "layer": row.name, "aliases": row.aliases, "shape": row.shape,
                "gap_dimension": row.shape[0], "parameters": row.parameters,
                "cumulative_multiply_adds": row.multiply_adds,
            })
        };
        let layers: Vec<Value> = rows.iter().map(row).collect();
        let value = json!({ "name": model.name, "input": [3, height, width], "layers": layers });
        return Ok(output_json::print(&value, out)?);
    }
    writeln!(out, "{}: {}; {}", model.name, model.citation, model.licence)?;
    writeln!(out, "preprocessing: {}", model.preprocess)?;
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    writeln!(
        out,
        "\n{:<width$} {:>14} {:>5} {:>9} {:>12}  aliases",
        "layer", "shape", "gap", "params", "Σ madds"
    )?;
    for row in rows {
        let [channels, rows, columns] = row.shape;
        let shape = format!("{channels}×{rows}×{columns}");
        let (name, parameters, madds) = (row.name, row.parameters, millions(row.multiply_adds));
        let aliases = row.aliases.join(", ");
        writeln!(
            out,
            "{name:<width$} {shape:>14} {channels:>5} {parameters:>9} {madds:>12}  {aliases}"
        )?;
    }
    Ok(())
}
