//! What all commands that compute have in common: threads, progress, Ctrl-C, and the life of a run folder.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};
use clap::Args;
use mlprobe_experiments::{Event, Identity, Progress, RunFolder, Session, Start};
use rayon::ThreadPoolBuilder;
use sha2::{Digest, Sha256};

use crate::display::Display;
use crate::{front, interrupt};

/// More threads than this only wait for each other.
const MOST_THREADS: u16 = 512;

#[derive(Args)]
pub struct Threads {
    /// Number of threads; the results are the same for any number [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true,
          value_parser = clap::value_parser!(u16).range(0..=i64::from(MOST_THREADS)))]
    threads: u16,
}

impl Threads {
    /// Starts the threads that extract features; returns how many runs may train at a time, 0 for one per core.
    ///
    /// # Errors
    /// If the system refuses them.
    pub fn start(&self) -> Result<usize> {
        let threads = usize::from(self.threads);
        ThreadPoolBuilder::new().num_threads(threads).build_global().context("starting worker threads")?;
        Ok(threads)
    }
}

#[derive(Args, Clone)]
pub struct RunOptions {
    /// Folder for results, report, models and predictions [default: a folder in runs/ named after the options]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Start from the beginning even if this run is finished or could be resumed
    #[arg(long)]
    fresh: bool,
    /// Replace whatever is in the folder: the finished run of other settings, or files of another kind
    #[arg(long)]
    force: bool,
    /// Seconds of training between two checkpoints. A power cut loses at most this much work; Ctrl-C loses none
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    checkpoint_every: u64,
}

impl RunOptions {
    /// The folder that the user named.
    pub fn out(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    /// Whether what is in the folder may be replaced.
    pub fn force(&self) -> bool {
        self.force
    }

    /// Makes the folder `path` where it is not there, and holds it against other processes, for a command that has runs inside it.
    ///
    /// # Errors
    /// If it cannot be made, or another process works there.
    pub fn hold(path: &Path) -> Result<RunFolder> {
        fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        Ok(RunFolder::open(path)?)
    }

    /// The same options for a run in `folder`.
    pub fn inside(self, folder: PathBuf) -> Self {
        Self { out: Some(folder), ..self }
    }

    /// Does `work` in the run folder, with bars. Returns the folder, also if the run had been finished before.
    ///
    /// # Errors
    /// Those of [`Start::run`].
    pub fn run(
        self,
        identity: Identity,
        work: impl FnOnce(&RunFolder, &Session<'_>) -> mlprobe_experiments::Result<()>,
    ) -> Result<RunFolder> {
        let folder = self.out.or_else(|| Some(front::runs().join(identity.settings.folder_name()?)));
        let folder = folder.context("the run has no folder; name one with --out")?;
        let program = env::current_exe().and_then(fs::read).context("reading this program")?;
        with_progress(|observer| {
            let start = Start {
                folder,
                identity,
                program: mlprobe_files::hex(&Sha256::digest(program)),
                fresh: self.fresh,
                force: self.force,
                checkpoint_every: Duration::from_secs(self.checkpoint_every),
                observer,
            };
            Ok(start.run(work)?)
        })
    }
}

/// Does `work` with bars and with an ear for Ctrl-C, and without a run folder.
///
/// # Errors
/// Those of `work`.
pub fn in_session<T>(work: impl FnOnce(&Session<'_>) -> mlprobe_experiments::Result<T>) -> Result<T> {
    with_progress(|observer| Ok(work(&Session::new(Progress::new(observer)))?))
}

fn with_progress<T>(work: impl FnOnce(&mlprobe_experiments::Observer<'_>) -> Result<T>) -> Result<T> {
    let display = Display::default();
    interrupt::listen(display.bars())?;
    let observer = |event: Event<'_>| display.observe(event);
    work(&observer)
}
