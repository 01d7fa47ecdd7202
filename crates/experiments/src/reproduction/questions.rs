//! The original report's three claims, put as questions before the run.
//!
//! | claim | question that decides it | told beside it |
//! |---|---|---|
//! | C1, the augmented model is more accurate | accuracy of `augmented` against `unaugmented` | against `duplicated`: the images themselves |
//! | C2, it overfits less | gap of `unaugmented` against `augmented` | gap of `duplicated`; gaps on each arm's own training set |
//! | C3, it needs more epochs and more compute | epochs, and updates, to the same accuracy | seconds |
//!
//! Every question is put so that "better" means that the claim is true.

use super::arms::{AUGMENTED, DUPLICATED, UNAUGMENTED};
use crate::analysis::questions::{Measure, Question};

/// The questions of the three claims.
pub fn questions() -> Vec<Question> {
    let question = |claim: &str, decides, measure, a: &str, b: &str| Question {
        claim: Some(claim.to_owned()),
        decides,
        measure,
        a: a.to_owned(),
        b: b.to_owned(),
    };
    vec![
        question("C1", true, Measure::Accuracy, AUGMENTED, UNAUGMENTED),
        question("C1", false, Measure::Accuracy, AUGMENTED, DUPLICATED),
        question("C2", true, Measure::Gap, UNAUGMENTED, AUGMENTED),
        question("C2", false, Measure::Gap, DUPLICATED, AUGMENTED),
        question("C2", false, Measure::OwnGap, UNAUGMENTED, AUGMENTED),
        question("C3", true, Measure::Epochs, AUGMENTED, UNAUGMENTED),
        question("C3", true, Measure::Updates, AUGMENTED, UNAUGMENTED),
        question("C3", false, Measure::Seconds, AUGMENTED, UNAUGMENTED),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::answers::{Answer, Verdict, claims};
    use crate::testing::{answered, arm};
    use mlprobe_stats::Answer as Decision;

    /// The answers where each run is [original accuracy, test accuracy] after epochs 1 and 2.
    fn answers(augmented: &[[[f64; 2]; 2]], unaugmented: &[[[f64; 2]; 2]]) -> Vec<Answer> {
        let arms = [
            arm(UNAUGMENTED, 10, unaugmented),
            arm(AUGMENTED, 20, augmented),
            arm(DUPLICATED, 20, unaugmented),
        ];
        questions().iter().filter_map(|question| answered(question, &arms, 2)).collect()
    }

    fn verdicts(answers: &[Answer]) -> Vec<Verdict> {
        let claims = claims(&questions(), answers);
        assert_eq!(claims.iter().map(|claim| claim.id.as_str()).collect::<Vec<_>>(), ["C1", "C2", "C3"]);
        claims.iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn a_clear_gain_in_accuracy_and_gap_at_a_higher_cost_upholds_all_three() {
        // All reach 71 %: unaugmented after one epoch of 10 updates, augmented after two of 20.
        let answers = answers(
            &[[[0.6, 0.6], [0.80, 0.795]], [[0.6, 0.6], [0.81, 0.795]], [[0.6, 0.6], [0.81, 0.795]]],
            &[[[0.9, 0.71], [0.95, 0.715]], [[0.9, 0.71], [0.96, 0.715]], [[0.9, 0.71], [0.97, 0.715]]],
        );
        assert_eq!(verdicts(&answers), [Verdict::Holds; 3]);
        assert!((answers[0].difference - 0.08).abs() < 1e-12, "{}", answers[0].difference);
        assert_eq!(answers[5].target, Some(0.71));
    }

    #[test]
    fn the_opposite_refutes_all_three() {
        let answers = answers(
            &[[[0.9, 0.75], [0.95, 0.70]], [[0.9, 0.75], [0.95, 0.70]], [[0.9, 0.75], [0.95, 0.70]]],
            &[[[0.6, 0.6], [0.80, 0.79]], [[0.6, 0.6], [0.81, 0.80]], [[0.6, 0.6], [0.81, 0.80]]],
        );
        // The augmented runs reach 75 % first: in half the epochs, though in as many updates.
        assert_eq!(verdicts(&answers), [Verdict::DoesNotHold; 3]);
    }

    #[test]
    fn seeds_that_disagree_leave_a_claim_undecided() {
        let answers = answers(
            &[[[0.8, 0.7], [0.9, 0.80]], [[0.8, 0.7], [0.9, 0.70]], [[0.8, 0.7], [0.9, 0.76]]],
            &[[[0.8, 0.7], [0.9, 0.75]], [[0.8, 0.7], [0.9, 0.74]], [[0.8, 0.7], [0.9, 0.75]]],
        );
        assert_eq!(verdicts(&answers)[0], Verdict::Undecided);
    }

    #[test]
    fn fewer_than_three_seeds_decide_nothing() {
        for seeds in [1, 2] {
            let (augmented, unaugmented) = ([[0.8, 0.7], [0.9, 0.8]], [[0.8, 0.6], [0.9, 0.7]]);
            let answers = answers(&vec![augmented; seeds], &vec![unaugmented; seeds]);
            assert_eq!(verdicts(&answers), [Verdict::Undecided; 3], "{seeds} seeds");
            for answer in &answers {
                assert_eq!(answer.answer, Decision::Undecided, "{seeds} seeds");
                assert_eq!(answer.interval.is_some(), seeds > 1, "{seeds} seeds");
            }
        }
    }

    #[test]
    fn a_difference_inside_the_margin_counts_as_none() {
        let answers = answers(
            &[[[0.8, 0.7], [0.9, 0.8004]], [[0.8, 0.7], [0.9, 0.8]], [[0.8, 0.7], [0.9, 0.8002]]],
            &[[[0.8, 0.7], [0.9, 0.8]], [[0.8, 0.7], [0.9, 0.8002]], [[0.8, 0.7], [0.9, 0.8]]],
        );
        assert_eq!(answers[0].answer, Decision::Equivalent);
        assert_eq!(verdicts(&answers)[0], Verdict::DoesNotHold);
    }

    #[test]
    fn what_is_told_beside_a_claim_does_not_decide_it() {
        let answers = answers(
            &[[[0.6, 0.6], [0.80, 0.795]], [[0.6, 0.6], [0.81, 0.795]], [[0.6, 0.6], [0.81, 0.795]]],
            &[[[0.9, 0.71], [0.95, 0.715]], [[0.9, 0.71], [0.96, 0.715]], [[0.9, 0.71], [0.97, 0.715]]],
        );
        let mut changed = answers.clone();
        changed.iter_mut().filter(|a| !a.contrast.decides).for_each(|a| a.answer = Decision::Worse);
        assert_eq!(claims(&questions(), &changed), claims(&questions(), &answers));
        for (index, claim) in [(0, 0), (2, 1), (5, 2), (6, 2)] {
            let mut changed = answers.clone();
            changed[index].answer = Decision::Worse;
            assert_eq!(claims(&questions(), &changed)[claim].verdict, Verdict::DoesNotHold, "question {index}");
        }
    }

    #[test]
    fn other_studies_have_no_claims() {
        let alone = [arm("a", 10, &[[[0.8, 0.7], [0.9, 0.8]]])];
        assert!(questions().iter().all(|question| answered(question, &alone, 2).is_none()));
        assert!(claims(&[Question::accuracy("a", "b")], &[]).is_empty());
    }
}
