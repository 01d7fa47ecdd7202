//! What the commands that run a study have in common: their options, and what follows from them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};
use clap::Args;
use mlprobe_data::Dataset;
use mlprobe_experiments::{Checkpoints, Protocol, RunFolder};
use mlprobe_features::{Extractor, FeatureCache};
use rayon::ThreadPoolBuilder;
use sha2::{Digest, Sha256};

use crate::extractor::{Chosen, ExtractorOptions};
use crate::images::{ImageOptions, Images};
use crate::paths;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    images: ImageOptions,
    /// How many seeds, 0, 1, 2, ...: runs of every arm. Intervals need at least 2 [default: 5, with --quick: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Passes over the training set; the report reads half of them too [default: 800, with --quick: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,
    #[command(flatten)]
    extractor: ExtractorOptions,
    /// Threads; the results are the same for any number [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Folder for results, report, models and predictions [default: a folder in runs/ named after the options]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A first look in under a minute that touches everything: the mini set, 2 seeds, 20 epochs, 64 pixels,
    /// unless told otherwise
    #[arg(long)]
    quick: bool,
    /// Start anew, also where a run in the folder is finished or can go on
    #[arg(long)]
    fresh: bool,
    /// Seconds that a run trains from one checkpoint to the next: the most that is lost when the program is killed.
    /// Ctrl-C loses nothing
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    checkpoint_every: u64,
}

/// What follows from the options.
pub struct Setup {
    pub dataset: Dataset,
    /// Whether figures published for the data set may be set beside ours.
    pub comparable: bool,
    pub protocol: Protocol,
    pub extractor: Box<dyn Extractor>,
    pub cache: FeatureCache,
    /// The run folder.
    pub out: PathBuf,
    /// The command that repeats the run.
    pub command: String,
    fresh: bool,
    checkpoint_every: Duration,
}

impl Setup {
    /// The checkpoints of the run in `folder`.
    pub fn checkpoints(&self, folder: &RunFolder) -> Result<Checkpoints> {
        let checkpoints = checkpoints(folder)?.every(self.checkpoint_every);
        if self.fresh {
            checkpoints.clear()?;
        }
        Ok(checkpoints)
    }
}

/// The checkpoints in `folder`; those of this very program only.
pub fn checkpoints(folder: &RunFolder) -> Result<Checkpoints> {
    let program = env::current_exe().and_then(fs::read).context("reading this program")?;
    let program = format!("{:?}", Sha256::digest(program));
    Ok(Checkpoints::new(folder.checkpoints(), &program))
}

impl Options {
    /// Gets hold of everything a run needs. `extra` are the options of `command` alone; they stand in the name of the
    /// run folder too.
    pub fn prepare(self, command: &str, extra: &[(&str, String)]) -> Result<Setup> {
        let Self { threads, quick, fresh, checkpoint_every, .. } = self;
        let protocol = Protocol {
            seeds: (0..self.seeds.unwrap_or(if quick { 2 } else { 5 })).collect(),
            epochs: self.epochs.unwrap_or(if quick { 20 } else { 800 }) as usize,
            ..Protocol::default()
        };
        let Chosen { extractor, options, label } = self.extractor.open(quick)?;
        ThreadPoolBuilder::new().num_threads(threads).build_global().context("starting worker threads")?;
        let input_size = extractor.input_size();
        let Images { dataset, option, comparable } = self.images.load(quick, input_size)?;

        let (seeds, epochs) = (protocol.seeds.len(), protocol.epochs);
        let name = extra.iter().map(|(_, value)| format!("-{value}")).collect::<String>();
        let extra = extra.iter().map(|(name, value)| format!(" --{name} {value}")).collect::<String>();
        let out = self.out.unwrap_or_else(|| {
            let name =
                format!("{command}-{}{name}{label}-{input_size}px-{seeds}seeds-{epochs}epochs", dataset.name);
            paths::root().join("runs").join(name)
        });
        Ok(Setup {
            dataset,
            comparable,
            protocol,
            extractor,
            cache: FeatureCache::new(paths::cache()),
            out,
            command: format!(
                "cargo xtask {command}{option} --seeds {seeds} --epochs {epochs}{extra}{options}"
            ),
            fresh,
            checkpoint_every: Duration::from_secs(checkpoint_every),
        })
    }
}

/// The commit of the working tree, marked if it has changes; empty where Git cannot tell.
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(paths::root()).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"]))
    {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with changes"),
        (None, _) => String::new(),
    }
}
