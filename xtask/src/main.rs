//! `cargo xtask`: the program's commands from within the repository, and the developers' own: benchmarks and digests.

#![deny(unsafe_code)] // a macro of ndarray does not compile where it is forbidden

mod bench;
mod digests;
mod paths;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mlprobe::front::{self, Front};

/// Does this change of training data help? Frozen features, a small network, paired seeds and intervals.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[expect(clippy::large_enum_variant, reason = "there is one, parsed once")]
#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Program(mlprobe::Command),
    Bench(bench::Arguments),
    Digests(digests::Arguments),
}

fn main() -> ExitCode {
    front::set(Front { command: Some("cargo xtask"), repository: Some(paths::root()) });
    mlprobe::exit_code(match Arguments::parse().command {
        Command::Program(command) => command.run(),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Digests(arguments) => digests::run(arguments),
    })
}
