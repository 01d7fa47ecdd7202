//! The answers to the questions, decided by the rules of `docs/decisions.md` from intervals over seeds and test images.

use mlprobe_stats::{
    Answer as Decision, Components, Contrast, FEWEST_SEEDS, Interval, LEVEL, SequentialRule,
    crossed_bootstrap_with_offsets, decide,
};
use serde::{Deserialize, Serialize};

use crate::analysis::arms::ArmResults;
use crate::analysis::comparison::{BOOTSTRAP_SEED, Comparison, RESAMPLES, Side};
use crate::analysis::costs::reached_by_all;
use crate::analysis::questions::{Measure, Question};
use crate::engine::scoring::Epoch;
use crate::error::Result;

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked.
    pub contrast: Question,
    /// Better, worse, equivalent or undecided.
    pub answer: Decision,
    /// Mean over seeds of the difference that the measure names.
    pub difference: f64,
    /// The interval that decides better and worse; `None` with fewer than two seeds.
    pub interval: Option<Interval>,
    /// What the interval covers.
    pub population: Population,
    /// The 95 % interval over new seeds alone, with these test images; `None` with fewer than two seeds.
    pub over_seeds: Option<Interval>,
    /// A difference inside plus or minus this counts as none.
    pub margin: f64,
    /// The interval that decides equivalence; `None` with fewer than two seeds.
    pub equivalence_interval: Option<Interval>,
    /// Two-sided p-value of no difference; `None` with fewer than two seeds.
    pub p_value: Option<f64>,
    /// Pairs of runs.
    pub seeds: usize,
    /// For the cost measures, the test accuracy to reach, a fraction.
    pub target: Option<f64>,
    /// The arms whose accuracy is not shown to be above that of always naming the most frequent test class, where the answer
    /// would be equivalent otherwise.
    #[serde(default)]
    pub not_above_chance: Vec<String>,
}

/// What an interval covers beside new weights, orders and draws of augmentation, which follow from the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// New seeds, with these training and test images.
    Seeds,
    /// New seeds and new test images.
    SeedsAndTestImages,
    /// New seeds, each with another part of the training images, and new test images.
    SeedsTrainingAndTestImages,
    /// New seeds, each with another part of the training images, with these test images.
    SeedsAndTrainingImages,
}

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every deciding question is answered with better.
    #[serde(rename = "holds")]
    Holds,
    /// A deciding question is answered with worse or equivalent.
    #[serde(rename = "does not hold")]
    DoesNotHold,
    /// Anything else.
    #[serde(rename = "undecided")]
    Undecided,
}

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// As in "C1".
    pub id: String,
    /// Follows from the answers whose question names the claim and decides.
    pub verdict: Verdict,
}

/// What answers are derived with.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// A difference in accuracy, or in a gap of accuracies, inside plus or minus this counts as none.
    pub margin: f64,
    /// The rule for looking after every seed, where the number of seeds was not fixed.
    pub sequential: Option<&'a SequentialRule>,
    /// Whether every seed trained on another part of the training images.
    pub is_resampled: bool,
}

/// A difference in cost inside plus or minus this fraction counts as none.
const COST_MARGIN: f64 = 0.05;

/// The variance of the difference between two arms on a single image. In the recorded study on CIFAR-10 (5 seeds, 800 epochs), the
/// 10,000 test images contribute 0.24 points to the standard error: this is 10,000 times the square of 0.0024.
const IMAGE_VARIANCE: f64 = 0.0576;
/// Standard errors that two one-sided tests at 5 % need to prove a margin with 80 % power if there is no difference: the normal
/// quantiles at 0.95 and 0.90 together.
const PROVABLE: f64 = 1.644_854 + 1.281_552;

/// The smallest margin that `images` test images can be expected to prove with 80 % power, however many the seeds: about
/// 2.93 √(0.0576 / N), which is 0.70 percentage points for 10,000 images. It is known before the run.
///
/// ```
/// use mlprobe_experiments::results::default_margin;
///
/// assert!((default_margin(10_000) - 0.0070).abs() < 0.0001);
/// assert!((default_margin(2_500) / default_margin(10_000) - 2.0).abs() < 1e-12);
/// ```
pub fn default_margin(images: usize) -> f64 {
    PROVABLE * (IMAGE_VARIANCE / images.max(1) as f64).sqrt()
}

/// The answer to `question` after `epochs`; `None` if an arm is missing or has no runs. Where `sides` has the runs, test images
/// are resampled; from a record, they are where a comparison holds the interval.
pub(crate) fn answer(
    question: &Question,
    arms: &[ArmResults],
    comparisons: &[Comparison],
    sides: Option<(Side<'_>, Side<'_>)>,
    epochs: usize,
    rules: &Rules<'_>,
) -> Result<Option<Answer>> {
    let arm = |name: &str| arms.iter().find(|arm| arm.name == name).filter(|arm| !arm.runs.is_empty());
    let (Some(a), Some(b)) = (arm(&question.a), arm(&question.b)) else { return Ok(None) };
    let is_cost = question.measure.is_cost();
    let target = reached_by_all(a.runs.iter().chain(&b.runs)).unwrap_or(0) as f64 / 100.0;
    let differences = differences(question.measure, a, b, epochs, target);
    let seeds = differences.len();
    let crossed = match question.measure {
        _ if seeds < 2 => None,
        Measure::Accuracy => of_accuracy(question, comparisons, sides, seeds, epochs, rules)?,
        Measure::Gap | Measure::OwnGap => of_gap(question.measure, sides, epochs, rules)?,
        Measure::Epochs | Measure::Updates | Measure::Seconds => None,
    };
    decided(question, &differences, crossed, is_cost.then_some(target), rules).map(Some)
}

