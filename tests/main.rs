//! One binary: with the tensor library linked in, each would cost a long link.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells what it skipped"
)]

mod common;

mod architecture;
mod augmentation;
mod bad_input;
mod changes;
mod command;
mod crash;
mod damage;
mod dependencies;
mod documents;
mod dups;
mod dups_faults;
mod dups_killed;
mod dups_told_apart;
mod evaluation;
mod faults;
mod filters;
mod finding;
mod first_steps;
mod foreign_programs;
mod formats;
mod front_door;
mod gallery;
mod gallery_links;
#[cfg(unix)]
mod heads;
mod interrupted;
mod killed;
mod kinds;
mod leftovers;
mod limits;
mod loudness;
mod many;
mod merging;
mod moved;
mod old_galleries;
mod own_head;
mod own_network;
#[cfg(target_os = "linux")]
mod parts;
mod photos;
#[cfg(target_os = "linux")]
mod power;
mod preview;
mod readers;
mod reduced;
mod reduction;
mod reference;
mod replaced;
mod search;
mod tags;
mod taken_out;
mod tiles;
mod told;
mod tuning;
mod unrelated;
mod upgrade;
mod whitening;
