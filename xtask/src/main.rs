//! Drives the whole study: reads the command line, shows progress, and leaves the work to the crates.

#![deny(unsafe_code)] // a macro of ndarray does not compile where it is forbidden

mod ablate;
mod bench;
mod compare;
mod data;
mod digests;
mod display;
mod embed;
mod export;
mod extractor;
mod images;
mod interrupt;
mod options;
mod output;
mod paths;
mod predict;
mod progress;
mod report;
mod reproduce;
mod shell;
mod similar;
mod tuned;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use progress::Bars;

/// Reproduces a study of data augmentation on CIFAR-10: frozen features, and a small network trained by hand-written
/// backpropagation.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch, verify or rebuild the data.
    #[command(subcommand)]
    Data(data::Command),
    Reproduce(reproduce::Arguments),
    Ablate(ablate::Arguments),
    Compare(compare::Arguments),
    Report(report::Arguments),
    /// Write features or models in files that other programs read.
    #[command(subcommand)]
    Export(export::Command),
    Embed(embed::Arguments),
    Similar(similar::Arguments),
    Predict(predict::Arguments),
    Bench(bench::Arguments),
    Digests(digests::Arguments),
}

fn main() -> ExitCode {
    // Beyond a limit on the size of files, a write is to report it, not to end the program without a word. Should this
    // fail, the system's default remains.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
    let result = match Arguments::parse().command {
        Command::Data(command) => data::run(command),
        Command::Reproduce(arguments) => reproduce::run(arguments),
        Command::Ablate(arguments) => ablate::run(arguments),
        Command::Compare(arguments) => compare::run(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Export(command) => export::run(command),
        Command::Embed(arguments) => embed::run(arguments),
        Command::Similar(arguments) => similar::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Digests(arguments) => digests::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if interrupt::asked() && is_stop(&error) => interrupt::farewell(&Bars::default()).into(),
        Err(error) => {
            // The message alone: it says what to do next, which a backtrace would hide.
            eprintln!("Error: {}", message(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, without those that the text before has already.
fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        before if before.contains(&cause) => text,
        before => format!("{before}: {cause}"),
    })
}

fn is_stop(error: &anyhow::Error) -> bool {
    let study = matches!(error.downcast_ref(), Some(mlprobe_experiments::Error::Stopped { .. }));
    study || matches!(error.downcast_ref(), Some(mlprobe_features::Error::Stopped { .. }))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error =
            anyhow!("disk full").context("writing a.npy: disk full; free some space").context("embed");
        assert_eq!(message(&error), "embed: writing a.npy: disk full; free some space");
        assert_eq!(message(&anyhow!("b").context("a")), "a: b");
    }
}
