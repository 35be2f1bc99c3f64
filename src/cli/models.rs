//! `imgsearch models`: what networks there are, what layers they have, and their weights.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use imgsearch::model::fitting::Contents;
use imgsearch::model::{self, LayerCosts, Model, ModelCost};
use imgsearch::weights::{Part, WeightsFile};

use super::args::PartArgs;
use super::exit::Exit;
use super::output::json;
use super::output::table::{models, weights};
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
    #[command(
        after_help = "Examples:\n  imgsearch models list --json\n  imgsearch models list --all"
    )]
    List {
        /// Also what is known by timm's names, such as `resnet50.a1_in1k`
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Every layer of a model: shape, GAP dimension, parameters, cumulative multiply-adds; or what is
    /// in a file of weights and which networks it fits
    #[command(
        after_help = "Examples:\n  imgsearch models show efficientnet_lite0\n  \
                            imgsearch models show --weights mine.pth"
    )]
    Show {
        /// The model's name
        #[arg(
            required_unless_present = "weights",
            conflicts_with_all = ["weights", "key", "prefix"]
        )]
        name: Option<String>,
        /// A file of weights, or an index or a folder of several
        #[arg(long, value_name = "FILE")]
        weights: Option<PathBuf>,
        #[command(flatten)]
        part: PartArgs,
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
        ModelsCommand::List { all, json } => list(*all, *json, &mut out)?,
        ModelsCommand::Show {
            name,
            weights,
            part,
            json,
        } => match (weights, name) {
            (Some(path), _) => show_weights(path, &part.part(), *json, &mut out)?,
            (None, name) => show(find(name.as_deref().unwrap_or_default())?, *json, &mut out)?,
        },
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

fn show_weights(path: &Path, part: &Part, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let contents = Contents::of(&WeightsFile::open_part(path, part)?);
    if as_json {
        return Ok(json::print(&contents, out)?);
    }
    Ok(weights::contents(&contents, out)?)
}

fn list(all: bool, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let of_timm = model::by_timms_names().filter(|_| all);
    let costs = model::catalogue().chain(of_timm).map(ModelCost::of);
    let costs: Vec<ModelCost> = costs.collect::<Result<_, _>>()?;
    if as_json {
        return Ok(json::print_all(&costs, out)?);
    }
    models::list(&costs, out)?;
    if !all {
        let more = model::by_timms_names().count();
        writeln!(
            out,
            "\nand {more} more by timm's names, such as resnet50.a1_in1k: imgsearch models list --all"
        )?;
    }
    Ok(())
}

fn show(model: &Model, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let costs = LayerCosts::of(model)?;
    if as_json {
        return Ok(json::print(&costs, out)?);
    }
    Ok(models::layers(model, &costs, out)?)
}
