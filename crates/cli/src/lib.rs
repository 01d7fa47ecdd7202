//! The command line: reads options, shows progress, and leaves the work to the other crates.
#![forbid(unsafe_code)]

mod ablate;
mod arrays;
mod audit;
mod compare;
mod curve;
mod data;
mod display;
mod draws;
mod embed;
mod export;
mod extractor;
pub mod front;
mod images;
mod interrupt;
mod options;
mod output;
mod plan;
mod pool;
mod predict;
mod progress;
mod report;
mod reproduce;
mod run;
mod similar;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use progress::{Bars, print};

pub use options::commit;

/// Does this change of training data help? Frozen features, a small network, paired seeds and intervals.
#[derive(Parser)]
#[command(name = "mlprobe", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What the program can do.
#[expect(missing_docs, reason = "the help of each command is the documentation of its arguments")]
#[derive(Subcommand)]
pub enum Command {
    Reproduce(reproduce::Arguments),
    Compare(compare::Arguments),
    Ablate(ablate::Arguments),
    Audit(audit::Arguments),
    Curve(curve::Arguments),
    Draws(draws::Arguments),
    Plan(plan::Arguments),
    Pool(pool::Arguments),
    Report(report::Arguments),
    Embed(embed::Arguments),
    Similar(similar::Arguments),
    Predict(predict::Arguments),
    /// Write features or models as files that other programs read
    #[command(subcommand)]
    Export(export::Command),
    /// Fetch, verify or rebuild the data
    #[command(subcommand)]
    Data(data::Command),
}

/// The installed program: reads the command line, does what it says, and returns the exit code.
pub fn main() -> ExitCode {
    exit_code(Arguments::parse().command.run())
}

impl Command {
    /// Does what the command says.
    ///
    /// # Errors
    /// Whatever prevents it, in words for the user.
    pub fn run(self) -> Result<()> {
        // Beyond a limit on the size of files, a write should report it rather than end the program without a word. If this
        // fails, the system's default remains.
        #[cfg(unix)]
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
        match self {
            Self::Reproduce(arguments) => reproduce::run(arguments),
            Self::Compare(arguments) => compare::run(arguments),
            Self::Ablate(arguments) => ablate::run(arguments),
            Self::Audit(arguments) => audit::run(arguments),
            Self::Curve(arguments) => curve::run(arguments),
            Self::Draws(arguments) => draws::run(arguments),
            Self::Plan(arguments) => plan::run(arguments),
            Self::Pool(arguments) => pool::run(arguments),
            Self::Report(arguments) => report::run(arguments),
            Self::Embed(arguments) => embed::run(arguments),
            Self::Similar(arguments) => similar::run(arguments),
            Self::Predict(arguments) => predict::run(arguments),
            Self::Export(command) => export::run(command),
            Self::Data(command) => data::run(command),
        }
    }
}

/// Says what went wrong, if anything did.
pub fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if interrupt::asked() && is_stop(&error) => interrupt::farewell(&Bars::default()).into(),
        Err(error) => {
            // The message alone: it says what to do next, which a backtrace would hide.
            print(format_args!("Error: {}", message(&error)));
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
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error =
            anyhow!("disk full").context("writing a.npy: disk full; free some space").context("embed");
        assert_eq!(message(&error), "embed: writing a.npy: disk full; free some space");
        assert_eq!(message(&anyhow!("b").context("a")), "a: b");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