/// The answer from the difference of each seed and, where test images were resampled too, the contrast over both; `target` is
/// the test accuracy to reach, of a cost.
pub(crate) fn decided(
    question: &Question,
    differences: &[f64],
    crossed: Option<Contrast>,
    target: Option<f64>,
    rules: &Rules<'_>,
) -> Result<Answer> {
    let seeds = differences.len();
    let mean = differences.iter().sum::<f64>() / seeds as f64;
    let margin = if target.is_some() { COST_MARGIN } else { rules.margin };
    let population = |with_images| match (with_images, rules.is_resampled) {
        (false, false) => Population::Seeds,
        (false, true) => Population::SeedsAndTrainingImages,
        (true, false) => Population::SeedsAndTestImages,
        (true, true) => Population::SeedsTrainingAndTestImages,
    };
    let mut answer = Answer {
        contrast: question.clone(),
        answer: Decision::Undecided,
        difference: mean,
        interval: None,
        population: population(false),
        over_seeds: None,
        margin,
        equivalence_interval: None,
        p_value: None,
        seeds,
        target,
        not_above_chance: Vec::new(),
    };
    if seeds < 2 {
        return Ok(answer);
    }
    let over_seeds = over_seeds(differences);
    let contrast = crossed.unwrap_or(over_seeds);
    let decision = match rules.sequential {
        Some(rule) if seeds >= FEWEST_SEEDS => rule.decide(contrast, margin)?,
        _ => decide(contrast, margin)?,
    };
    answer.answer = decision.answer;
    answer.interval = Some(decision.interval);
    answer.population = population(crossed.is_some());
    answer.over_seeds = Some(over_seeds.interval(LEVEL)?);
    answer.equivalence_interval = Some(decision.equivalence_interval);
    answer.p_value = Some(decision.p_value);
    Ok(answer)
}

/// The differences that `measure` names, one per seed.
fn differences(measure: Measure, a: &ArmResults, b: &ArmResults, epochs: usize, target: f64) -> Vec<f64> {
    let minus = |value: fn(&Epoch) -> f64| -> Vec<f64> {
        a.at(epochs, value).iter().zip(b.at(epochs, value)).map(|(a, b)| a - b).collect()
    };
    let extra = |unit: fn(&Epoch) -> f64| -> Vec<f64> {
        let cost = |arm: &ArmResults| -> Vec<f64> {
            arm.runs.iter().filter_map(|run| run.first_reaching(target)).map(unit).collect()
        };
        cost(a).iter().zip(cost(b)).map(|(a, b)| a / b - 1.0).collect()
    };
    match measure {
        Measure::Accuracy => minus(|entry| entry.test_accuracy),
        Measure::Gap => minus(|entry| entry.original_accuracy - entry.test_accuracy),
        Measure::OwnGap => minus(|entry| entry.train_accuracy - entry.test_accuracy),
        Measure::Epochs => extra(|entry| entry.epoch as f64),
        Measure::Updates => extra(|entry| entry.updates as f64),
        Measure::Seconds => extra(|entry| entry.seconds),
    }
}

/// Student's t: d̄ with standard error s/√n and n - 1 degrees of freedom.
fn over_seeds(differences: &[f64]) -> Contrast {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|d| (d - mean) * (d - mean)).sum();
    let std_error = (squares / (n - 1.0) / n).sqrt();
    Contrast { difference: mean, std_error, degrees: n - 1.0, seeds: differences.len() }
}

/// The difference in accuracy over seeds and test images: from the comparison of the same two arms, or from the runs.
fn of_accuracy(
    question: &Question,
    comparisons: &[Comparison],
    sides: Option<(Side<'_>, Side<'_>)>,
    seeds: usize,
    epochs: usize,
    rules: &Rules<'_>,
) -> Result<Option<Contrast>> {
    if let (Some(_), Some((a, b))) = (rules.sequential, sides) {
        let (a, b) = (a.correct(epochs), b.correct(epochs));
        return Ok(Some(Components::of_difference(a.view(), b.view())?.contrast()));
    }
    let same = |c: &&Comparison| (&c.a, &c.b) == (&question.a, &question.b) && c.is_at(epochs);
    let stored = comparisons.iter().find(same).and_then(|comparison| comparison.bootstrap);
    Ok(stored.map(|bootstrap| bootstrap.contrast(seeds)).transpose()?)
}

