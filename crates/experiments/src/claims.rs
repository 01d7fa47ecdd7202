//! The original report's three claims, answered by a stated rule.
//!
//! Every claim is put as a difference that is above zero if the claim is true, taken seed by seed. With the
//! 95 % interval of its mean (paired, Student's t):
//!
//! - **holds**: the whole interval is above zero;
//! - **does not hold**: the whole interval is below zero, or inside the margin that counts as no difference;
//! - **undecided**: anything else, and always with fewer than three seeds, whose interval is a matter of luck.
//!
//! C1 is answered as the report puts it, so with everything that differs between its two recipes; the text adds
//! what is left of it against the control that makes as many updates at the same rate.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::comparison::LEVEL;
use crate::costs::reached_by_all;
use crate::reproduction::{AUGMENTED, DUPLICATED, UNAUGMENTED};
use crate::results::{ArmResults, Epoch, Results};
use crate::stats::{Interval, paired_difference};

/// A difference in accuracy inside plus or minus this, 0.1 percentage points, counts as none: 10 of 10,000
/// test images.
pub const ACCURACY_MARGIN: f64 = 0.001;

/// A difference in cost inside plus or minus this fraction of the unaugmented recipe's counts as none.
pub const COST_MARGIN: f64 = 0.05;

/// Fewer seeds decide nothing: with two, the width of an interval comes from a single difference.
pub const FEWEST_SEEDS: usize = 3;

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The interval is above zero.
    #[serde(rename = "holds")]
    Holds,
    /// The interval is below zero, or inside the margin.
    #[serde(rename = "does not hold")]
    DoesNotHold,
    /// The seeds do not tell.
    #[serde(rename = "undecided")]
    Undecided,
}

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// C1, C2 or C3.
    pub id: String,
    /// What is claimed.
    pub claim: String,
    /// The answer, by the rule above.
    pub verdict: Verdict,
    /// The answer in words, with its numbers.
    pub text: String,
    /// The numbers. The verdict follows from the first; of C3 from the first two.
    pub evidence: Vec<Evidence>,
}

/// A difference between two recipes, the mean of its paired values over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What is compared, with the sign that makes it positive if the claim is true.
    pub name: String,
    /// "accuracy" (a fraction) or "ratio" (the cost in units of the unaugmented recipe's).
    pub unit: String,
    /// Pairs of runs.
    pub seeds: usize,
    /// Mean difference.
    pub mean: f64,
    /// Its 95 % interval over new seeds; `None` with fewer than two seeds.
    pub interval: Option<Interval>,
}

impl Verdict {
    /// The rule, for an interval and the margin inside which a difference counts as none.
    ///
    /// ```
    /// use mlprobe_experiments::{claims::Verdict, stats::Interval};
    ///
    /// let verdict = |low, high| Verdict::of(Some(Interval { level: 0.95, low, high }), 0.001);
    /// assert_eq!(verdict(0.002, 0.010), Verdict::Holds);
    /// assert_eq!(verdict(-0.010, -0.002), Verdict::DoesNotHold);
    /// assert_eq!(verdict(-0.0005, 0.0005), Verdict::DoesNotHold);
    /// assert_eq!(verdict(-0.002, 0.010), Verdict::Undecided);
    /// assert_eq!(Verdict::of(None, 0.001), Verdict::Undecided);
    /// ```
    pub fn of(interval: Option<Interval>, margin: f64) -> Self {
        match interval {
            Some(Interval { low, .. }) if low > 0.0 => Self::Holds,
            Some(Interval { high, .. }) if high < 0.0 => Self::DoesNotHold,
            Some(Interval { low, high, .. }) if -margin <= low && high <= margin => Self::DoesNotHold,
            _ => Self::Undecided,
        }
    }

    /// Of a claim with two parts: both must hold.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::DoesNotHold, _) | (_, Self::DoesNotHold) => Self::DoesNotHold,
            (Self::Holds, Self::Holds) => Self::Holds,
            _ => Self::Undecided,
        }
    }

    /// As in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::Undecided => "undecided",
        }
    }
}

