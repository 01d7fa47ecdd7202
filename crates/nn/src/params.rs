//! How [`Mlp::fit`](crate::Mlp::fit) trains.

use crate::hyperparameters::{Hyperparameters, check};
use crate::{Precision, Result, Schedule};

/// The shape of a network and how it is trained, for [`Mlp::fit`](crate::Mlp::fit), which checks the values.
///
/// | | default | |
/// |---|---|---|
/// | [`epochs`](Self::epochs) | 100 | passes over the training set |
/// | [`batch_size`](Self::batch_size) | 100 | rows per update |
/// | [`learning_rate`](Self::learning_rate) | 0.01 | |
/// | [`schedule`](Self::schedule) | a cosine over all epochs | |
/// | [`momentum`](Self::momentum) | 0.9 | |
/// | [`weight_decay`](Self::weight_decay) | 0.001 | |
/// | [`dropout`](Self::dropout) | 0 | |
/// | [`precision`](Self::precision) | `f32` | of the products |
/// | [`seed`](Self::seed) | 0 | |
/// | [`classes`](Self::classes) | the largest label plus one | |
///
/// The defaults suit features as they come from a network with rectifiers, unscaled: of the 500 rows of SqueezeNet features
/// in `tests/golden`, a network with 64 hidden units classifies 64.5 % right when they are held out (five-fold
/// cross-validation, mean of two seeds), and 61 to 65 % at learning rates from 0.003 to 0.01, batches of 32 to 100,
/// 30 to 100 epochs and weight decays up to 0.01. A learning rate of 0.1 is too high for such features.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    pub(crate) hidden: Vec<usize>,
    pub(crate) epochs: usize,
    pub(crate) seed: u64,
    pub(crate) classes: Option<usize>,
    schedule: Option<Schedule>,
    hyperparameters: Hyperparameters,
}

impl Params {
    /// The defaults, for hidden layers of these widths: `[64]` is one layer of 64 units, `[]` is multinomial logistic
    /// regression.
    pub fn new(hidden: impl Into<Vec<usize>>) -> Self {
        let hyperparameters = Hyperparameters {
            learning_rate: 0.01,
            batch_size: 100,
            schedule: Schedule::Constant,
            momentum: 0.9,
            weight_decay: 0.001,
            dropout: 0.0,
            precision: Precision::F32,
        };
        Self { hidden: hidden.into(), epochs: 100, seed: 0, classes: None, schedule: None, hyperparameters }
    }

    /// The number of passes over the training set, at least 1.
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// The number of rows per update, at least 1.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.hyperparameters.batch_size = batch_size;
        self
    }

    /// The learning rate η, finite and above 0.
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.hyperparameters.learning_rate = learning_rate;
        self
    }

    /// The course of the learning rate over the epochs.
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule: Some(schedule), ..self }
    }

    /// Momentum μ, at least 0 and below 1; see [`Hyperparameters::with_momentum`].
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.hyperparameters.momentum = momentum;
        self
    }

    /// Weight decay λ, finite and at least 0; see [`Hyperparameters::with_weight_decay`].
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.hyperparameters.weight_decay = weight_decay;
        self
    }

    /// The probability with which dropout silences a hidden unit, at least 0 and below 1; see
    /// [`Hyperparameters::with_dropout`].
    pub fn dropout(mut self, dropout: f64) -> Self {
        self.hyperparameters.dropout = dropout;
        self
    }

    /// The precision of the products; see [`Hyperparameters::with_precision`].
    pub fn precision(mut self, precision: Precision) -> Self {
        self.hyperparameters.precision = precision;
        self
    }

    /// The seed of the initial weights, the order of rows and dropout.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The number of classes K, 1 to 65,536, for training labels that may lack the last ones.
    pub fn classes(self, classes: usize) -> Self {
        Self { classes: Some(classes), ..self }
    }

    /// All values, checked.
    pub(crate) fn hyperparameters(&self) -> Result<Hyperparameters> {
        check("epochs", self.epochs > 0, "at least 1", self.epochs)?;
        let schedule = self.schedule.unwrap_or(Schedule::Cosine { epochs: self.epochs });
        Hyperparameters { schedule, ..self.hyperparameters }.checked()
    }
}
