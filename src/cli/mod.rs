//! What people type: one command per file. Results go to standard output, all else to standard error.

mod args;
mod bar;
mod cache;
mod completions;
mod dups;
mod eval;
mod exit;
mod extract;
mod filter;
mod hint;
mod index;
mod info;
mod merge;
mod models;
mod open;
mod outliers;
mod output;
mod progress;
mod query;
mod remove;
mod setup;
mod skipped;
mod tag;
mod tell;
mod tune;
mod verify;
mod whiten;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use self::tell::Loudness;

/// Find pictures by looking at them.
#[derive(Parser)]
#[command(name = "imgsearch", version = version(), arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  imgsearch index ./photos          index a folder\n  \
                        imgsearch query cat.jpg -k 10     the ten photos most like this one"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    loudness: Loudness,
}

#[derive(Subcommand)]
enum Command {
    /// Build or update the gallery: new, changed, moved and removed photos
    Index(index::IndexArgs),
    /// Find the photos most like one or several pictures
    #[command(visible_alias = "search")]
    Query(Box<query::QueryArgs>),
    /// Find photos that are there more than once, show them, and act on them
    Dups(dups::DupsArgs),
    /// Compare layers, poolings and hybrids on labelled photos by what they find
    Eval(eval::EvalArgs),
    /// Find photos whose neighbours lie in another folder, and photos that are like no other
    Outliers(outliers::OutliersArgs),
    /// Search layers, poolings, weights, input size and whitening on one half of labelled photos, and
    /// measure the gain on the other
    Tune(tune::TuneArgs),
    /// Fit a PCA-whitening on photos, for `index --whitening FILE`
    Whiten(whiten::WhitenArgs),
    /// Write the descriptors of pictures as .npy or JSON lines
    Extract(extract::ExtractArgs),
    /// List the known models, show one's layers, or get its weights
    Models(models::ModelsArgs),
    /// Tell what the gallery holds and what it was made with
    Info(info::InfoArgs),
    /// Check the gallery against its checksums and the photos on disk
    Verify(verify::VerifyArgs),
    /// Take photos out of the gallery (not off the disk)
    Remove(remove::RemoveArgs),
    /// Give photos tags to find them by, or take them away
    Tag(tag::TagArgs),
    /// Take the photos of other galleries into one, without a look at the photos
    Merge(merge::MergeArgs),
    /// See what is kept so that it need not be made or fetched again (weights, evaluations), or delete it
    Cache(cache::CacheArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Parses, runs, and turns the outcome into an exit code and, if it failed, a message.
pub fn main() -> ExitCode {
    silence_sled();
    let as_json = json_was_asked(env::args_os());
    let cli = match Cli::try_parse().and_then(checked) {
        Ok(cli) => cli,
        Err(error) => return exit::refuse(&harmless(error), as_json),
    };
    cli.loudness.settle();
    progress::hear_ctrl_c();
    if let Err(error) = start_threads() {
        return exit::explain(&error, as_json).into();
    }
    let outcome = match cli.command {
        Command::Index(args) => index::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Dups(args) => dups::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Outliers(args) => outliers::run(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Whiten(args) => whiten::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Remove(args) => remove::run(&args),
        Command::Tag(args) => tag::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Completions(args) => completions::run(&args, &mut Cli::command()),
    };
    // What still waits to be written would fail unheard when the process ends.
    let flushed = || io::stdout().flush().map_err(anyhow::Error::from);
    let outcome = outcome.and_then(|exit| flushed().map(|()| exit));
    let outcome = outcome.unwrap_or_else(|error| exit::explain(&error, as_json));
    outcome.into()
}

/// A typo is never answered with a command that takes photos out.
fn harmless(mut error: clap::Error) -> clap::Error {
    let suggested = error.remove(ContextKind::SuggestedSubcommand);
    let mut names = match suggested {
        Some(ContextValue::Strings(names)) => names,
        Some(ContextValue::String(name)) => vec![name],
        _ => Vec::new(),
    };
    names.retain(|name| name != "remove" && name != "dups");
    if !names.is_empty() {
        error.insert(
            ContextKind::SuggestedSubcommand,
            ContextValue::Strings(names),
        );
    }
    error
}

/// What one argument says beside another.
fn checked(cli: Cli) -> Result<Cli, clap::Error> {
    let Command::Query(args) = &cli.command else {
        return Ok(cli);
    };
    let Some(reason) = args.contradiction() else {
        return Ok(cli);
    };
    let mut command = Cli::command();
    command.build();
    let query = command.find_subcommand_mut("query");
    let error = |command: &mut clap::Command| command.error(ErrorKind::ArgumentConflict, reason);
    Err(match query {
        Some(query) => error(query),
        None => error(&mut command),
    })
}

/// Starts the threads that share the work. Left to itself, their library ends the program where the
/// system refuses one.
fn start_threads() -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new()
        .build_global()
        .map_err(|error| {
            anyhow::anyhow!(
                "the system gives no more threads: {error}; raise the limit (`ulimit -u`, or the \
                 container's limit of processes)"
            )
        })
}

/// Whether `--json` is among the arguments, as far as they are options. Asked before they are parsed,
/// since even wrong ones are answered in JSON then.
fn json_was_asked(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut options = arguments.take_while(|argument| argument != "--");
    options.any(|argument| argument == "--json")
}

/// The release, its commit and the instruction set in use.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| imgsearch::version().to_string());
    &VERSION
}

/// sled panics on damaged files. The library catches that, and what it makes of it is told in our
/// own words; the panic itself would only frighten.
fn silence_sled() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let is_sleds = info
            .location()
            .is_some_and(|place| place.file().contains("sled-0."));
        if !is_sleds {
            usual(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn json_is_asked_for_by_an_option_and_by_no_file_called_so() {
        let asked = |line: &str| json_was_asked(line.split(' ').map(OsString::from));
        assert!(asked("imgsearch query --json a.jpg"));
        assert!(!asked("imgsearch query -- --json"));
        assert!(!asked("imgsearch query a.json"));
    }

    #[test]
    fn a_typo_is_never_answered_with_the_command_that_takes_photos_out() {
        let said = |typo: &str| {
            let error = Cli::try_parse_from(["imgsearch", typo]).err();
            harmless(error.unwrap()).to_string()
        };
        for typo in ["remov", "remvoe", "serve", "removed", "move", "rm"] {
            let said = said(typo);
            assert!(!said.contains("'remove'"), "{said}");
        }
        assert!(said("indx").contains("'index'"));
    }

    #[test]
    fn every_commands_help_has_an_example() {
        fn check(command: &mut clap::Command) {
            let help = command.render_long_help().to_string();
            assert!(help.contains("imgsearch "), "{}", command.get_name());
            assert!(help.contains("Example"), "{}", command.get_name());
            check_all(command);
        }
        fn check_all(command: &mut clap::Command) {
            // clap adds a command `help` of its own.
            let ours = |command: &&mut clap::Command| command.get_name() != "help";
            command.get_subcommands_mut().filter(ours).for_each(check);
        }
        check_all(&mut Cli::command());
    }
}
