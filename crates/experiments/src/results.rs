//! `results.json`: everything a comparison found, documented field by field.

use serde::{Deserialize, Serialize};

pub use crate::claims::{Claim, Evidence, Verdict};
pub use crate::comparison::{At, Comparison};
pub use crate::costs::{ArmCost, Cost};
pub use crate::machine::Machine;
pub use crate::notes::Note;
pub use crate::protocol::Protocol;
pub use crate::quality::{ClassQuality, Quality};
pub use crate::reference::Baseline;
use crate::stats::{Summary, summary};

/// The version of the fields below; a reader of another version should not guess.
pub const SCHEMA: u32 = 2;

/// The version of this crate.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything a comparison found. Accuracies are fractions, losses are mean cross-entropies in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`] of the version that wrote this.
    pub schema: u32,
    /// Where the numbers come from.
    #[serde(flatten)]
    pub about: About,
    /// What all arms share. Its `seeds` are the planned ones.
    pub protocol: Protocol,
    /// Seeds that every arm has finished; only these are in `arms`. The run is whole when this is the number
    /// of planned seeds.
    pub seeds_done: usize,
    /// The recipes compared, each with a run for every finished seed.
    pub arms: Vec<ArmResults>,
    /// Pairs of arms, at several moments: differences in test accuracy with their intervals.
    pub comparisons: Vec<Comparison>,
    /// Accuracy on the test images as they are ("none") and on each further test set.
    pub robustness: Vec<Robustness>,
    /// What it takes each arm to reach stated test accuracies.
    pub costs: Vec<Cost>,
    /// Simple classifiers on the same features.
    pub baselines: Vec<Baseline>,
    /// The claims of the original report, answered; empty for other comparisons.
    pub claims: Vec<Claim>,
    /// What the scores alone do not say; empty if all is as it should be.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// How long each part took. Stages may overlap.
    pub stages: Vec<Stage>,
}

/// Where the numbers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The images.
    pub dataset: DatasetInfo,
    /// What made the features; `None` if they were given.
    pub extractor: Option<ExtractorInfo>,
    /// The transforms of the augmented images; `None` if there are none.
    pub augmentation: Option<String>,
    /// What else there is to know, such as the files that features were read from.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// Where it ran.
    pub machine: Machine,
    /// The version of this crate.
    pub version: String,
    /// The version of the program's source, a Git commit; empty if unknown.
    pub commit: String,
    /// The command that repeats this; empty if unknown.
    pub command: String,
}

impl About {
    /// What a row of features stands for: what the report calls it.
    pub(crate) fn item(&self) -> &'static str {
        if self.extractor.is_some() { "image" } else { "example" }
    }

    /// Features that were given, of a data set called `name` with these classes.
    pub fn features(name: impl Into<String>, classes: &[&str]) -> Self {
        Self {
            dataset: DatasetInfo {
                name: name.into(),
                classes: classes.iter().map(|&class| class.to_owned()).collect(),
                train_images: 0,
                test_images: 0,
                dim: 0,
                train_digest: String::new(),
                test_digest: String::new(),
                comparable: false,
            },
            extractor: None,
            augmentation: None,
            facts: Vec::new(),
            machine: Machine::detect(),
            version: VERSION.to_owned(),
            commit: String::new(),
            command: String::new(),
        }
    }
}

/// Something to know about a comparison, shown where the report says how it was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about, as in "Training set a".
    pub name: String,
    /// What there is to know, without a full stop.
    pub text: String,
}

/// The images behind the features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// As in "cifar10".
    pub name: String,
    /// K names, in label order.
    pub classes: Vec<String>,
    /// Training images before augmentation; 0 if unknown.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// D, the features of an image; 0 if unknown.
    #[serde(default)]
    pub dim: usize,
    /// Digest of the training images and labels; empty if unknown.
    pub train_digest: String,
    /// Digest of the test images and labels; empty if unknown.
    pub test_digest: String,
    /// Whether figures published for this data set may be set beside these.
    pub comparable: bool,
}

/// The network that made the features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractorInfo {
    /// As in "squeezenet1_1@128".
    pub name: String,
    /// D.
    pub dim: usize,
    /// Hexadecimal digest over name, weights, input size and normalization; then `-` and the instruction set.
    pub fingerprint: String,
}

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
    /// The runs together, after half and after all of the epochs.
    pub readings: Vec<Reading>,
    /// The runs together, after all of the epochs, in more detail than accuracy; `None` before the first run.
    pub quality: Option<Quality>,
}

