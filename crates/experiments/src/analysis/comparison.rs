//! Two arms against each other: the difference in test accuracy, and how sure it is.

use std::collections::BTreeSet;

use mlprobe_stats::{
    CrossedBootstrap, LEVEL, McNemar, Paired, crossed_bootstrap, discordant, holm, mcnemar_exact,
    minimal_detectable_effect, paired_difference,
};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::analysis::arms::{ArmResults, Reading};
use crate::engine::scoring::Tested;
use crate::error::Result;

/// Resamples of the crossed bootstrap.
pub(crate) const RESAMPLES: usize = 10_000;
/// Keys the draws of the crossed bootstrap.
pub(crate) const BOOTSTRAP_SEED: u64 = 0;
/// The smallest detectable effect is the one found with this probability.
const POWER: f64 = 0.8;

/// Test accuracy of arm `a` minus that of arm `b`. Differences are fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What differs between the two.
    pub effect: String,
    /// Name of the first arm.
    pub a: String,
    /// Name of the second arm.
    pub b: String,
    /// The epoch after which `a` is read.
    pub a_epoch: usize,
    /// The epoch after which `b` is read: the same one, or the one at which both have made as many updates.
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
    /// The p-value of the paired test after Holm's correction over all comparisons after the same epoch, where these answer
    /// one question together, such as which of several transforms helps; else `None`.
    #[serde(default)]
    pub adjusted: Option<f64>,
}

/// An arm with what a comparison needs.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub arm: &'a ArmResults,
    /// What the model of each seed said of the test images after each epoch to report at.
    pub tested: &'a [&'a [Tested]],
    /// Of the test images (N).
    pub labels: &'a [u16],
}

/// The comparisons of `a` and `b`, which have the same seeds, one or more: after each of the epochs to report at, and then
/// at each pair of them at which both have made as many updates.
pub(crate) fn compare(effect: &str, a: Side<'_>, b: Side<'_>) -> Result<Vec<Comparison>> {
    let same_epoch = a.arm.readings.iter().zip(&b.arm.readings);
    let pairs = a.arm.readings.iter().flat_map(|of_a| b.arm.readings.iter().map(move |of_b| (of_a, of_b)));
    let equal_updates = pairs.filter(|(a, b)| a.epoch != b.epoch && a.updates == b.updates);
    same_epoch.chain(equal_updates).map(|readings| compare_at(effect, (a, b), readings)).collect()
}

fn compare_at(
    effect: &str,
    (a, b): (Side<'_>, Side<'_>),
    (a_read, b_read): (&Reading, &Reading),
) -> Result<Comparison> {
    let (a_accuracy, b_accuracy) = (a.accuracies(a_read), b.accuracies(b_read));
    let (a_correct, b_correct) = (a.correct(a_read.epoch), b.correct(b_read.epoch));
    let differences: Vec<f64> = a_accuracy.iter().zip(&b_accuracy).map(|(a, b)| a - b).collect();
    let several = differences.len() >= 2;
    let paired = several.then(|| paired_difference(&a_accuracy, &b_accuracy, LEVEL)).transpose()?;
    let bootstrap =
        || crossed_bootstrap(a_correct.view(), b_correct.view(), RESAMPLES, BOOTSTRAP_SEED, LEVEL);
    Ok(Comparison {
        effect: effect.to_owned(),
        a: a.arm.name.clone(),
        b: b.arm.name.clone(),
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
        adjusted: None,
        differences,
    })
}

/// Corrects the p-values of comparisons that answer one question together, those after each epoch by themselves.
pub(crate) fn correct(comparisons: &mut [Comparison]) -> Result<()> {
    let moments: BTreeSet<_> = comparisons.iter().map(|c| (c.a_epoch, c.b_epoch)).collect();
    for moment in moments {
        let family = || |c: &&mut Comparison| (c.a_epoch, c.b_epoch) == moment;
        let p_values: Vec<f64> =
            comparisons.iter_mut().filter(family()).filter_map(|c| Some(c.paired?.p_value)).collect();
        if p_values.len() < 2 {
            continue;
        }
        let tested = comparisons.iter_mut().filter(family()).filter(|c| c.paired.is_some());
        for (comparison, adjusted) in tested.zip(holm(&p_values)?) {
            comparison.adjusted = Some(adjusted);
        }
    }
    Ok(())
}

