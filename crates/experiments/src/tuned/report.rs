//! `tuned.json`: what was tried, what was selected, and how good it is.

use std::path::Path;

use mlprobe_stats::Summary;
use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::model::Scores;
use crate::analysis::reading::{check_numbers, content, read_json, require};
use crate::analysis::results::About;
use crate::error::Result;
use crate::settings::Settings;

/// What was tried, what was selected, and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was asked for; `None` in older records.
    #[serde(default)]
    pub settings: Option<Settings>,
    /// Where the numbers come from.
    #[serde(flatten)]
    pub about: About,
    /// Training images held out while candidates were compared.
    pub validation_images: usize,
    /// All that were tried.
    pub candidates: Vec<Tried>,
    /// Index of the selected one: the lowest validation loss, the first among equals.
    pub selected: usize,
    /// The selected one, trained on all training images with each seed.
    pub runs: Vec<Run>,
    /// Test accuracy from the images as they are, over seeds.
    pub accuracy: Summary,
    /// Test accuracy from images averaged with their mirror images, over seeds.
    pub averaged_accuracy: Summary,
    /// Wall-clock seconds of selection, training and scoring.
    pub seconds: f64,
}

/// A candidate on the held-out images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The recipe.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// On the held-out images.
    pub validation: Scores,
    /// Seconds of training and scoring, on one thread.
    pub seconds: f64,
}

/// The selected recipe with one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Initial weights, order and dropout follow from it.
    pub seed: u64,
    /// On the test images.
    pub test: Scores,
    /// Seconds of training, on one thread.
    pub seconds: f64,
}

impl Report {
    /// Reads a `tuned.json`.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if it cannot be read, [`Error::Content`](crate::Error::Content) if it holds
    /// something else.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let other = |error| content(path, "content", "the report of a tuned run", error);
        let value = read_json(path)?.map_err(other)?;
        check_numbers(path, "", &value)?;
        let report: Self = serde_json::from_value(value).map_err(other)?;
        let (selected, count) = (report.selected, report.candidates.len());
        require(path, selected < count, "selected", || format!("below {count}, the candidates"), selected)?;
        Ok(report)
    }
}
