//! Questions put before a study runs, and their answers.

use mlprobe_stats::{Interval, paired_difference};
use serde::{Deserialize, Serialize};

use crate::analysis::arms::ArmResults;
use crate::analysis::comparison::LEVEL;
use crate::analysis::costs::reached_by_all;
use crate::engine::scoring::Epoch;

/// What two arms are compared in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Test accuracy after the last epoch: a minus b, a fraction.
    Accuracy,
    /// Accuracy on the original training images minus that on the test images, after the last epoch: a minus b, a
    /// fraction. The images are the same in every arm; on its own training set, an arm with harder images would look better
    /// than it is.
    Gap,
    /// The same with each arm's own training set.
    OwnGap,
    /// Epochs until the test accuracy is first reached that every run of both arms reaches: (a - b)/b, a fraction.
    Epochs,
    /// The same in updates of the weights.
    Updates,
    /// The same in seconds of training.
    Seconds,
}

/// Is arm `a` better, worse or equivalent to arm `b`? Better means more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The claim that the question is part of, as in "C1"; `None` for a comparison of its own.
    pub claim: Option<String>,
    /// Whether the claim's verdict depends on it; the others are told beside it.
    pub decides: bool,
    /// What is compared.
    pub measure: Measure,
    /// Name of the first arm.
    pub a: String,
    /// Name of the second arm.
    pub b: String,
}

impl Question {
    /// Is arm `a` more accurate than arm `b`?
    pub fn accuracy(a: &str, b: &str) -> Self {
        let (a, b) = (a.to_owned(), b.to_owned());
        Self { claim: None, decides: true, measure: Measure::Accuracy, a, b }
    }
}

/// What a question was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The interval lies above zero.
    Better,
    /// The interval lies below zero.
    Worse,
    /// The interval lies within the margin.
    Equivalent,
    /// Anything else, and always with fewer than three seeds.
    Undecided,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked.
    pub contrast: Question,
    /// The answer, from [`interval`](Self::interval) and [`margin`](Self::margin).
    pub answer: Decision,
    /// Mean over seeds of the difference that the measure names.
    pub difference: f64,
    /// Its 95 % interval; `None` with fewer than two seeds.
    pub interval: Option<Interval>,
    /// What the interval covers.
    pub population: Population,
    /// The 95 % interval over new seeds alone, with these test images; `None` with fewer than two seeds.
    pub over_seeds: Option<Interval>,
    /// A difference inside plus or minus this counts as none.
    pub margin: f64,
    /// Pairs of runs.
    pub seeds: usize,
    /// For the cost measures, the test accuracy to reach, a fraction.
    pub target: Option<f64>,
}

/// What an interval covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// New seeds, with these test images.
    Seeds,
    /// New seeds and new test images.
    SeedsAndTestImages,
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

/// A difference in accuracy inside plus or minus this, 0.1 percentage points, counts as none.
pub const ACCURACY_MARGIN: f64 = 0.001;
/// A difference in cost inside plus or minus this fraction counts as none.
pub const COST_MARGIN: f64 = 0.05;
/// Fewer seeds decide nothing: with two, the width of an interval comes from a single difference.
pub const FEWEST_SEEDS: usize = 3;

