//! How every arm of a comparison is trained, and at which epochs it is scored.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The part of a comparison that all arms share. Only the training set and the learning rate differ by arm.
///
/// The default is the study's: seeds 0 to 4, 800 epochs, batches of 500, one hidden layer of 64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Declared before anything is run. Initial weights, order and augmentation draw follow from the
    /// seed, so arms are compared seed by seed.
    pub seeds: Vec<u64>,
    /// Passes over the training set, at least 1.
    pub epochs: usize,
    /// Rows an update averages over, at least 1; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Widths of the hidden layers; empty gives logistic regression.
    pub hidden: Vec<usize>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self { seeds: (0..5).collect(), epochs: 800, batch_size: 500, hidden: vec![64] }
    }
}

impl Protocol {
    /// Half of the epochs, rounded up: 400 of the study's 800.
    pub fn half(&self) -> usize {
        self.epochs.div_ceil(2)
    }

    /// The epochs after which a model is scored: each of the first ten, then every tenth, [`half`](Self::half)
    /// and the last one. Ascending, without repeats.
    ///
    /// ```
    /// use mlprobe_experiments::Protocol;
    ///
    /// let protocol = Protocol { epochs: 25, ..Protocol::default() };
    /// assert_eq!(protocol.schedule(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 20, 25]);
    /// ```
    pub fn schedule(&self) -> Vec<usize> {
        (1..=self.epochs)
            .filter(|&e| e <= 10 || e % 10 == 0 || e == self.half() || e == self.epochs)
            .collect()
    }

    /// Checks every field once, before anything is run.
    pub(crate) fn check(&self) -> Result<()> {
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
            return problem("at least 1 epoch and 1 row a batch", actual, "raise them");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_ascending_and_holds_half_and_last_for_any_number_of_epochs() {
        for epochs in 1..=900 {
            let protocol = Protocol { epochs, ..Protocol::default() };
            let schedule = protocol.schedule();
            assert!(schedule.windows(2).all(|pair| pair[0] < pair[1]), "{epochs}: {schedule:?}");
            assert!(schedule.contains(&protocol.half()), "{epochs}: {schedule:?}");
            assert_eq!(schedule.last(), Some(&epochs));
            assert_eq!(schedule.first(), Some(&1));
        }
    }

    #[test]
    fn the_studys_schedule_holds_400_and_800() {
        let schedule = Protocol::default().schedule();
        assert!(schedule.contains(&400) && schedule.contains(&800));
        assert_eq!(schedule.len(), 10 + 79);
    }

    #[test]
    fn seeds_must_differ_and_nothing_may_be_zero() {
        let good = Protocol::default();
        assert!(good.check().is_ok());
        let bad = [
            Protocol { seeds: vec![], ..good.clone() },
            Protocol { seeds: vec![3, 3], ..good.clone() },
            Protocol { epochs: 0, ..good.clone() },
            Protocol { batch_size: 0, ..good.clone() },
        ];
        for protocol in bad {
            let message = protocol.check().unwrap_err().to_string();
            assert!(message.starts_with("planning the runs: expected"), "{message}");
        }
    }
}