/// C1 to C3 from the runs so far; nothing if the study's arms are not among them, or nothing has run.
pub fn answer(results: &Results) -> Vec<Claim> {
    let arm = |name| results.arm(name).filter(|arm| !arm.runs.is_empty());
    match (arm(AUGMENTED), arm(UNAUGMENTED), arm(DUPLICATED)) {
        (Some(augmented), Some(unaugmented), Some(duplicated)) => {
            let arms = Arms { augmented, unaugmented, duplicated, epochs: results.protocol.epochs };
            vec![arms.accuracy(), arms.overfitting(), arms.cost()]
        }
        _ => Vec::new(),
    }
}

struct Arms<'a> {
    augmented: &'a ArmResults,
    unaugmented: &'a ArmResults,
    duplicated: &'a ArmResults,
    epochs: usize,
}

impl Arms<'_> {
    /// C1: test accuracy after the last epoch.
    fn accuracy(&self) -> Claim {
        let test = |arm: &ArmResults| arm.at(self.epochs, |entry| entry.test_accuracy);
        let (augmented, unaugmented) = (test(self.augmented), test(self.unaugmented));
        let stated = Evidence::new("augmented - unaugmented", "accuracy", &augmented, &unaugmented);
        let control = Evidence::new("augmented - duplicated", "accuracy", &augmented, &test(self.duplicated));
        let text = format!(
            "After {} epochs the augmented models reach {} on the test set, the unaugmented ones {}: {stated}. \
             Against duplicated images, with as many updates at the same rate: {control}.",
            self.epochs,
            percent(mean(&augmented)),
            percent(mean(&unaugmented)),
        );
        let verdict = stated.verdict(ACCURACY_MARGIN);
        claim(
            "C1",
            "the augmented model is more accurate on the test set",
            verdict,
            text,
            vec![stated, control],
        )
    }

    /// C2: how much better a model is on images it was trained on than on test images. The images are the
    /// originals in every arm; on its own training set an arm with harder images would look better than it is.
    fn overfitting(&self) -> Claim {
        let gap = |entry: &Epoch| entry.original_accuracy - entry.test_accuracy;
        let own = |entry: &Epoch| entry.train_accuracy - entry.test_accuracy;
        let at = |arm: &ArmResults, value: fn(&Epoch) -> f64| arm.at(self.epochs, value);
        let (augmented, unaugmented) = (at(self.augmented, gap), at(self.unaugmented, gap));
        let stated = Evidence::new("gap of unaugmented - augmented", "accuracy", &unaugmented, &augmented);
        let control =
            Evidence::new("gap of duplicated - augmented", "accuracy", &at(self.duplicated, gap), &augmented);
        let own_sets = Evidence::new(
            "gap of unaugmented - augmented, own training sets",
            "accuracy",
            &at(self.unaugmented, own),
            &at(self.augmented, own),
        );
        let text = format!(
            "After {} epochs the accuracy on the original training images is above that on the test images by \
             {} unaugmented and by {} augmented; the gap shrinks by {stated}. Against duplicated images, with \
             as many updates at the same rate, by {control}. On each arm's own training set, where transformed \
             images are harder to fit, by {own_sets}.",
            self.epochs,
            points(mean(&unaugmented)),
            points(mean(&augmented)),
        );
        let verdict = stated.verdict(ACCURACY_MARGIN);
        claim("C2", "the augmented model overfits less", verdict, text, vec![stated, control, own_sets])
    }

    /// C3: what it takes to reach the same test accuracy, the highest whole per cent that every run of both
    /// arms has reached.
    fn cost(&self) -> Claim {
        let both = [self.augmented, self.unaugmented];
        let percent_reached = reached_by_all(both.iter().flat_map(|arm| &arm.runs)).unwrap_or(0);
        let target = percent_reached as f64 / 100.0;
        let cost = |arm: &ArmResults, unit: fn(&Epoch) -> f64| -> Vec<f64> {
            arm.runs.iter().filter_map(|run| run.first_reaching(target)).map(unit).collect()
        };
        let relative = |name: &str, unit: fn(&Epoch) -> f64| {
            let (augmented, unaugmented) = (cost(self.augmented, unit), cost(self.unaugmented, unit));
            let ratio: Vec<f64> = augmented.iter().zip(&unaugmented).map(|(a, b)| a / b).collect();
            Evidence::new(name, "ratio", &ratio, &vec![1.0; ratio.len()])
        };
        let epochs = relative("extra epochs", |entry| entry.epoch as f64);
        let updates = relative("extra updates", |entry| entry.updates as f64);
        let seconds = relative("extra seconds", |entry| entry.seconds);
        let seconds_each = |arm: &ArmResults| mean(&arm.at(self.epochs, |entry| entry.seconds));
        let text = format!(
            "To reach {} on the test set for the first time takes {:.0} epochs augmented and {:.0} unaugmented. Seed \
             by seed the extra cost is {epochs} in epochs, {updates} in updates and {seconds} in seconds. The same {} epochs are {:.1} times the \
             updates by construction, and took {:.1} s against {:.1} s a run.",
            percent(target),
            mean(&cost(self.augmented, |entry| entry.epoch as f64)),
            mean(&cost(self.unaugmented, |entry| entry.epoch as f64)),
            self.epochs,
            mean(&self.augmented.at(self.epochs, |entry| entry.updates as f64))
                / mean(&self.unaugmented.at(self.epochs, |entry| entry.updates as f64)),
            seconds_each(self.augmented),
            seconds_each(self.unaugmented),
        );
        let verdict = epochs.verdict(COST_MARGIN).and(updates.verdict(COST_MARGIN));
        let evidence = vec![epochs, updates, seconds];
        claim("C3", "the augmented model needs more epochs and more compute", verdict, text, evidence)
    }
}