/// The difference in the gap over seeds and test images: the training part varies with the seed alone.
fn of_gap(
    measure: Measure,
    sides: Option<(Side<'_>, Side<'_>)>,
    epochs: usize,
    rules: &Rules<'_>,
) -> Result<Option<Contrast>> {
    let Some((a, b)) = sides else { return Ok(None) };
    let trained = |side: Side<'_>| {
        side.arm.at(epochs, |entry| match measure {
            Measure::OwnGap => entry.train_accuracy,
            _ => entry.original_accuracy,
        })
    };
    let offsets: Vec<f64> = trained(a).iter().zip(trained(b)).map(|(a, b)| a - b).collect();
    let (a, b) = (a.correct(epochs), b.correct(epochs));
    // The gap of a minus that of b is offset - accuracy of a + accuracy of b.
    Ok(Some(match rules.sequential {
        Some(_) => Components::of_difference_with_offsets(&offsets, b.view(), a.view())?.contrast(),
        None => {
            let (seed, level) = (BOOTSTRAP_SEED, LEVEL);
            crossed_bootstrap_with_offsets(&offsets, b.view(), a.view(), RESAMPLES, seed, level)?
                .contrast(offsets.len())?
        }
    }))
}

/// The verdicts on the claims that the questions are part of, in their order. A question without an answer, as when an arm
/// diverged, leaves its claim undecided.
pub(crate) fn claims(questions: &[Question], answers: &[Answer]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for question in questions.iter().filter(|question| question.decides) {
        let Some(id) = &question.claim else { continue };
        let answer = answers.iter().find(|answer| answer.contrast == *question);
        let verdict = match answer.map(|answer| answer.answer) {
            Some(Decision::Better) => Verdict::Holds,
            Some(Decision::Worse | Decision::Equivalent) => Verdict::DoesNotHold,
            Some(Decision::Undecided) | None => Verdict::Undecided,
        };
        match claims.iter_mut().find(|claim| claim.id == *id) {
            Some(claim) => claim.verdict = claim.verdict.and(verdict),
            None => claims.push(Claim { id: id.clone(), verdict }),
        }
    }
    claims
}

impl Verdict {
    /// The verdict on a claim with two parts: both must hold.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::DoesNotHold, _) | (_, Self::DoesNotHold) => Self::DoesNotHold,
            (Self::Holds, Self::Holds) => Self::Holds,
            _ => Self::Undecided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MARGIN, answered, arm};

    fn question(measure: Measure) -> Question {
        Question { claim: None, decides: true, measure, a: "a".into(), b: "b".into() }
    }

    #[test]
    fn an_answer_holds_the_difference_that_its_measure_names() {
        // [original accuracy, test accuracy] after epochs 1 and 2, of 20 and 10 updates each.
        let a =
            arm("a", 20, &[[[0.6, 0.5], [0.9, 0.75]], [[0.6, 0.5], [0.8, 0.75]], [[0.6, 0.5], [0.7, 0.75]]]);
        let b =
            arm("b", 10, &[[[0.6, 0.7], [0.9, 0.65]], [[0.6, 0.7], [0.9, 0.65]], [[0.6, 0.7], [0.9, 0.65]]]);
        let arms = [a, b];
        let table = [
            (Measure::Accuracy, 0.1, None, MARGIN),
            (Measure::Gap, 0.05 - 0.25, None, MARGIN),
            (Measure::OwnGap, 0.05 - 0.25, None, MARGIN),
            // 70 % is reached after two epochs of 20 updates, and after one of 10.
            (Measure::Epochs, 1.0, Some(0.7), COST_MARGIN),
            (Measure::Updates, 3.0, Some(0.7), COST_MARGIN),
            (Measure::Seconds, 1.0, Some(0.7), COST_MARGIN),
        ];
        for (measure, difference, target, margin) in table {
            let answer = answered(&question(measure), &arms, 2).unwrap();
            assert!((answer.difference - difference).abs() < 1e-12, "{measure:?}: {}", answer.difference);
            assert_eq!((answer.target, answer.margin, answer.seeds), (target, margin, 3), "{measure:?}");
            assert_eq!(answer.interval, answer.over_seeds, "{measure:?}");
            let Interval { low, high, level } = answer.interval.unwrap();
            assert!(low <= answer.difference && answer.difference <= high && level == LEVEL, "{measure:?}");
        }
    }

    #[test]
    fn an_arm_that_is_missing_or_has_not_run_gives_no_answer() {
        let arms = [arm("a", 10, &[[[0.8, 0.7], [0.9, 0.8]]]), arm::<2>("b", 10, &[])];
        assert_eq!(answered(&question(Measure::Accuracy), &arms, 2), None);
        assert_eq!(answered(&question(Measure::Accuracy), &arms[..1], 2), None);
    }

    #[test]
    fn a_claim_of_two_parts_needs_both() {
        use Verdict::{DoesNotHold, Holds, Undecided};
        let table = [
            (Holds, Holds, Holds),
            (Holds, Undecided, Undecided),
            (Undecided, DoesNotHold, DoesNotHold),
            (Holds, DoesNotHold, DoesNotHold),
        ];
        for (one, other, both) in table {
            assert_eq!((one.and(other), other.and(one)), (both, both), "{one:?} and {other:?}");
        }
    }
}
