//! The command: parse, run, exit code.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "this is the program: it tells people what the library returns"
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
