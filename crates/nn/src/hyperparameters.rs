//! How to train: validated once, here.

use crate::{Error, Result};
use std::f64::consts::PI;

/// Learning rate, batch size, and what may be added to plain mini-batch gradient descent.
///
/// ```
/// # fn main() -> mlprobe_nn::Result<()> {
/// use mlprobe_nn::{Hyperparameters, Schedule};
///
/// let plain = Hyperparameters::new(0.01, 500)?;
/// let tuned = Hyperparameters::new(0.1, 250)?
///     .with_schedule(Schedule::Cosine { epochs: 30 })?
///     .with_momentum(0.9)?
///     .with_weight_decay(1e-4)?
///     .with_dropout(0.2)?;
/// assert_eq!(plain.learning_rate_of(30), 0.01);
/// assert!(tuned.learning_rate_of(30) < 0.001);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    learning_rate: f64,
    batch_size: usize,
    schedule: Schedule,
    momentum: f64,
    weight_decay: f64,
    dropout: f64,
}

/// How the learning rate goes over the epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// η in every epoch.
    #[default]
    Constant,
    /// Half a cosine from η down to 0: epoch e, counted from 1, of E has η/2·(1 + cos(π(e-1)/E)); 0 after the
    /// last (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts).
    Cosine {
        /// E, at least 1.
        epochs: usize,
    },
}

impl Hyperparameters {
    /// Plain gradient descent: `learning_rate` η above 0 and finite; `batch_size` at least 1; a constant
    /// learning rate, no momentum, no weight decay, no dropout.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn new(learning_rate: f64, batch_size: usize) -> Result<Self> {
        let positive = learning_rate > 0.0 && learning_rate.is_finite();
        check("learning_rate", positive, "a finite number above 0", learning_rate)?;
        check("batch_size", batch_size > 0, "at least 1", batch_size)?;
        let schedule = Schedule::default();
        Ok(Self { learning_rate, batch_size, schedule, momentum: 0.0, weight_decay: 0.0, dropout: 0.0 })
    }

    /// The course of the learning rate; the default is [`Schedule::Constant`].
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a cosine over no epoch.
    pub fn with_schedule(self, schedule: Schedule) -> Result<Self> {
        check("schedule", schedule != Schedule::Cosine { epochs: 0 }, "at least 1 epoch", 0)?;
        Ok(Self { schedule, ..self })
    }

    /// Momentum μ, 0 up to but not 1; the default is 0. Steps become as much as 1/(1-μ) times as long.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn with_momentum(self, momentum: f64) -> Result<Self> {
        check("momentum", (0.0..1.0).contains(&momentum), "0 up to but not 1", momentum)?;
        Ok(Self { momentum, ..self })
    }

    /// Weight decay λ, 0 or above and finite; the default is 0. Adds the gradient of λ/2·ΣW² for all weights,
    /// not biases. Reported losses do not contain it.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn with_weight_decay(self, weight_decay: f64) -> Result<Self> {
        let in_range = weight_decay >= 0.0 && weight_decay.is_finite();
        check("weight_decay", in_range, "0 or a finite number above", weight_decay)?;
        Ok(Self { weight_decay, ..self })
    }

    /// Probability p with which a hidden unit is silenced during training, 0 up to but not 1; the default is
    /// 0. Reported training losses are those with units silenced.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn with_dropout(self, dropout: f64) -> Result<Self> {
        check("dropout", (0.0..1.0).contains(&dropout), "0 up to but not 1", dropout)?;
        Ok(Self { dropout, ..self })
    }

    /// The learning rate η, before any schedule.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// The learning rate of an epoch, counted from 1.
    pub fn learning_rate_of(&self, epoch: usize) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine { epochs } => {
                let done = epoch.saturating_sub(1).min(epochs) as f64 / epochs as f64;
                // cos(π·1) is -1 exactly, so that the end is 0 exactly
                self.learning_rate / 2.0 * (1.0 + libm::cos(PI * done))
            }
        }
    }

    /// The number of examples in a batch; the last of an epoch may be smaller.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The course of the learning rate.
    pub fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// Momentum μ.
    pub fn momentum(&self) -> f64 {
        self.momentum
    }

    /// Weight decay λ.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// The probability p with which a hidden unit is silenced.
    pub fn dropout(&self) -> f64 {
        self.dropout
    }
}

fn check(name: &'static str, in_range: bool, expected: &'static str, actual: impl ToString) -> Result<()> {
    if in_range { Ok(()) } else { Err(Error::Hyperparameter { name, expected, actual: actual.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        let plain = || Hyperparameters::new(0.1, 500).unwrap();
        let table = [
            (Hyperparameters::new(0.0, 500), "learning_rate"),
            (Hyperparameters::new(-0.1, 500), "learning_rate"),
            (Hyperparameters::new(f64::NAN, 500), "learning_rate"),
            (Hyperparameters::new(f64::INFINITY, 500), "learning_rate"),
            (Hyperparameters::new(0.1, 0), "batch_size"),
            (plain().with_schedule(Schedule::Cosine { epochs: 0 }), "schedule"),
            (plain().with_momentum(1.0), "momentum"),
            (plain().with_momentum(-0.1), "momentum"),
            (plain().with_weight_decay(-0.1), "weight_decay"),
            (plain().with_weight_decay(f64::INFINITY), "weight_decay"),
            (plain().with_dropout(1.0), "dropout"),
            (plain().with_dropout(f64::NAN), "dropout"),
        ];
        for (result, name) in table {
            let error = result.unwrap_err();
            assert!(
                matches!(error, Error::Hyperparameter { name: actual, .. } if actual == name),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn the_cosine_starts_at_the_learning_rate_passes_half_and_ends_at_zero() {
        let recipe =
            Hyperparameters::new(0.5, 1).unwrap().with_schedule(Schedule::Cosine { epochs: 4 }).unwrap();
        assert_eq!(recipe.learning_rate_of(1), 0.5);
        assert!((recipe.learning_rate_of(3) - 0.25).abs() < 1e-16);
        assert!((recipe.learning_rate_of(4) - 0.25 * (1.0 - 0.5f64.sqrt())).abs() < 1e-16);
        assert_eq!(recipe.learning_rate_of(5), 0.0);
        assert_eq!(recipe.learning_rate_of(500), 0.0);
    }
}