impl Evidence {
    /// The mean of a - b, seed by seed.
    fn new(name: &str, unit: &str, a: &[f64], b: &[f64]) -> Self {
        let paired = paired_difference(a, b, LEVEL).ok();
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            seeds: a.len(),
            mean: mean(a) - mean(b),
            interval: paired.map(|paired| paired.interval),
        }
    }

    fn verdict(&self, margin: f64) -> Verdict {
        Verdict::of(self.interval.filter(|_| self.seeds >= FEWEST_SEEDS), margin)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.unit == "accuracy" { "points" } else { "%" };
        write!(f, "{:+.2} {unit}", 100.0 * self.mean)?;
        match self.interval {
            Some(Interval { low, high, .. }) => {
                write!(f, " (95 % interval {:+.2} to {:+.2})", 100.0 * low, 100.0 * high)
            }
            None => write!(f, " (one seed gives no interval)"),
        }
    }
}

fn claim(id: &str, claim: &str, verdict: Verdict, mut text: String, evidence: Vec<Evidence>) -> Claim {
    if evidence.iter().any(|evidence| evidence.seeds < FEWEST_SEEDS) {
        text += &format!(" Fewer than {FEWEST_SEEDS} seeds decide nothing.");
    }
    Claim { id: id.to_owned(), claim: claim.to_owned(), verdict, text, evidence }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn percent(fraction: f64) -> String {
    format!("{:.2} %", 100.0 * fraction)
}

fn points(fraction: f64) -> String {
    format!("{:.2} points", 100.0 * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arm, results};

    /// C1 to C3 where each run is [original accuracy, test accuracy] after epochs 1 and 2.
    fn answers(augmented: &[[[f64; 2]; 2]], unaugmented: &[[[f64; 2]; 2]]) -> Vec<Claim> {
        answer(&results(vec![
            arm(UNAUGMENTED, 10, unaugmented),
            arm(AUGMENTED, 20, augmented),
            arm(DUPLICATED, 20, unaugmented),
        ]))
    }

    fn verdicts(claims: &[Claim]) -> Vec<Verdict> {
        claims.iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn a_clear_gain_in_accuracy_and_gap_at_a_higher_cost_upholds_all_three() {
        // All reach 71 %: unaugmented after one epoch of 10 updates, augmented after two of 20.
        let claims = answers(
            &[[[0.6, 0.6], [0.80, 0.795]], [[0.6, 0.6], [0.81, 0.795]], [[0.6, 0.6], [0.81, 0.795]]],
            &[[[0.9, 0.71], [0.95, 0.715]], [[0.9, 0.71], [0.96, 0.715]], [[0.9, 0.71], [0.97, 0.715]]],
        );
        assert_eq!(verdicts(&claims), [Verdict::Holds; 3]);
        assert!(claims[0].text.contains("reach 79.50 % on the test set, the unaugmented ones 71.50 %"));
        assert!(claims[0].text.contains("+8.00 points (95 % interval +8.00 to +8.00)"), "{}", claims[0].text);
        assert!(claims[2].text.contains("To reach 71.00 %"), "{}", claims[2].text);
    }

    #[test]
    fn the_opposite_refutes_all_three() {
        let claims = answers(
            &[[[0.9, 0.75], [0.95, 0.70]], [[0.9, 0.75], [0.95, 0.70]], [[0.9, 0.75], [0.95, 0.70]]],
            &[[[0.6, 0.6], [0.80, 0.79]], [[0.6, 0.6], [0.81, 0.80]], [[0.6, 0.6], [0.81, 0.80]]],
        );
        // The augmented runs reach 75 % first: in half the epochs, though in as many updates.
        assert_eq!(verdicts(&claims), [Verdict::DoesNotHold; 3]);
    }

    #[test]
    fn seeds_that_disagree_leave_a_claim_undecided() {
        let claims = answers(
            &[[[0.8, 0.7], [0.9, 0.80]], [[0.8, 0.7], [0.9, 0.70]], [[0.8, 0.7], [0.9, 0.76]]],
            &[[[0.8, 0.7], [0.9, 0.75]], [[0.8, 0.7], [0.9, 0.74]], [[0.8, 0.7], [0.9, 0.75]]],
        );
        assert_eq!(claims[0].verdict, Verdict::Undecided);
    }

    #[test]
    fn two_seeds_that_agree_decide_nothing_and_the_text_says_why() {
        let claims = answers(&[[[0.8, 0.7], [0.9, 0.8]]; 2], &[[[0.8, 0.6], [0.9, 0.7]]; 2]);
        assert_eq!(verdicts(&claims), [Verdict::Undecided; 3]);
        assert!(claims[0].text.ends_with("Fewer than 3 seeds decide nothing."), "{}", claims[0].text);
    }

    #[test]
    fn one_seed_decides_nothing_and_the_text_says_why() {
        let claims = answers(&[[[0.8, 0.7], [0.9, 0.8]]], &[[[0.8, 0.6], [0.9, 0.7]]]);
        assert_eq!(verdicts(&claims), [Verdict::Undecided; 3]);
        for claim in claims {
            assert!(claim.text.contains("one seed gives no interval"), "{}", claim.text);
        }
    }

    #[test]
    fn a_difference_inside_the_margin_counts_as_none() {
        let claims = answers(
            &[[[0.8, 0.7], [0.9, 0.8004]], [[0.8, 0.7], [0.9, 0.8]], [[0.8, 0.7], [0.9, 0.8002]]],
            &[[[0.8, 0.7], [0.9, 0.8]], [[0.8, 0.7], [0.9, 0.8002]], [[0.8, 0.7], [0.9, 0.8]]],
        );
        assert_eq!(claims[0].verdict, Verdict::DoesNotHold);
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

    #[test]
    fn other_studies_have_no_claims() {
        assert!(answer(&results(vec![arm("a", 10, &[[[0.8, 0.7], [0.9, 0.8]]])])).is_empty());
        assert!(answer(&results(Vec::new())).is_empty());
    }
}
