//! Several data sets together: the same question, answered for a population of data sets.

use mlprobe_stats::{Answer, Contrast, Interval, LEVEL, Pooled, pool, require};
use serde::Serialize;

use crate::analysis::results::{About, Results};
use crate::error::Result;

/// One comparison, pooled over data sets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PooledComparison {
    /// What differs between the two arms.
    pub effect: String,
    /// Name of the first arm.
    pub a: String,
    /// Name of the second arm.
    pub b: String,
    /// The difference on each data set.
    pub data_sets: Vec<OfDataSet>,
    /// The difference over data sets, with its interval and the deviation between them.
    pub pooled: Pooled,
    /// Better, worse, equivalent or undecided for the population of data sets.
    pub answer: Answer,
    /// Data sets on which an arm is not shown to have learned anything, where the answer would be equivalent otherwise.
    pub not_above_chance: Vec<String>,
    /// A difference inside plus or minus this counts as none: the largest of the runs' margins.
    pub margin: f64,
}

/// A comparison on one data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfDataSet {
    /// The data set's name.
    pub data_set: String,
    /// Epochs after which both arms are read.
    pub epochs: usize,
    /// The difference in test accuracy with its standard error over seeds and test images.
    pub contrast: Contrast,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// Pools the comparisons after the last epoch that all of these runs, two or more, have in common.
///
/// # Errors
/// [`Error::Statistics`](crate::Error::Statistics) if there are fewer than two runs, two of them are of the same data set, one
/// has fewer than two seeds, or they have no comparison in common.
pub fn pool_runs(runs: &[Results]) -> Result<Vec<PooledComparison>> {
    const OPERATION: &str = "pooling runs";
    require(runs.len() >= 2, OPERATION, "two or more runs", runs.len(), "name more run folders")?;
    for (i, run) in runs.iter().enumerate() {
        let twice = runs[..i].iter().any(|other| same_data_set(&other.about, &run.about));
        let actual = format_args!("two runs of {}", run.about.dataset.name);
        let next = "two runs of one data set say nothing of others: name one of them";
        require(!twice, OPERATION, "a different data set for each run", actual, next)?;
    }
    let margin = runs.iter().map(Results::margin).fold(0.0, f64::max);
    let mut pooled_comparisons = Vec::new();
    for first in runs[0].final_comparisons() {
        let of_run = |run: &Results| -> Option<Result<OfDataSet>> {
            let comparison = run.final_comparisons().find(|c| (&c.a, &c.b) == (&first.a, &first.b))?;
            let contrast = comparison.bootstrap?.contrast(run.seeds_done);
            Some(
                contrast
                    .and_then(|contrast| {
                        Ok(OfDataSet {
                            data_set: run.about.dataset.name.clone(),
                            epochs: run.epochs(),
                            interval: contrast.interval(LEVEL)?,
                            contrast,
                        })
                    })
                    .map_err(Into::into),
            )
        };
        let Some(data_sets) = runs.iter().map(of_run).collect::<Option<Result<Vec<_>>>>() else { continue };
        let data_sets = data_sets?;
        let pooled = pool(&data_sets.iter().map(|of| of.contrast).collect::<Vec<_>>())?;
        let at_chance = |run: &&Results| {
            let arms = run.arms_at_chance();
            [&first.a, &first.b].into_iter().any(|name| arms.contains(name))
        };
        let mut answer = pooled.decide(margin)?.answer;
        let mut not_above_chance: Vec<String> =
            runs.iter().filter(at_chance).map(|run| run.about.dataset.name.clone()).collect();
        match answer {
            Answer::Equivalent if !not_above_chance.is_empty() => answer = Answer::Undecided,
            _ => not_above_chance.clear(),
        }
        pooled_comparisons.push(PooledComparison {
            effect: first.effect.clone(),
            a: first.a.clone(),
            b: first.b.clone(),
            answer,
            not_above_chance,
            data_sets,
            pooled,
            margin,
        });
    }
    let common = !pooled_comparisons.is_empty();
    let next = "pool runs of the same study with two or more seeds each";
    require(common, OPERATION, "a comparison that all runs have", "none", next)?;
    Ok(pooled_comparisons)
}

/// By the digests of the test images or files, or by the names where a run does not know them.
fn same_data_set(a: &About, b: &About) -> bool {
    match (test_digests(a), test_digests(b)) {
        (a, b) if !a.is_empty() && !b.is_empty() => a == b,
        _ => a.dataset.name == b.dataset.name,
    }
}

fn test_digests(about: &About) -> Vec<&String> {
    let files = about.files.iter().filter(|file| file.arm.is_none()).flat_map(|file| &file.sha256);
    files.chain([&about.dataset.test_digest]).filter(|digest| !digest.is_empty()).collect()
}