impl Comparison {
    /// Whether both arms are read after the same epoch.
    pub fn is_at(&self, epoch: usize) -> bool {
        self.a_epoch == epoch && self.b_epoch == epoch
    }
}

impl Side<'_> {
    fn accuracies(self, reading: &Reading) -> Vec<f64> {
        self.arm.at(reading.epoch, |entry| entry.test_accuracy)
    }

    /// (S, N): whether the model of seed s has image i right after `epoch`.
    pub(crate) fn correct(self, epoch: usize) -> Array2<bool> {
        let tested = self.tested.iter().copied().flatten().filter(|tested| tested.epoch == epoch);
        let predictions: Vec<&[u16]> = tested.map(|tested| tested.predicted.as_slice()).collect();
        Array2::from_shape_fn((predictions.len(), self.labels.len()), |(s, i)| {
            predictions[s][i] == self.labels[i]
        })
    }
}

/// One test for each seed; both (S, N).
fn mcnemar(a_correct: &Array2<bool>, b_correct: &Array2<bool>) -> Result<Vec<McNemar>> {
    let of_seed = |(a, b)| {
        let (only_a, only_b) = discordant(a, b)?;
        Ok(mcnemar_exact(only_a, only_b))
    };
    a_correct.outer_iter().zip(b_correct.outer_iter()).map(of_seed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Runs on four images of class 0, right in the first `half` and `full` of them after half and all epochs (2).
    fn tested(right: &[[usize; 2]]) -> Vec<[Tested; 2]> {
        let tested = |epoch, right: usize| Tested {
            epoch,
            probabilities: Array2::from_shape_fn((4, 2), |(i, k)| f32::from((i < right) == (k == 0))),
            predicted: (0..4).map(|i| u16::from(i >= right)).collect(),
        };
        right.iter().map(|&[half, full]| [tested(1, half), tested(2, full)]).collect()
    }

    type Made = (ArmResults, Vec<[Tested; 2]>);

    /// An arm with so many images right after half and after all epochs, seed by seed.
    fn arm(name: &str, updates: u64, right: &[[usize; 2]]) -> Made {
        let scores: Vec<_> = right.iter().map(|run| run.map(|right| [0.0, right as f64 / 4.0])).collect();
        let arm = testing::arm(name, updates, &scores);
        (arm, tested(right))
    }

    fn compared(a: &Made, b: &Made) -> Vec<Comparison> {
        let slices = [a, b].map(|(_, tested)| tested.iter().map(<[Tested; 2]>::as_slice).collect::<Vec<_>>());
        let [a, b] = [(a, &slices[0]), (b, &slices[1])].map(|((arm, _), tested)| Side {
            arm,
            tested,
            labels: &[0; 4],
        });
        compare("test", a, b).unwrap()
    }

    #[test]
    fn differences_are_taken_seed_by_seed_at_each_epoch_to_report() {
        let comparisons = compared(&arm("a", 10, &[[2, 4], [1, 4]]), &arm("b", 10, &[[1, 2], [1, 3]]));
        let [half, full] = comparisons.as_slice() else { panic!("{comparisons:?}") };
        assert!(half.is_at(1));
        assert_eq!((half.differences.as_slice(), half.mean), ([0.25, 0.0].as_slice(), 0.125));
        assert!(full.is_at(2));
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
    fn twice_the_updates_per_epoch_are_also_read_at_half_the_epochs() {
        let (a, b) = (arm("a", 20, &[[3, 4], [3, 4]]), arm("b", 10, &[[1, 2], [1, 2]]));
        let equal =
            |comparisons: Vec<Comparison>| comparisons.into_iter().find(|c| c.a_epoch != c.b_epoch).unwrap();
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
