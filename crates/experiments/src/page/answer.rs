//! The answer in a sentence, by rule from what the intervals say.

use crate::claims::{ACCURACY_MARGIN, Claim, Evidence, FEWEST_SEEDS, Verdict};
use crate::comparison::{At, Comparison};
use crate::page::format::{count, interval, points};
use crate::results::Results;
use crate::stats::Interval;

/// The original report's arms and their test accuracies in per cent, one run each.
pub(super) const ORIGINAL: [(&str, f64); 2] = [("unaugmented", 77.5), ("augmented", 79.6)];

/// More comparisons than this are left to their table.
const SENTENCES: usize = 3;

/// What the page opens with: whether augmentation helps, or how the arms compare.
pub(super) fn answer(results: &Results) -> String {
    if results.seeds_done == 0 {
        return "No seed has finished yet.".to_owned();
    }
    if let Some(claim) = results.claims.first() {
        return of_claim(claim, results.protocol.epochs);
    }
    let full: Vec<_> = results.comparisons.iter().filter(|comparison| comparison.at == At::Full).collect();
    match full.len() {
        0 => "One arm alone: there is nothing to compare it with.".to_owned(),
        1..=SENTENCES => full.into_iter().map(of_comparison).collect::<Vec<_>>().join(" "),
        more => format!("{} The other {} are below.", of_comparison(full[0]), count(more - 1, "comparison")),
    }
}

/// C1 as stated, and what is left of it against the control.
fn of_claim(claim: &Claim, epochs: usize) -> String {
    let Some(stated) = claim.evidence.first() else { return claim.text.clone() };
    let size = sized(stated.mean, stated.interval);
    let below = stated.interval.is_some_and(|interval| interval.high < 0.0);
    let answer = match claim.verdict {
        Verdict::Holds => {
            format!("Augmentation helps: after {epochs} epochs test accuracy is higher with it, by {size}")
        }
        Verdict::DoesNotHold if below => {
            format!("Augmentation hurts: after {epochs} epochs test accuracy is lower with it, by {size}")
        }
        Verdict::DoesNotHold => {
            format!("Augmentation makes no difference: after {epochs} epochs test accuracy changes by {size}")
        }
        Verdict::Undecided => {
            format!(
                "Undecided: after {epochs} epochs these seeds put the difference that augmentation makes at {size}"
            )
        }
    };
    match claim.evidence.get(1) {
        Some(control) => format!("{answer}; {}.", of_images(control)),
        None => format!("{answer}."),
    }
}

/// What the augmented images do, all else equal.
fn of_images(control: &Evidence) -> String {
    let size = sized(control.mean, control.interval);
    let effect = match judged(control.interval, control.seeds) {
        Verdict::Holds => "the augmented images themselves raise it",
        Verdict::DoesNotHold if control.interval.is_some_and(|interval| interval.high < 0.0) => {
            "the augmented images themselves lower it"
        }
        Verdict::DoesNotHold => "the augmented images themselves change nothing",
        Verdict::Undecided => "whether the augmented images themselves matter is open",
    };
    format!("with as many updates at the same learning rate, {effect}: {size}")
}

fn of_comparison(comparison: &Comparison) -> String {
    let Comparison { a, b, mean, paired, .. } = comparison;
    let size = sized(*mean, paired.map(|paired| paired.interval));
    let epochs = comparison.a_epoch;
    match judged(paired.map(|paired| paired.interval), comparison.differences.len()) {
        Verdict::Holds => format!("{a} is more accurate than {b} after {epochs} epochs, by {size}."),
        Verdict::DoesNotHold if *mean < -ACCURACY_MARGIN => {
            format!("{a} is less accurate than {b} after {epochs} epochs, by {size}.")
        }
        Verdict::DoesNotHold => {
            format!("{a} and {b} are equally accurate after {epochs} epochs, within {size}.")
        }
        Verdict::Undecided => {
            format!("Undecided: after {epochs} epochs these seeds put {a} against {b} at {size}.")
        }
    }
}

/// The claims' rule, for a difference in accuracy over so many seeds.
fn judged(interval: Option<Interval>, seeds: usize) -> Verdict {
    Verdict::of(interval.filter(|_| seeds >= FEWEST_SEEDS), ACCURACY_MARGIN)
}

/// A difference with its interval.
fn sized(mean: f64, of_mean: Option<Interval>) -> String {
    let mean = points(mean);
    match of_mean {
        Some(of_mean) => format!("{mean} percentage points {}", interval(&of_mean)),
        None => format!("{mean} percentage points (one seed gives no interval)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(mean: f64, half_width: f64) -> Evidence {
        let interval = Interval { level: 0.95, low: mean - half_width, high: mean + half_width };
        Evidence { name: "a - b".into(), unit: "accuracy".into(), seeds: 5, mean, interval: Some(interval) }
    }

    fn said(stated: Evidence, control: Evidence) -> String {
        let verdict = judged(stated.interval, stated.seeds);
        let claim = Claim {
            id: "C1".into(),
            claim: String::new(),
            verdict,
            text: String::new(),
            evidence: vec![stated, control],
        };
        of_claim(&claim, 800)
    }

    #[test]
    fn the_sentence_follows_from_the_verdicts() {
        let table = [
            (
                0.02,
                0.01,
                "Augmentation helps: after 800 epochs",
                "by +2.00 percentage points [+1.00, +3.00];",
            ),
            (-0.02, 0.01, "Augmentation hurts:", "[\u{2212}3.00, \u{2212}1.00];"),
            (0.0002, 0.0004, "Augmentation makes no difference:", "+0.02"),
            (0.01, 0.02, "Undecided:", "[\u{2212}1.00, +3.00];"),
        ];
        for (mean, half_width, start, part) in table {
            let said = said(evidence(mean, half_width), evidence(0.0, 0.0005));
            assert!(said.starts_with(start) && said.contains(part), "{said}");
            assert!(
                said.ends_with("themselves change nothing: +0.00 percentage points [\u{2212}0.05, +0.05]."),
                "{said}"
            );
        }
    }

    #[test]
    fn the_control_is_judged_by_its_own_interval() {
        let table = [(0.02, "themselves raise it"), (-0.02, "themselves lower it"), (0.005, "is open")];
        for (mean, part) in table {
            let said = said(evidence(0.02, 0.01), evidence(mean, 0.01));
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn two_seeds_are_too_few() {
        let few = Evidence { seeds: 2, ..evidence(0.02, 0.001) };
        let said = said(few.clone(), few);
        assert!(said.starts_with("Undecided") && said.contains("is open"), "{said}");
    }

    #[test]
    fn one_seed_is_undecided() {
        let alone = Evidence { interval: None, ..evidence(0.02, 0.0) };
        let said = said(alone.clone(), alone);
        assert!(said.starts_with("Undecided") && said.contains("one seed gives no interval"), "{said}");
    }
}
