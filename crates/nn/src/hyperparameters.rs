//! How to train: validated once, here.

use crate::{Error, Precision, Real, Result};
use std::f64::consts::PI;

/// Learning rate, batch size, and what may be added to plain mini-batch gradient descent; checked when it is made.
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
/// assert_ne!(plain, tuned);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    pub(crate) learning_rate: f64,
    pub(crate) batch_size: usize,
    pub(crate) schedule: Schedule,
    pub(crate) momentum: f64,
    pub(crate) weight_decay: f64,
    pub(crate) dropout: f64,
    pub(crate) precision: Precision,
}

/// How the learning rate changes over the epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// The learning rate is η in every epoch.
    #[default]
    Constant,
    /// The learning rate falls along half a cosine from η to 0: epoch e, counted from 1, of E has η/2·(1 + cos(π(e-1)/E)); 0 after the
    /// last (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts).
    Cosine {
        /// E, at least 1.
        epochs: usize,
    },
}

impl Hyperparameters {
    /// Plain gradient descent: `learning_rate` η above 0 and finite; `batch_size` at least 1; a constant
    /// learning rate, no momentum, no weight decay, no dropout, no rounding to bf16.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn new(learning_rate: f64, batch_size: usize) -> Result<Self> {
        let (schedule, precision) = (Schedule::default(), Precision::default());
        Self {
            learning_rate,
            batch_size,
            schedule,
            momentum: 0.0,
            weight_decay: 0.0,
            dropout: 0.0,
            precision,
        }
        .checked()
    }

    /// The course of the learning rate; the default is [`Schedule::Constant`].
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a cosine over no epoch.
    pub fn with_schedule(self, schedule: Schedule) -> Result<Self> {
        Self { schedule, ..self }.checked()
    }

    /// Momentum μ, at least 0 and below 1; the default is 0. Steps become up to 1/(1-μ) times as long.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn with_momentum(self, momentum: f64) -> Result<Self> {
        Self { momentum, ..self }.checked()
    }

    /// Weight decay λ, finite and at least 0; the default is 0. It adds the gradient of λ/2·ΣW² for all weights,
    /// not for biases. Reported losses do not contain it.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn with_weight_decay(self, weight_decay: f64) -> Result<Self> {
        Self { weight_decay, ..self }.checked()
    }

    /// The probability p with which a hidden unit is silenced during training, at least 0 and below 1; the default is
    /// 0. Reported training losses are those with units silenced.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn with_dropout(self, dropout: f64) -> Result<Self> {
        Self { dropout, ..self }.checked()
    }

    /// The learning rate η, before any schedule.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Rows that an update averages over.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The precision of the products in training; the default is [`Precision::F32`], the only one for networks of `f64`.
    ///
    /// In bf16, features, activations, weights and dL/dZ are rounded for the products of the forward pass and of the
    /// gradients of the weights; the weights themselves, all sums, and everything else stay `f32`. Features are rounded once
    /// per set of [`Examples`](crate::Examples), clones included, and kept beside it: 2 bytes for each.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The learning rate of an epoch, counted from 1.
    pub(crate) fn learning_rate_of(&self, epoch: usize) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine { epochs } => {
                let done = epoch.saturating_sub(1).min(epochs) as f64 / epochs as f64;
                // cos(π·1) is -1 exactly, so that the end is 0 exactly
                self.learning_rate / 2.0 * (1.0 + libm::cos(PI * done))
            }
        }
    }

    /// Returns these values if every one is in its range.
    pub(crate) fn checked(self) -> Result<Self> {
        let Self { learning_rate, batch_size, schedule, momentum, weight_decay, dropout, .. } = self;
        let is_positive = learning_rate > 0.0 && learning_rate.is_finite();
        check("learning_rate", is_positive, "a finite number above 0", learning_rate)?;
        check("batch_size", batch_size > 0, "at least 1", batch_size)?;
        check("schedule", schedule != Schedule::Cosine { epochs: 0 }, "at least 1 epoch", 0)?;
        check("momentum", (0.0..1.0).contains(&momentum), "at least 0 and below 1", momentum)?;
        let is_decay = weight_decay >= 0.0 && weight_decay.is_finite();
        check("weight_decay", is_decay, "a finite number of at least 0", weight_decay)?;
        check("dropout", (0.0..1.0).contains(&dropout), "at least 0 and below 1", dropout)?;
        Ok(self)
    }
}

/// An error for a precision that numbers of type F do not have.
pub(crate) fn check_precision<F: Real>(precision: Precision) -> Result<()> {
    let fits = precision == Precision::F32 || F::DTYPE == safetensors::Dtype::F32;
    check("precision", fits, "f32, as for every network of f64", precision)
}

/// An error for the hyperparameter `name`, unless it is in its range.
pub(crate) fn check(
    name: &'static str,
    is_in_range: bool,
    expected: &'static str,
    actual: impl ToString,
) -> Result<()> {
    match is_in_range {
        true => Ok(()),
        false => Err(Error::Hyperparameter { name, expected, actual: actual.to_string() }),
    }
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
