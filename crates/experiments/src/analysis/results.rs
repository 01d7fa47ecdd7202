//! `results.json`: everything a study found, documented field by field.

use std::fmt;

use mlprobe_stats::Summary;
use serde::{Deserialize, Serialize};

use crate::analysis::answers::{Answer, Claim, default_margin};
use crate::analysis::arms::ArmResults;
use crate::analysis::baselines::Baseline;
use crate::analysis::comparison::Comparison;
use crate::analysis::costs::Cost;
use crate::analysis::machine::Machine;
use crate::analysis::probes::ProbeAnswer;
use crate::analysis::questions::Question;
use crate::engine::clock::Stage;
use crate::engine::notes::Note;
use crate::engine::scoring::Epoch;
use crate::error::Error;
use crate::settings::Settings;

/// The version of the fields below; a reader of another version should not guess.
pub const SCHEMA: u32 = 3;

/// The version of this crate.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything a study found. Accuracies are fractions, losses are mean cross-entropies in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`] of the version that wrote this.
    pub schema: u32,
    /// What was asked for. Its protocol's seeds are the planned ones.
    pub settings: Settings,
    /// Where the numbers come from.
    #[serde(flatten)]
    pub about: About,
    /// Seeds that every arm has finished; only these are in `arms`.
    pub seeds_done: usize,
    /// The recipes compared, each with a run for every finished seed.
    pub arms: Vec<ArmResults>,
    /// Pairs of arms, at several epochs: differences in test accuracy with their intervals.
    pub comparisons: Vec<Comparison>,
    /// The questions that were put before the run, answered.
    pub answers: Vec<Answer>,
    /// The questions that were put before the run, also those without an answer, such as one about an arm that diverged.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// The claims of the original report, as the answers have it; empty for other studies.
    pub claims: Vec<Claim>,
    /// Accuracy on the test images as they are ("none") and on each further test set.
    pub robustness: Vec<Robustness>,
    /// What it takes each arm to reach stated test accuracies.
    pub costs: Vec<Cost>,
    /// Simple classifiers on the same features.
    pub baselines: Vec<Baseline>,
    /// The same question about two training sets, asked of simple classifiers.
    #[serde(default)]
    pub probes: Vec<ProbeAnswer>,
    /// What the scores alone do not say; empty if all is as it should be.
    pub notes: Vec<ArmNote>,
    /// Arms that were left out, because they diverged.
    #[serde(default)]
    pub diverged: Vec<Diverged>,
    /// Whether the rule for looking after every seed ended the run before all planned seeds.
    #[serde(default)]
    pub decided_early: bool,
    /// How long each part took. Stages may overlap.
    pub stages: Vec<Stage>,
}

/// Where the numbers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The data behind the features.
    pub dataset: DatasetInfo,
    /// What made the features; `None` if they were given.
    pub extractor: Option<ExtractorInfo>,
    /// The files that sets were read from; empty unless a comparison named files.
    #[serde(default)]
    pub files: Vec<FileInfo>,
    /// Where it ran.
    pub machine: Machine,
    /// The version of this crate.
    pub version: String,
    /// The version of the program's source, a Git commit; empty if unknown.
    pub commit: String,
}

impl About {
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
                kept_digest: None,
                comparable: false,
            },
            extractor: None,
            files: Vec::new(),
            machine: Machine::detect(),
            version: VERSION.to_owned(),
            commit: String::new(),
        }
    }
}

/// A file that a set of features and labels was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// The arm that trains on it; `None` for the test set.
    pub arm: Option<String>,
    /// The file, or two as `FEATURES.npy:LABELS.npy`.
    pub file: String,
    /// N.
    pub rows: usize,
    /// SHA-256 (hex) of the file, or of each of the two.
    pub sha256: Vec<String>,
    /// Of an older record, how many test rows have the very features of a row of this training set; now
    /// [`Note::TestRows`] says so, whether rows come from files or not.
    /// Records of this version have it as a note of the arm, and 0 here.
    #[serde(default)]
    pub test_rows: usize,
}

/// An arm whose training diverged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverged {
    /// The arm's name.
    pub arm: String,
    /// The seed of the first run that diverged.
    pub seed: u64,
    /// What happened, and what to do.
    pub error: String,
}

/// Something about an arm's runs that their scores alone do not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmNote {
    /// The arm's name; empty if it is about the test set.
    pub arm: String,
    /// The seeds of the runs it is about, in order; none if it was known before training.
    pub seeds: Vec<u64>,
    /// What there is to know.
    #[serde(flatten)]
    pub note: Note,
}

/// The images behind the features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// As in "cifar10".
    pub name: String,
    /// K names, in label order.
    pub classes: Vec<String>,
    /// Training images before augmentation, without those left out; 0 if unknown.
    pub train_images: usize,
    /// Test images, without those left out.
    pub test_images: usize,
    /// D, the features of an image; 0 if unknown.
    #[serde(default)]
    pub dim: usize,
    /// Digest of the training images and labels; empty if unknown.
    pub train_digest: String,
    /// Digest of the test images and labels; empty if unknown.
    pub test_digest: String,
    /// Digest of the numbers of the images that were kept; `None` if none was left out.
    #[serde(default)]
    pub kept_digest: Option<String>,
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

impl Diverged {
    /// What the error of a run that diverged says; `None` of another error.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Training { arm, seed, source } if error.is_divergence() => {
                Some(Self { arm: arm.clone(), seed: *seed, error: source.to_string() })
            }
            _ => None,
        }
    }
}

impl fmt::Display for ArmNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arm, seeds, note } = self;
        if !arm.is_empty() {
            write!(f, "arm `{arm}`")?;
            if !seeds.is_empty() {
                let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
                write!(f, ", {} {}", if seeds.len() == 1 { "seed" } else { "seeds" }, seeds.join(", "))?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{note}")
    }
}

impl Results {
    /// Whether every planned seed is finished, or no more are needed.
    pub fn is_whole(&self) -> bool {
        self.decided_early || self.seeds_done == self.settings.protocol.seeds.len()
    }

    /// A difference in accuracy inside plus or minus this counts as none.
    pub fn margin(&self) -> f64 {
        self.settings.protocol.margin.unwrap_or_else(|| default_margin(self.about.dataset.test_images))
    }

    /// The last epoch of every run.
    pub fn epochs(&self) -> usize {
        self.settings.protocol.epochs
    }

    /// The comparisons after the last epoch.
    pub fn final_comparisons(&self) -> impl DoubleEndedIterator<Item = &Comparison> {
        self.comparisons.iter().filter(|comparison| comparison.is_at(self.epochs()))
    }

    /// Whether every arm trained on one block of rows, so that its scores on the first block and on all are the same up to
    /// rounding.
    pub(crate) fn has_single_blocks(&self) -> bool {
        let is_single =
            |entry: &Epoch| (entry.original_loss - entry.train_loss).abs() <= 1e-12 * entry.train_loss;
        self.arms.iter().flat_map(|arm| &arm.runs).flat_map(|run| &run.history).all(is_single)
    }

    /// The arms that are noted not to be above chance.
    pub(crate) fn arms_at_chance(&self) -> Vec<String> {
        let is_chance = |note: &&ArmNote| matches!(note.note, Note::NotAboveChance { .. });
        self.notes.iter().filter(is_chance).map(|note| note.arm.clone()).collect()
    }

    /// The arm called `name`.
    pub fn arm(&self, name: &str) -> Option<&ArmResults> {
        self.arms.iter().find(|arm| arm.name == name)
    }
}
