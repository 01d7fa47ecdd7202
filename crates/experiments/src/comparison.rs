//! Two arms against each other: the difference in test accuracy, and how sure it is.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::results::{ArmResults, Reading};
use crate::stats::{
    CrossedBootstrap, McNemar, Paired, crossed_bootstrap, discordant, mcnemar_exact,
    minimal_detectable_effect, paired_difference,
};
use crate::train::TrainedRun;

/// Confidence level of every interval.
pub const LEVEL: f64 = 0.95;
/// Resamples of the crossed bootstrap.
const RESAMPLES: usize = 10_000;
/// Keys the draws of the crossed bootstrap.
const BOOTSTRAP_SEED: u64 = 0;
/// The smallest detectable effect is the one found with this probability.
const POWER: f64 = 0.8;

/// When two arms are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Both after half of the epochs.
    Half,
    /// Both after all epochs.
    Full,
    /// The one with twice the updates an epoch after half of its epochs, the other after all.
    EqualUpdates,
}

/// Test accuracy of arm `a` minus that of arm `b`. Differences are fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What differs between the two.
    pub effect: String,
    /// Name of the first arm.
    pub a: String,
    /// Name of the second arm.
    pub b: String,
    /// When both are read.
    pub at: At,
    /// Epochs of `a`.
    pub a_epoch: usize,
    /// Epochs of `b`.
    pub b_epoch: usize,
    /// Updates of `a`.
    pub a_updates: u64,
    /// Updates of `b`.
    pub b_updates: u64,
    /// One for each seed.
    pub differences: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Student's t over seeds, on this test set; `None` with fewer than two seeds.
    pub paired: Option<Paired>,
    /// The smallest true difference that this many seeds with this deviation find with probability 0.8 at
    /// error rate 0.05; `None` with fewer than two seeds.
    pub detectable: Option<f64>,
    /// Interval over new seeds and new test images; `None` with fewer than two seeds.
    pub bootstrap: Option<CrossedBootstrap>,
    /// McNemar's exact test of the two models of each seed.
    pub mcnemar: Vec<McNemar>,
}

/// An arm with what a comparison needs of it.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    /// Read after half and after all of the epochs.
    pub arm: &'a ArmResults,
    /// One a seed.
    pub runs: &'a [TrainedRun],
    /// Of the test images (N).
    pub labels: &'a [u8],
}

/// The comparisons of `a` and `b`, which have the same seeds, one or more: after half and after all of the epochs,
/// and at equal updates if one makes in half of them as many as the other in all.
pub(crate) fn compare(effect: &str, a: Side<'_>, b: Side<'_>) -> Result<Vec<Comparison>> {
    let moments = [
        (At::Half, Moment::Half, Moment::Half),
        (At::Full, Moment::Full, Moment::Full),
        (At::EqualUpdates, Moment::Half, Moment::Full),
        (At::EqualUpdates, Moment::Full, Moment::Half),
    ];
    let mut comparisons = Vec::new();
    for (at, a_moment, b_moment) in moments {
        let (Some(a_read), Some(b_read)) = (a.reading(a_moment), b.reading(b_moment)) else { continue };
        if at == At::EqualUpdates && a_read.updates != b_read.updates {
            continue;
        }
        let (a_accuracy, b_accuracy) = (a.accuracies(a_read), b.accuracies(b_read));
        let (a_correct, b_correct) = (a.correct(a_moment), b.correct(b_moment));
        let differences: Vec<f64> = a_accuracy.iter().zip(&b_accuracy).map(|(a, b)| a - b).collect();
        let several = differences.len() >= 2;
        let paired = several.then(|| paired_difference(&a_accuracy, &b_accuracy, LEVEL)).transpose()?;
        let bootstrap =
            || crossed_bootstrap(a_correct.view(), b_correct.view(), RESAMPLES, BOOTSTRAP_SEED, LEVEL);
        comparisons.push(Comparison {
            effect: effect.to_owned(),
            a: a.arm.name.clone(),
            b: b.arm.name.clone(),
            at,
            a_epoch: a_read.epoch,
            b_epoch: b_read.epoch,
            a_updates: a_read.updates,
            b_updates: b_read.updates,
            mean: differences.iter().sum::<f64>() / differences.len() as f64,
            paired,
            detectable: paired
                .map(|paired| minimal_detectable_effect(paired.std, paired.n, 1.0 - LEVEL, POWER))
                .transpose()?,
            bootstrap: several.then(bootstrap).transpose()?,
            mcnemar: mcnemar(&a_correct, &b_correct)?,
            differences,
        });
    }
    Ok(comparisons)
}

#[derive(Clone, Copy)]
enum Moment {
    Half,
    Full,
}

impl<'a> Side<'a> {
    fn reading(self, moment: Moment) -> Option<&'a Reading> {
        match moment {
            Moment::Half => self.arm.readings.first(),
            Moment::Full => self.arm.readings.last(),
        }
    }

    fn accuracies(self, reading: &Reading) -> Vec<f64> {
        self.arm.at(reading.epoch, |entry| entry.test_accuracy)
    }

    /// (S, N): whether the model of seed s has image i right.
    fn correct(self, moment: Moment) -> Array2<bool> {
        let predictions: Vec<&[u8]> = self
            .runs
            .iter()
            .map(|run| match moment {
                Moment::Half => run.half.predicted.as_slice(),
                Moment::Full => run.full.predicted.as_slice(),
            })
            .collect();
        Array2::from_shape_fn((self.runs.len(), self.labels.len()), |(s, i)| {
            predictions[s][i] == self.labels[i]
        })
    }
}

/// One test for each seed; both (S, N).
fn mcnemar(a_correct: &Array2<bool>, b_correct: &Array2<bool>) -> Result<Vec<McNemar>> {
    let seeds = a_correct.outer_iter().zip(b_correct.outer_iter());
    seeds.map(|(a, b)| discordant(a, b).map(|(only_a, only_b)| mcnemar_exact(only_a, only_b))).collect()
}
