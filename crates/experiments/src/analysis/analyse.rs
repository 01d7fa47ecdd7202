//! Brings results up to the runs that have finished.

use mlprobe_stats::{SequentialRule, summary};

use crate::analysis::answers::{Rules, answer, claims};
use crate::analysis::arms::ArmResults;
use crate::analysis::chance::{not_above_chance, withhold};
use crate::analysis::comparison::{Side, compare, correct};
use crate::analysis::costs::costs;
use crate::analysis::quality::quality;
use crate::analysis::questions::Question;
use crate::analysis::results::{ArmNote, ArmScore, Results, Robustness};
use crate::engine::notes::Note;
use crate::engine::scoring::{Tested, TrainedRun};
use crate::error::Result;

/// What the results are computed with, beside the runs.
pub(crate) struct Plan<'a> {
    /// Labels (N) of the test images.
    pub labels: &'a [u16],
    /// Names of the further test sets.
    pub further: Vec<&'a str>,
    /// What to compare: the effect's name, and the indices of the two arms.
    pub comparisons: Vec<(String, usize, usize)>,
    /// Whether the comparisons answer one question together.
    pub is_family: bool,
    pub questions: &'a [Question],
    /// The rule for looking after every seed.
    pub sequential: Option<&'a SequentialRule>,
}

/// Brings `results` up to `runs`: for each arm the runs of the same seeds, one or more.
pub(crate) fn analyse(results: &mut Results, runs: &[Vec<TrainedRun>], plan: &Plan<'_>) -> Result<()> {
    for (arm, runs) in results.arms.iter_mut().zip(runs) {
        arm.train_images = runs.first().map_or(arm.train_images, |run| run.train_rows);
        arm.runs = runs.iter().map(|run| run.record.clone()).collect();
    }
    results.seeds_done = runs.first().map_or(0, Vec::len);
    results.robustness = robustness(results, runs, plan)?;
    results.notes.retain(|note| note.seeds.is_empty());
    results.notes.extend(notes(&results.arms, runs));
    let tested: Vec<Vec<&[Tested]>> =
        runs.iter().map(|runs| runs.iter().map(|run| run.tested.as_slice()).collect()).collect();
    conclude(results, &tested, plan)
}

/// Derives everything that follows from the recorded runs and from what their models said of the test set: for each arm and seed, a
/// [`Tested`] for each epoch to report at.
pub(crate) fn conclude(results: &mut Results, tested: &[Vec<&[Tested]>], plan: &Plan<'_>) -> Result<()> {
    let protocol = &results.settings.protocol;
    for (arm, tested) in results.arms.iter_mut().zip(tested) {
        arm.readings = protocol.report_at.iter().filter_map(|&epoch| arm.reading(epoch)).collect();
        arm.quality = Some(quality(tested, plan.labels, &results.about.dataset.classes)?);
    }
    let side = |arm: usize| Side { arm: &results.arms[arm], tested: &tested[arm], labels: plan.labels };
    let mut comparisons = Vec::new();
    for (effect, a, b) in &plan.comparisons {
        comparisons.extend(compare(effect, side(*a), side(*b))?);
    }
    if plan.is_family {
        correct(&mut comparisons)?;
    }
    results.comparisons = comparisons;
    let side = |arm: usize| Side { arm: &results.arms[arm], tested: &tested[arm], labels: plan.labels };
    results.costs = costs(&results.arms);
    let epochs = results.epochs();
    results.notes.retain(|note| !matches!(note.note, Note::NotAboveChance { .. }));
    for (index, arm) in results.arms.iter().enumerate() {
        if let Some(chance) = not_above_chance(side(index).correct(epochs).view(), plan.labels)? {
            let seeds = arm.runs.iter().map(|run| run.seed).collect();
            let note = Note::NotAboveChance { chance };
            results.notes.push(ArmNote { arm: arm.name.clone(), seeds, note });
        }
    }
    let at_chance = results.arms_at_chance();
    let rules = rules(results, plan.sequential);
    let index = |name: &str| results.arms.iter().position(|arm| arm.name == name);
    let mut answers = Vec::new();
    for question in plan.questions {
        let sides = index(&question.a).zip(index(&question.b)).map(|(a, b)| (side(a), side(b)));
        answers.extend(answer(question, &results.arms, &results.comparisons, sides, epochs, &rules)?);
    }
    answers.iter_mut().for_each(|answer| withhold(answer, &at_chance));
    results.claims = claims(plan.questions, &answers);
    results.answers = answers;
    results.questions = plan.questions.to_vec();
    Ok(())
}

/// Asks of each two arms that a record compares after the last epoch whether the first is more accurate, and answers from the
/// intervals that the record holds: for records of a version that recorded no answers.
pub(crate) fn answer_from_comparisons(results: &mut Results) -> Result<()> {
    let questions: Vec<_> = results.final_comparisons().map(|c| Question::accuracy(&c.a, &c.b)).collect();
    let rules = rules(results, None);
    let mut answers = Vec::new();
    for question in &questions {
        answers.extend(answer(
            question,
            &results.arms,
            &results.comparisons,
            None,
            results.epochs(),
            &rules,
        )?);
    }
    (results.claims, results.answers, results.questions) = (claims(&questions, &answers), answers, questions);
    Ok(())
}

/// What the answers of these results are derived with.
pub(crate) fn rules<'a>(results: &Results, sequential: Option<&'a SequentialRule>) -> Rules<'a> {
    let subset = results.settings.protocol.subset;
    Rules { margin: results.margin(), sequential, is_resampled: subset.is_some_and(|subset| subset.per_seed) }
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

/// The notes of all runs, equal ones of an arm together.
fn notes(arms: &[ArmResults], runs: &[Vec<TrainedRun>]) -> Vec<ArmNote> {
    let mut notes: Vec<ArmNote> = Vec::new();
    for (arm, runs) in arms.iter().zip(runs) {
        for (run, note) in runs.iter().flat_map(|run| run.notes.iter().map(move |note| (run, note))) {
            let seed = run.record.seed;
            match notes.iter_mut().find(|other| (&other.arm, &other.note) == (&arm.name, note)) {
                Some(other) => other.seeds.push(seed),
                None => notes.push(ArmNote { arm: arm.name.clone(), seeds: vec![seed], note: note.clone() }),
            }
        }
    }
    notes
}