/// The scores of an arm's runs together after an epoch: means, deviations and ranges over seeds.
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

/// The accuracy of every arm on one test set, after the last epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// What was done to the test images; "none" for the test set itself.
    pub test: String,
    /// In the order of the arms.
    pub arms: Vec<ArmScore>,
}

/// The accuracy of an arm's runs on one test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmScore {
    /// The arm's name.
    pub arm: String,
    /// Over seeds.
    pub accuracy: Summary,
}

/// One arm trained with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Initial weights, order and augmentation draw follow from it.
    pub seed: u64,
    /// On the arm's own training set, after the last epoch.
    pub train_accuracy: f64,
    /// After the last epoch.
    pub test_accuracy: f64,
    /// Wall-clock time of training on one thread, without scoring.
    pub seconds: f64,
    /// The scores at the protocol's scheduled epochs, ascending.
    pub history: Vec<Epoch>,
}

/// The scores of a model after an epoch: passes over the whole sets with the weights held fixed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Passes over the training set so far.
    pub epoch: usize,
    /// Steps of the gradient descent so far.
    pub updates: u64,
    /// Seconds of training so far, without scoring.
    pub seconds: f64,
    /// On the arm's own training set.
    pub train_loss: f64,
    /// On the arm's own training set.
    pub train_accuracy: f64,
    /// On the first part of the training set, in the study the original images: the same in every arm.
    pub original_loss: f64,
    /// On the first part of the training set, in the study the original images: the same in every arm.
    pub original_accuracy: f64,
    /// On the test set.
    pub test_loss: f64,
    /// On the test set.
    pub test_accuracy: f64,
}

/// How long a part of the work took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// What was done.
    pub name: String,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Results {
    /// Whether every planned seed is finished.
    pub fn is_whole(&self) -> bool {
        self.seeds_done == self.protocol.seeds.len()
    }

    /// What the gap to the test set is taken from.
    pub(crate) fn trained_on(&self) -> &'static str {
        // Of a training set of one part, both scores are the same up to rounding.
        let one_part =
            |entry: &Epoch| (entry.original_loss - entry.train_loss).abs() <= 1e-12 * entry.train_loss;
        let runs = self.arms.iter().flat_map(|arm| &arm.runs);
        match self.claims.is_empty() {
            false => "original training images",
            true if runs.flat_map(|run| &run.history).all(one_part) => "training set",
            true => "first part of the training set",
        }
    }

    /// The arm called `name`.
    pub fn arm(&self, name: &str) -> Option<&ArmResults> {
        self.arms.iter().find(|arm| arm.name == name)
    }
}

impl ArmResults {
    /// The runs together after `epoch`; `None` before the first run, or if that epoch was not scored.
    pub(crate) fn reading(&self, epoch: usize) -> Option<Reading> {
        let over_seeds = |value: fn(&Epoch) -> f64| summary(&self.at(epoch, value)).ok();
        Some(Reading {
            epoch,
            updates: self.runs.first()?.history.iter().find(|entry| entry.epoch == epoch)?.updates,
            train_accuracy: over_seeds(|entry| entry.train_accuracy)?,
            original_accuracy: over_seeds(|entry| entry.original_accuracy)?,
            test_accuracy: over_seeds(|entry| entry.test_accuracy)?,
            accuracy_gap: over_seeds(|entry| entry.original_accuracy - entry.test_accuracy)?,
            loss_gap: over_seeds(|entry| entry.test_loss - entry.original_loss)?,
        })
    }

    /// `value` of every run's scores after `epoch`, in seed order; empty if that epoch was not scored.
    pub fn at(&self, epoch: usize, value: impl Fn(&Epoch) -> f64) -> Vec<f64> {
        self.runs
            .iter()
            .filter_map(|run| run.history.iter().find(|entry| entry.epoch == epoch))
            .map(value)
            .collect()
    }
}

impl Run {
    /// The first scored epoch at which the test accuracy was at least `accuracy`, if it ever was.
    pub fn first_reaching(&self, accuracy: f64) -> Option<&Epoch> {
        self.history.iter().find(|entry| entry.test_accuracy >= accuracy)
    }
}
