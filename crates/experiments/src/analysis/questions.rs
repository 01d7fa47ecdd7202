//! Questions that are put before a study runs.

use serde::{Deserialize, Serialize};

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

impl Measure {
    /// Whether it is a cost, in units of arm b's.
    pub(crate) fn is_cost(self) -> bool {
        matches!(self, Self::Epochs | Self::Updates | Self::Seconds)
    }
}
