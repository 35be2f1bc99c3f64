//! `imgsearch completions`: a script for the shell.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::Shell;

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

/// A script that completes `command`.
pub fn run(args: &CompletionsArgs, command: &mut Command) -> Result<Exit> {
    // Into memory first: it panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "imgsearch", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}
