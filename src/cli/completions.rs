//! `imgsearch completions`: a script for the shell.

use std::io;

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::exit::Exit;

/// Print a completion script for a shell
#[derive(Args)]
#[command(
    after_help = "Example:\n  imgsearch completions bash > ~/.local/share/bash-completion/completions/imgsearch"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

// Fallible like every command, so that all are run alike.
#[allow(clippy::unnecessary_wraps)]
pub fn run(args: &CompletionsArgs) -> Result<Exit> {
    clap_complete::generate(
        args.shell,
        &mut Cli::command(),
        "imgsearch",
        &mut io::stdout(),
    );
    Ok(Exit::Done)
}
