//! Answers derived again from what a run kept.

use mlprobe_stats::SequentialRule;

use crate::analysis::analyse::{Plan, conclude, rules};
use crate::analysis::probes::compare_probes;
use crate::analysis::results::Results;
use crate::error::Result;
use crate::folder::RunFolder;

/// The results of a run with everything that follows from its scores and predictions derived again by the rules of this version:
/// comparisons, answers, claims and probes. The record stays as it is.
///
/// # Errors
/// [`Error::Content`](crate::Error::Content) if the run did not keep its predictions or they were changed, and those of
/// [`read_results`](crate::results::read_results).
pub fn reanalyse(folder: &RunFolder) -> Result<Results> {
    let mut results = crate::results::read_results(folder.path().join("results.json"))?;
    let kept = folder.kept(&results)?;
    let tested: Vec<Vec<_>> =
        kept.tested.iter().map(|runs| runs.iter().map(Vec::as_slice).collect()).collect();
    let index = |name: &str| results.arms.iter().position(|arm| arm.name == name);
    let mut comparisons = Vec::new();
    for comparison in &results.comparisons {
        let (Some(a), Some(b)) = (index(&comparison.a), index(&comparison.b)) else { continue };
        let pair = (comparison.effect.clone(), a, b);
        if !comparisons.contains(&pair) {
            comparisons.push(pair);
        }
    }
    let protocol = &results.settings.protocol;
    let rule = protocol.until_decided.then(|| SequentialRule::new(protocol.seeds.len())).transpose()?;
    let plan = Plan {
        labels: &kept.labels,
        further: Vec::new(),
        comparisons,
        is_family: results.comparisons.iter().any(|comparison| comparison.adjusted.is_some()),
        questions: &results.questions.clone(),
        sequential: rule.as_ref(),
    };
    conclude(&mut results, &tested, &plan)?;
    let mut probes = Vec::new();
    for told in &results.probes {
        let question = &told.answer.contrast;
        let a = folder.probed(told.probe, &question.a, &results)?;
        let b = folder.probed(told.probe, &question.b, &results)?;
        let rules = rules(&results, rule.as_ref());
        probes.push(compare_probes(told.probe, question, (&a, &b), &kept.labels, &rules)?);
    }
    results.probes = probes;
    Ok(results)
}
