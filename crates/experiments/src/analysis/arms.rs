//! The runs of one arm together: means, deviations and ranges over seeds.

use mlprobe_stats::{Summary, summary};
use serde::{Deserialize, Serialize};

use crate::analysis::quality::Quality;
use crate::engine::scoring::{Epoch, Run};

/// One recipe and its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmResults {
    /// Unique among the arms.
    pub name: String,
    /// Rows of its training set, copies included.
    pub train_images: usize,
    /// Step size of the gradient descent.
    pub learning_rate: f64,
    /// One for each finished seed, in the order of the protocol's seeds.
    pub runs: Vec<Run>,
    /// The runs together, after each of the protocol's epochs to report at.
    pub readings: Vec<Reading>,
    /// The runs together, after all of the epochs, in more detail than accuracy; `None` before the first run.
    pub quality: Option<Quality>,
}

/// The scores of an arm's runs together after an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Passes over the training set.
    pub epoch: usize,
    /// Steps of the gradient descent.
    pub updates: u64,
    /// On the arm's own training set.
    pub train_accuracy: Summary,
    /// On the original training images.
    pub original_accuracy: Summary,
    /// On the test set.
    pub test_accuracy: Summary,
    /// Accuracy on the original training images minus that on the test set.
    pub accuracy_gap: Summary,
    /// Loss on the test set minus that on the original training images.
    pub loss_gap: Summary,
}

impl ArmResults {
    /// The runs together after `epoch`; `None` before the first run, or if that epoch was not scored.
    pub(crate) fn reading(&self, epoch: usize) -> Option<Reading> {
        let over_seeds = |value: fn(&Epoch) -> f64| summary(&self.at(epoch, value)).ok();
        Some(Reading {
            epoch,
            updates: self.runs.first()?.at(epoch)?.updates,
            train_accuracy: over_seeds(|entry| entry.train_accuracy)?,
            original_accuracy: over_seeds(|entry| entry.original_accuracy)?,
            test_accuracy: over_seeds(|entry| entry.test_accuracy)?,
            accuracy_gap: over_seeds(|entry| entry.original_accuracy - entry.test_accuracy)?,
            loss_gap: over_seeds(|entry| entry.test_loss - entry.original_loss)?,
        })
    }

    /// `value` of every run's scores after `epoch`, in seed order; empty if that epoch was not scored.
    pub fn at(&self, epoch: usize, value: impl Fn(&Epoch) -> f64) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.at(epoch)).map(value).collect()
    }
}