/// The answer to `question` after `epochs`; `None` if an arm is missing or has no runs.
pub(crate) fn answer(question: &Question, arms: &[ArmResults], epochs: usize) -> Option<Answer> {
    let arm = |name: &str| arms.iter().find(|arm| arm.name == name).filter(|arm| !arm.runs.is_empty());
    let (a, b) = (arm(&question.a)?, arm(&question.b)?);
    let values = |value: fn(&Epoch) -> f64| (a.at(epochs, value), b.at(epochs, value));
    let target = reached_by_all(a.runs.iter().chain(&b.runs)).unwrap_or(0) as f64 / 100.0;
    let ratios = |unit: fn(&Epoch) -> f64| {
        let cost = |arm: &ArmResults| -> Vec<f64> {
            arm.runs.iter().filter_map(|run| run.first_reaching(target)).map(unit).collect()
        };
        let ratio: Vec<f64> = cost(a).iter().zip(cost(b)).map(|(a, b)| a / b).collect();
        let ones = vec![1.0; ratio.len()];
        (ratio, ones)
    };
    let (of_a, of_b) = match question.measure {
        Measure::Accuracy => values(|entry| entry.test_accuracy),
        Measure::Gap => values(|entry| entry.original_accuracy - entry.test_accuracy),
        Measure::OwnGap => values(|entry| entry.train_accuracy - entry.test_accuracy),
        Measure::Epochs => ratios(|entry| entry.epoch as f64),
        Measure::Updates => ratios(|entry| entry.updates as f64),
        Measure::Seconds => ratios(|entry| entry.seconds),
    };
    let is_cost = matches!(question.measure, Measure::Epochs | Measure::Updates | Measure::Seconds);
    let margin = if is_cost { COST_MARGIN } else { ACCURACY_MARGIN };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let over_seeds = paired_difference(&of_a, &of_b, LEVEL).ok().map(|paired| paired.interval);
    Some(Answer {
        contrast: question.clone(),
        answer: Decision::of(over_seeds.filter(|_| of_a.len() >= FEWEST_SEEDS), margin),
        difference: mean(&of_a) - mean(&of_b),
        interval: over_seeds,
        population: Population::Seeds,
        over_seeds,
        margin,
        seeds: of_a.len(),
        target: is_cost.then_some(target),
    })
}

impl Decision {
    fn of(interval: Option<Interval>, margin: f64) -> Self {
        match interval {
            Some(Interval { low, .. }) if low > 0.0 => Self::Better,
            Some(Interval { high, .. }) if high < 0.0 => Self::Worse,
            Some(Interval { low, high, .. }) if -margin <= low && high <= margin => Self::Equivalent,
            _ => Self::Undecided,
        }
    }
}

/// The verdicts on the claims that the answers are part of, in the order of the answers.
pub(crate) fn claims(answers: &[Answer]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for answer in answers.iter().filter(|answer| answer.contrast.decides) {
        let Some(id) = &answer.contrast.claim else { continue };
        let verdict = match answer.answer {
            Decision::Better => Verdict::Holds,
            Decision::Worse | Decision::Equivalent => Verdict::DoesNotHold,
            Decision::Undecided => Verdict::Undecided,
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
    use crate::testing::arm;

    fn question(measure: Measure) -> Question {
        Question { claim: None, decides: true, measure, a: "a".into(), b: "b".into() }
    }

    #[test]
    fn a_decision_follows_from_interval_and_margin() {
        let of = |low, high| Decision::of(Some(Interval { level: 0.95, low, high }), 0.001);
        let table = [
            (of(0.002, 0.010), Decision::Better),
            (of(1e-9, 0.0005), Decision::Better),
            (of(-0.010, -0.002), Decision::Worse),
            (of(-0.0005, -1e-9), Decision::Worse),
            (of(-0.0005, 0.0005), Decision::Equivalent),
            (of(-0.001, 0.001), Decision::Equivalent),
            (of(-0.002, 0.010), Decision::Undecided),
            (of(0.0, 0.010), Decision::Undecided),
            (Decision::of(None, 0.001), Decision::Undecided),
        ];
        for (i, (found, expected)) in table.into_iter().enumerate() {
            assert_eq!(found, expected, "row {i}");
        }
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
            (Measure::Accuracy, 0.1, None, ACCURACY_MARGIN),
            (Measure::Gap, 0.05 - 0.25, None, ACCURACY_MARGIN),
            (Measure::OwnGap, 0.05 - 0.25, None, ACCURACY_MARGIN),
            // 70 % is reached after two epochs of 20 updates, and after one of 10.
            (Measure::Epochs, 1.0, Some(0.7), COST_MARGIN),
            (Measure::Updates, 3.0, Some(0.7), COST_MARGIN),
            (Measure::Seconds, 1.0, Some(0.7), COST_MARGIN),
        ];
        for (measure, difference, target, margin) in table {
            let answer = answer(&question(measure), &arms, 2).unwrap();
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
        assert_eq!(answer(&question(Measure::Accuracy), &arms, 2), None);
        assert_eq!(answer(&question(Measure::Accuracy), &arms[..1], 2), None);
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
