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
