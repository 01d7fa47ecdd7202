//! What it takes to reach a test accuracy: epochs, updates and seconds of training.

use mlprobe_stats::{Summary, summary};
use serde::{Deserialize, Serialize};

use crate::analysis::arms::ArmResults;
use crate::engine::scoring::{Epoch, Run};

/// How many accuracies are tabulated.
const TARGETS: usize = 6;

/// The costs of reaching one test accuracy, for every arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// A fraction.
    pub accuracy: f64,
    /// In the order of the arms.
    pub arms: Vec<ArmCost>,
}

/// What an arm's runs took until they were first scored at the accuracy. A model is scored at scheduled
/// epochs only, so the figures are as coarse as the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmCost {
    /// The arm's name.
    pub arm: String,
    /// Runs that reached it.
    pub reached: usize,
    /// Passes over the training set; `None` unless all runs reached it.
    pub epochs: Option<Summary>,
    /// Steps of the gradient descent; `None` unless all runs reached it.
    pub updates: Option<Summary>,
    /// Seconds of training on one thread; `None` unless all runs reached it.
    pub seconds: Option<Summary>,
}

/// The costs of the highest whole per cents that all runs of at least one arm have reached, ascending.
pub(crate) fn costs(arms: &[ArmResults]) -> Vec<Cost> {
    let highest = arms.iter().filter_map(|arm| reached_by_all(&arm.runs)).fold(0, usize::max);
    (1..=highest)
        .skip(highest.saturating_sub(TARGETS))
        .map(|percent| {
            let accuracy = percent as f64 / 100.0;
            Cost { accuracy, arms: arms.iter().map(|arm| arm_cost(arm, accuracy)).collect() }
        })
        .collect()
}

/// The highest whole per cent of test accuracy that each of these runs has reached; `None` of no runs.
pub(crate) fn reached_by_all<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Option<usize> {
    let best = |run: &Run| run.history.iter().map(|entry| entry.test_accuracy).fold(0.0, f64::max);
    let lowest = runs.into_iter().map(best).reduce(f64::min)?;
    (0..=100).rev().find(|&percent| percent as f64 / 100.0 <= lowest)
}

fn arm_cost(arm: &ArmResults, accuracy: f64) -> ArmCost {
    let first: Vec<&Epoch> = arm.runs.iter().filter_map(|run| run.first_reaching(accuracy)).collect();
    let over_runs = |unit: fn(&Epoch) -> f64| {
        let values: Vec<f64> = first.iter().map(|entry| unit(entry)).collect();
        summary(&values).ok().filter(|_| values.len() == arm.runs.len())
    };
    ArmCost {
        arm: arm.name.clone(),
        reached: first.len(),
        epochs: over_runs(|entry| entry.epoch as f64),
        updates: over_runs(|entry| entry.updates as f64),
        seconds: over_runs(|entry| entry.seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// An arm with these test accuracies after epochs 1, 2, 3 of 10 updates and half a second each.
    fn arm(name: &str, runs: &[[f64; 3]]) -> ArmResults {
        let runs: Vec<_> = runs.iter().map(|run| run.map(|test| [0.0, test])).collect();
        testing::arm(name, 10, &runs)
    }

    #[test]
    fn the_table_ends_at_the_highest_whole_per_cent_that_all_runs_of_an_arm_reach() {
        let table =
            costs(&[arm("a", &[[0.5, 0.555, 0.6], [0.4, 0.58, 0.57]]), arm("b", &[[0.1, 0.2, 0.3]; 2])]);
        let percents: Vec<f64> = table.iter().map(|cost| cost.accuracy).collect();
        assert_eq!(percents, [0.53, 0.54, 0.55, 0.56, 0.57, 0.58]); // 0.58 was reached, though lost again
        let [a, b] = table.last().unwrap().arms.as_slice() else { panic!("two arms") };
        assert_eq!((a.reached, b.reached), (2, 0));
        assert_eq!(a.epochs.unwrap().mean, 2.5); // epochs 3 and 2
        assert_eq!(a.updates.unwrap().mean, 25.0);
        assert_eq!(a.seconds.unwrap().mean, 1.25);
        assert!(b.epochs.is_none() && b.updates.is_none() && b.seconds.is_none());
    }

    #[test]
    fn an_accuracy_that_only_some_runs_reach_has_no_mean_cost() {
        let table = costs(&[arm("a", &[[0.5, 0.5, 0.5]]), arm("b", &[[0.5; 3], [0.4; 3]])]);
        let b = &table.last().unwrap().arms[1];
        assert_eq!((b.reached, b.epochs), (1, None));
    }

    #[test]
    fn a_fraction_that_is_a_whole_per_cent_counts_as_reached() {
        for percent in 0..=100 {
            let runs = arm("a", &[[percent as f64 / 100.0; 3]]).runs;
            assert_eq!(reached_by_all(&runs), Some(percent));
        }
        assert_eq!(reached_by_all(&[]), None);
    }
}
