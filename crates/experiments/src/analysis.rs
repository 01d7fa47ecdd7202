//! From finished runs to results: everything that is computed once training is done.

use crate::claims;
use crate::comparison::{Side, compare};
use crate::costs::costs;
use crate::error::Result;
use crate::notes;
use crate::quality::quality;
use crate::results::{ArmResults, ArmScore, Results, Robustness};
use crate::stats::summary;
use crate::train::TrainedRun;

/// What the results are computed with, beside the runs.
pub(crate) struct Plan<'a> {
    /// Labels (N) of the test images.
    pub labels: &'a [u8],
    /// Names of the further test sets.
    pub further: Vec<&'a str>,
    /// What to compare: the effect's name, and the indices of the two arms.
    pub comparisons: Vec<(String, usize, usize)>,
}

/// Brings `results` up to `runs`: for each arm the runs of the same seeds, one or more.
pub(crate) fn analyse(results: &mut Results, runs: &[Vec<TrainedRun>], plan: &Plan<'_>) -> Result<()> {
    let moments = [results.protocol.half(), results.protocol.epochs];
    for (arm, runs) in results.arms.iter_mut().zip(runs) {
        arm.runs = runs.iter().map(|run| run.record.clone()).collect();
        arm.readings = moments.iter().filter_map(|&epoch| arm.reading(epoch)).collect();
        arm.quality = Some(quality(runs, plan.labels, &results.about.dataset.classes)?);
    }
    results.seeds_done = runs.first().map_or(0, Vec::len);
    let side = |arm: usize| Side { arm: &results.arms[arm], runs: &runs[arm], labels: plan.labels };
    let mut comparisons = Vec::new();
    for (effect, a, b) in &plan.comparisons {
        comparisons.extend(compare(effect, side(*a), side(*b))?);
    }
    results.comparisons = comparisons;
    results.robustness = robustness(results, runs, plan)?;
    results.costs = costs(&results.arms);
    results.claims = claims::answer(results);
    results.notes = notes::collect(&results.arms, runs);
    Ok(())
}

/// A row for the test images as they are, and one for each further test set; none without further sets.
fn robustness(results: &Results, runs: &[Vec<TrainedRun>], plan: &Plan<'_>) -> Result<Vec<Robustness>> {
    if plan.further.is_empty() {
        return Ok(Vec::new());
    }
    let row = |test: &str, accuracy: &dyn Fn(&TrainedRun) -> f64| -> Result<Robustness> {
        let score = |(arm, runs): (&ArmResults, &Vec<TrainedRun>)| {
            let accuracy = summary(&runs.iter().map(accuracy).collect::<Vec<_>>())?;
            Ok(ArmScore { arm: arm.name.clone(), accuracy })
        };
        let arms = results.arms.iter().zip(runs).map(score).collect::<Result<_>>()?;
        Ok(Robustness { test: test.to_owned(), arms })
    };
    let mut rows = vec![row("none", &|run| run.record.test_accuracy)?];
    for (index, name) in plan.further.iter().enumerate() {
        rows.push(row(name, &|run| run.further[index])?);
    }
    Ok(rows)
}
