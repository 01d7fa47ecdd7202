//! Every way in which this crate can fail, each with what to do next.

use mlprobe_files::next_step;
use std::path::PathBuf;

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, where, and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array, a list of labels or a list of layers has the wrong size.
    #[error("{operation}: expected {expected}, got {actual}; check how the arrays were made")]
    Shape {
        /// What was being done.
        operation: &'static str,
        /// The sizes that fit.
        expected: String,
        /// The sizes that were given.
        actual: String,
    },
    /// A label names a class that does not exist.
    #[error(
        "{operation}: the label of row {row} is {label}, expected 0 to {last}; \
         check the labels, or raise the number of classes",
        last = .classes.saturating_sub(1)
    )]
    Label {
        /// What was being done.
        operation: &'static str,
        /// Row of the label, counted from 0 over all blocks.
        row: usize,
        /// The label.
        label: u16,
        /// Number of classes K.
        classes: usize,
    },
    /// A number is infinite or NaN.
    #[error("{operation}: {location} is {value}, expected a finite number; check what computed it")]
    NotFinite {
        /// What was being done.
        operation: &'static str,
        /// Which number it is.
        location: String,
        /// Its value.
        value: f64,
    },
    /// A hyperparameter is outside its range.
    #[error("hyperparameter {name}: expected {expected}, got {actual}; choose a value in that range")]
    Hyperparameter {
        /// Its name.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value given.
        actual: String,
    },
    /// The training loss became infinite or NaN.
    #[error(
        "training diverged: the loss of epoch {epoch}, batch {batch} is {loss} at learning rate \
         {learning_rate}; lower the learning rate, to {} for a start", learning_rate.min(0.1) / 10.0
    )]
    Diverged {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batch within the epoch, counted from 1.
        batch: usize,
        /// The learning rate in use.
        learning_rate: f64,
        /// The loss.
        loss: f64,
    },
    /// The operating system refused to read or write a file.
    #[error("{operation} {}: {source}; {}", .path.display(), next_step(source))]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file was read but does not hold what it should.
    #[error(
        "load {}: {field}: expected {expected}, got {actual}; name a network that mlprobe has saved, or, if this is one, \
         restore it from a backup or train again",
        .path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// The part of it that is wrong.
        field: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        actual: String,
    },
}
