//! `imgsearch cache`: what is kept so that it need not be made or fetched again.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use imgsearch::caches::Caches;
use imgsearch::model::FetchOptions;
use indicatif::DecimalBytes;

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::json;
use super::output::table::caches;

/// See what is kept so that it need not be made or fetched again (weights, evaluations), or delete it
#[derive(Args)]
#[command(
    after_help = "Examples:\n  imgsearch cache list\n  imgsearch cache clear evaluations\n  \
                        imgsearch cache clear weights --model resnet50"
)]
pub struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
    #[command(flatten)]
    gallery: GalleryArgs,
}

#[derive(Subcommand)]
enum CacheCommand {
    /// Every file of weights, and what evaluations pooled in this gallery's folder, with its size
    #[command(after_help = "Example:\n  imgsearch cache list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete it: what is needed again is fetched or made again, and no gallery changes
    #[command(after_help = "Example:\n  imgsearch cache clear all")]
    Clear {
        /// What to delete
        what: What,
        /// The weights of this model alone
        #[arg(long, value_name = "NAME")]
        model: Option<String>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Weights of networks
    Weights,
    /// What `eval` and `tune` pooled
    Evaluations,
    /// Both
    All,
}

pub fn run(args: &CacheArgs) -> Result<Exit> {
    let dir = &args.gallery.find_or_here(&[])?;
    let cached = Caches::of(&FetchOptions::from_env(), dir);
    let mut out = io::stdout().lock();
    match &args.command {
        CacheCommand::List { json: true } => json::print(&cached, &mut out)?,
        CacheCommand::List { json: false } => caches::list(&cached, &mut out)?,
        CacheCommand::Clear { what, model } => {
            let mut bytes = 0;
            if *what != What::Evaluations {
                bytes += cached.clear_weights(model.as_deref())?;
            }
            if *what != What::Weights {
                bytes += cached.clear_evaluations(dir)?;
            }
            writeln!(out, "deleted {}", DecimalBytes(bytes))?;
        }
    }
    Ok(Exit::Done)
}
