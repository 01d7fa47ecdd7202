//! The errors of this crate: what was attempted, what was expected and found, where, and what to do next.

use std::io;
use std::path::PathBuf;

use mlprobe_files::next_step;

/// What can go wrong when recipes are compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument does not fit: a length, a shape, a name or a range.
    #[error("{operation}: expected {expected}, got {actual}; {next}")]
    Argument {
        /// What was being done.
        operation: &'static str,
        /// What would have been right.
        expected: String,
        /// What was given.
        actual: String,
        /// What to do about it.
        next: &'static str,
    },
    /// A run did not train to its end.
    #[error("training arm `{arm}` with seed {seed}: {source}")]
    Training {
        /// The arm's name.
        arm: String,
        /// The run's seed.
        seed: u64,
        /// What the network reported.
        source: Box<mlprobe_nn::Error>,
    },
    /// Images could not be read or transformed.
    #[error(transparent)]
    Data(#[from] mlprobe_data::Error),
    /// Data could not be audited, or an audit does not fit the data.
    #[error(transparent)]
    Audit(#[from] mlprobe_audit::Error),
    /// A statistic could not be computed.
    #[error(transparent)]
    Statistics(#[from] mlprobe_stats::Error),
    /// Features could not be extracted or cached.
    #[error(transparent)]
    Features(#[from] mlprobe_features::Error),
    /// A file or folder could not be read or written.
    #[error("{operation} {path}: {source}; {next}", path = path.display(), next = next_step(source))]
    File {
        /// What was being done, as in "writing".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// Another process is working in a run folder.
    #[error("locking {path}: another process is working there; wait until it has ended, or choose another folder", path = .0.display())]
    InUse(
        /// The folder.
        PathBuf,
    ),
    /// A run folder holds something that a run would overwrite.
    #[error("opening the run folder {path}: expected an empty folder or this run, got {what}; choose another folder with --out, or replace what is there with --force", path = path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// A `results.json` or `tuned.json` does not hold what this version writes.
    #[error("reading {path}: expected results of schema {expected}, got {actual}; write them again with this version of mlprobe", path = path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The schema this version reads.
        expected: u32,
        /// What was found instead.
        actual: String,
    },
    /// The parts of a `results.json` or `tuned.json` do not fit together.
    #[error("reading {path}: {field}: expected {expected}, got {actual}; restore the file, or run the study again", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The part, as in `arms[0].runs`.
        field: String,
        /// What would fit.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// The report or a figure could not be drawn: an error of this crate, since its inputs are its own.
    #[error("rendering {what}: {message}; please report this as a bug")]
    Rendering {
        /// The page or figure.
        what: &'static str,
        /// What the renderer reported.
        message: String,
    },
    /// The observer asked the study to stop. What was finished until then is in the run folder.
    #[error("stopped after {done} of {planned} seeds; run the same command again to resume")]
    Stopped {
        /// Seeds that were complete.
        done: usize,
        /// Seeds that were planned.
        planned: usize,
    },
}

impl Error {
    /// Whether a run diverged, so that the others can go on without it.
    pub(crate) fn is_divergence(&self) -> bool {
        matches!(self, Self::Training { source, .. } if matches!(**source, mlprobe_nn::Error::Diverged { .. }))
    }

    /// What the network of a run reports, with the name of the run.
    pub(crate) fn training(arm: &str, seed: u64) -> impl FnOnce(mlprobe_nn::Error) -> Self {
        let arm = arm.to_owned();
        move |source| Self::Training { arm, seed, source: Box::new(source) }
    }
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
