//! How every arm of a comparison is trained, and at which epochs it is scored.

use mlprobe_nn::Precision;
use mlprobe_stats::{FEWEST_SEEDS, MOST_SEEDS};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The part of a comparison that all arms share. Only the training set and the learning rate differ by arm.
///
/// The default is the study's: seeds 0 to 4, 800 epochs reported after 400 and 800, batches of 500, one hidden layer of 64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Declared before anything is run. Initial weights, order and augmentation draw follow from the
    /// seed, so arms are compared seed by seed.
    pub seeds: Vec<u64>,
    /// Passes over the training set, at least 1.
    pub epochs: usize,
    /// The epochs after which arms are compared and predictions kept: ascending, the last one being `epochs`.
    pub report_at: Vec<usize>,
    /// Rows an update averages over, at least 1; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Widths of the hidden layers; empty gives logistic regression.
    pub hidden: Vec<usize>,
    /// A difference in accuracy inside plus or minus this fraction counts as none; `None` for what the test set can prove.
    #[serde(default)]
    pub margin: Option<f64>,
    /// Whether seeds are added until the questions are answered; `seeds` are then the most.
    #[serde(default)]
    pub until_decided: bool,
    /// The precision of the products in training, scoring and the search for nearest neighbours. That of the network that makes the
    /// features is in its settings; the command line sets both to the same.
    #[serde(default)]
    pub precision: Precision,
    /// The part of the training rows that is trained on; `None` for all.
    #[serde(default)]
    pub subset: Option<Subset>,
}

/// A part of the training rows, of each class alike: the first rows of a shuffle, so that a smaller part lies in a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subset {
    /// Which part, above 0 and at most 1.
    pub fraction: f64,
    /// Whether every seed has another part, the same for all arms, so that intervals cover new training images too; else all
    /// seeds share one.
    pub per_seed: bool,
}

impl Default for Protocol {
    fn default() -> Self {
        Self::new((0..5).collect(), 800)
    }
}

impl Protocol {
    /// These seeds and epochs, reported after half and all of the epochs, with batches of 500 and one hidden layer of 64.
    pub fn new(seeds: Vec<u64>, epochs: usize) -> Self {
        Self {
            seeds,
            epochs,
            report_at: Self::half_and_all(epochs),
            batch_size: 500,
            hidden: vec![64],
            margin: None,
            until_decided: false,
            precision: Precision::F32,
            subset: None,
        }
    }

    /// Half of the epochs, rounded up, and all of them: 400 and 800 for the study's 800.
    pub fn half_and_all(epochs: usize) -> Vec<usize> {
        let mut report_at = vec![epochs.div_ceil(2), epochs];
        report_at.dedup();
        report_at
    }

    /// The epochs after which a model is scored: each of the first ten, then every tenth, and those of
    /// [`report_at`](Self::report_at). They ascend without repeats.
    ///
    /// ```
    /// use mlprobe_experiments::settings::Protocol;
    ///
    /// let protocol = Protocol::new(vec![0], 25);
    /// assert_eq!(protocol.scored_at(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 20, 25]);
    /// ```
    pub fn scored_at(&self) -> Vec<usize> {
        (1..=self.epochs).filter(|e| *e <= 10 || e % 10 == 0 || self.report_at.contains(e)).collect()
    }

    /// Checks every field once, before anything is run.
    ///
    /// # Errors
    /// [`Error::Argument`] naming what cannot be run.
    pub fn check(&self) -> Result<()> {
        let problem = |expected: &str, actual: String, next| {
            Err(Error::Argument { operation: "planning the runs", expected: expected.into(), actual, next })
        };
        let mut distinct = self.seeds.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if self.seeds.is_empty() || distinct.len() != self.seeds.len() {
            return problem(
                "one or more seeds, all different",
                format!("{:?}", self.seeds),
                "give each seed once",
            );
        }
        if self.epochs == 0 || self.batch_size == 0 {
            let actual = format!("{} epochs of batches of {}", self.epochs, self.batch_size);
            return problem("at least 1 epoch and 1 row per batch", actual, "raise them");
        }
        if let Some(margin) = self.margin.filter(|margin| !(*margin > 0.0 && *margin < 1.0)) {
            return problem(
                "a margin above 0 and below 1, as a fraction",
                margin.to_string(),
                "state the largest difference that does not matter, or leave the margin out",
            );
        }
        if let Some(subset) = self.subset.filter(|subset| !(subset.fraction > 0.0 && subset.fraction <= 1.0))
        {
            let actual = subset.fraction.to_string();
            return problem(
                "a part of the training rows above 0 and at most 1",
                actual,
                "give a fraction such as 0.8",
            );
        }
        if self.until_decided && !(FEWEST_SEEDS..=MOST_SEEDS).contains(&self.seeds.len()) {
            let expected = format!(
                "a maximum of {FEWEST_SEEDS} to {MOST_SEEDS} seeds, if seeds are added until decided"
            );
            return problem(&expected, self.seeds.len().to_string(), "set another maximum");
        }
        let ascends = self.report_at.windows(2).all(|pair| pair[0] < pair[1]);
        let starts = self.report_at.first().is_some_and(|&first| first > 0);
        if !ascends || !starts || self.report_at.last() != Some(&self.epochs) {
            let expected =
                format!("epochs to report at that ascend from 1 or more to {}, the last one", self.epochs);
            return problem(
                &expected,
                format!("{:?}", self.report_at),
                "list them in order, the last epoch included",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scored_epochs_ascend_and_hold_those_to_report_at_for_any_number_of_epochs() {
        for epochs in 1..=900 {
            let protocol = Protocol::new(vec![0], epochs);
            let scored = protocol.scored_at();
            assert!(protocol.check().is_ok(), "{epochs}");
            assert!(scored.windows(2).all(|pair| pair[0] < pair[1]), "{epochs}: {scored:?}");
            assert!(scored.contains(&epochs.div_ceil(2)), "{epochs}: {scored:?}");
            assert_eq!(scored.last(), Some(&epochs));
            assert_eq!(scored.first(), Some(&1));
        }
    }

    #[test]
    fn the_studys_scored_epochs_hold_400_and_800() {
        let scored = Protocol::default().scored_at();
        assert!(scored.contains(&400) && scored.contains(&800));
        assert_eq!(scored.len(), 10 + 79);
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let good = Protocol::default();
        assert!(good.check().is_ok());
        let bad = [
            Protocol { seeds: vec![], ..good.clone() },
            Protocol { seeds: vec![3, 3], ..good.clone() },
            Protocol { epochs: 0, ..good.clone() },
            Protocol { batch_size: 0, ..good.clone() },
            Protocol { report_at: vec![], ..good.clone() },
            Protocol { report_at: vec![400], ..good.clone() },
            Protocol { report_at: vec![0, 800], ..good.clone() },
            Protocol { report_at: vec![400, 400, 800], ..good.clone() },
        ];
        for protocol in bad {
            let message = protocol.check().unwrap_err().to_string();
            assert!(message.starts_with("planning the runs: expected"), "{message}");
        }
    }
}
