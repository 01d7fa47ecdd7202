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

#[cfg(test)]
mod tests {
    use mlprobe_nn::Mlp;

    use super::*;
    use crate::testing;
    use crate::train::Tested;

    /// Runs on four images of class 0, right in the first `half` and `full` of them after half and all epochs (2).
    fn runs(arm: &ArmResults, right: &[[usize; 2]]) -> Vec<TrainedRun> {
        let tested = |right: usize| Tested {
            probabilities: Array2::from_shape_fn((4, 2), |(i, k)| f32::from((i < right) == (k == 0))),
            predicted: (0..4).map(|i| u8::from(i >= right)).collect(),
        };
        arm.runs
            .iter()
            .zip(right)
            .map(|(run, &[half, full])| TrainedRun {
                record: run.clone(),
                model: Mlp::new(&[1, 2], 0).unwrap(),
                half: tested(half),
                full: tested(full),
                further: Vec::new(),
                notes: Vec::new(),
            })
            .collect()
    }

    /// An arm with so many images right after half and after all epochs, seed by seed.
    fn arm(name: &str, updates: u64, right: &[[usize; 2]]) -> (ArmResults, Vec<TrainedRun>) {
        let scores: Vec<_> = right.iter().map(|run| run.map(|right| [0.0, right as f64 / 4.0])).collect();
        let arm = testing::arm(name, updates, &scores);
        let runs = runs(&arm, right);
        (arm, runs)
    }

    fn compared(a: &(ArmResults, Vec<TrainedRun>), b: &(ArmResults, Vec<TrainedRun>)) -> Vec<Comparison> {
        let [a, b] = [a, b].map(|(arm, runs)| Side { arm, runs, labels: &[0; 4] });
        compare("test", a, b).unwrap()
    }

    #[test]
    fn differences_are_taken_seed_by_seed_at_half_and_full() {
        let comparisons = compared(&arm("a", 10, &[[2, 4], [1, 4]]), &arm("b", 10, &[[1, 2], [1, 3]]));
        let [half, full] = comparisons.as_slice() else { panic!("{comparisons:?}") };
        assert_eq!((half.at, half.a_epoch, half.b_epoch), (At::Half, 1, 1));
        assert_eq!((half.differences.as_slice(), half.mean), ([0.25, 0.0].as_slice(), 0.125));
        assert_eq!((full.at, full.a_epoch, full.b_epoch), (At::Full, 2, 2));
        assert_eq!((full.differences.as_slice(), full.mean), ([0.5, 0.25].as_slice(), 0.375));
        assert_eq!(full.paired.unwrap().mean, 0.375);
        assert_eq!(full.bootstrap.unwrap().difference, 0.375);
        assert!(full.detectable.unwrap() > 0.0);
        assert_eq!(
            full.mcnemar.iter().map(|test| (test.only_a, test.only_b)).collect::<Vec<_>>(),
            [(2, 0), (1, 0)]
        );
    }

    #[test]
    fn twice_the_updates_an_epoch_are_also_read_at_half_the_epochs() {
        let (a, b) = (arm("a", 20, &[[3, 4], [3, 4]]), arm("b", 10, &[[1, 2], [1, 2]]));
        let equal = |comparisons: Vec<Comparison>| {
            comparisons.into_iter().find(|c| c.at == At::EqualUpdates).unwrap()
        };
        let forth = equal(compared(&a, &b));
        assert_eq!((forth.a_epoch, forth.b_epoch, forth.a_updates, forth.b_updates), (1, 2, 20, 20));
        assert_eq!(forth.mean, 0.25);
        let back = equal(compared(&b, &a));
        assert_eq!((back.a_epoch, back.b_epoch, back.mean), (2, 1, -0.25));
    }

    #[test]
    fn one_seed_gives_a_difference_without_intervals() {
        let comparisons = compared(&arm("a", 10, &[[2, 4]]), &arm("b", 10, &[[1, 2]]));
        let full = &comparisons[1];
        assert_eq!((full.mean, full.mcnemar.len()), (0.5, 1));
        assert!(full.paired.is_none() && full.bootstrap.is_none() && full.detectable.is_none());
    }
}
