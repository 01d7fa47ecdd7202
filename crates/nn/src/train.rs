//! Training: mini-batch gradient descent, one epoch at a time.

use crate::batch::{Batch, Dropout};
use crate::descent::descend;
use crate::hyperparameters::check_precision;
use crate::random::{generator, shuffle};
use crate::{Error, Examples, Hyperparameters, Linear, Mlp, Precision, Real, Result};

/// Keeps the count of updates within 64 bits.
const MAX_EPOCHS: usize = 1_000_000_000;

/// What one epoch did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochSummary {
    /// Its number, counted from 1.
    pub epoch: usize,
    /// Updates of the weights since the first epoch.
    pub updates: u64,
    /// Mean over all examples, weighted if they are, of the loss each had in its batch, before that batch's update; in nats.
    pub mean_loss: f64,
}

/// Everything that training needs to continue as if it had never stopped, apart from the examples and
/// hyperparameters.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingState<F> {
    /// The network.
    pub model: Mlp<F>,
    /// The seed of the run.
    pub seed: u64,
    /// Epochs done so far.
    pub epochs_done: usize,
    /// The velocity of momentum, in the shape of the network's layers; empty without momentum and before
    /// training.
    pub velocity: Vec<Linear<F>>,
}

/// Trains one network on one set of examples. Called on a thread of a rayon pool, it uses the pool's threads, elsewhere
/// the calling one.
///
/// Each epoch visits every example once, in an order that depends only on the seed and the number of the
/// epoch: two sets of equal size share their order. The same arguments give the same bits, for any number of threads.
///
/// ```
/// # fn main() -> mlprobe_nn::Result<()> {
/// use mlprobe_nn::{Examples, Hyperparameters, Mlp, Trainer};
/// use ndarray::array;
///
/// let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let examples = Examples::new(vec![(x.view(), &[0, 1, 1, 1])], 2)?; // "or"
/// let model = Mlp::<f64>::new(&[2, 8, 2], 1)?;
/// let mut trainer = Trainer::new(model, examples, Hyperparameters::new(0.5, 2)?, 1)?;
/// for _ in 0..200 {
///     trainer.epoch()?;
/// }
/// assert_eq!(trainer.model().predict(x.view())?, [0, 1, 1, 1]);
/// # Ok(())
/// # }
/// ```
pub struct Trainer<'a, F> {
    model: Mlp<F>,
    examples: Examples<'a, F>,
    hyperparameters: Hyperparameters,
    seed: u64,
    epochs_done: usize,
    velocity: Vec<Linear<F>>,
    /// The rows of an epoch (N) in the order of their visit.
    order: Vec<usize>,
    batch: Batch<F>,
    /// dW and db of every layer.
    gradients: Vec<Linear<F>>,
}

impl<'a, F: Real> Trainer<'a, F> {
    /// A trainer before its first epoch.
    ///
    /// # Errors
    /// [`Error::Shape`] if the network does not take D features or does not give K classes;
    /// [`Error::Hyperparameter`] for a precision other than `f32` with a network of `f64`.
    pub fn new(
        model: Mlp<F>,
        examples: Examples<'a, F>,
        hyperparameters: Hyperparameters,
        seed: u64,
    ) -> Result<Self> {
        let state = TrainingState { model, seed, epochs_done: 0, velocity: Vec::new() };
        Self::resume(state, examples, hyperparameters)
    }

    /// A trainer that continues from a [`Trainer::state`]. Given the same examples and hyperparameters, its results are bit
    /// for bit those of a trainer that never stopped.
    ///
    /// # Errors
    /// As [`Trainer::new`]; also [`Error::Shape`] for a velocity that does not have the shape of the network, and
    /// [`Error::Hyperparameter`] for more than a thousand million epochs done.
    pub fn resume(
        state: TrainingState<F>,
        examples: Examples<'a, F>,
        hyperparameters: Hyperparameters,
    ) -> Result<Self> {
        let TrainingState { model, seed, epochs_done, mut velocity } = state;
        model.check_takes("train", &examples)?;
        check_precision::<F>(hyperparameters.precision)?;
        if epochs_done > MAX_EPOCHS {
            let (name, actual) = ("epochs_done", epochs_done.to_string());
            return Err(Error::Hyperparameter { name, expected: "at most a thousand million", actual });
        }
        if hyperparameters.momentum == 0.0 {
            velocity.clear();
        } else if velocity.is_empty() {
            velocity = model.zeros_like();
        }
        let shapes = |layers: &[Linear<F>]| layers.iter().map(Linear::shape).collect::<Vec<_>>();
        let (expected, actual) = (shapes(model.layers()), shapes(&velocity));
        if hyperparameters.momentum > 0.0 && actual != expected {
            let (expected, actual) = (format!("{expected:?}"), format!("{actual:?}"));
            return Err(Error::Shape { operation: "resume with a velocity", expected, actual });
        }
        let velocity = velocity.into_iter().map(Linear::into_column_major).collect();
        if hyperparameters.precision != Precision::Bf16 {
            examples.on_huge_pages();
        }
        let order = (0..examples.len()).collect();
        let (batch, gradients) = (Batch::new(hyperparameters.precision), model.zeros_like());
        Ok(Self { model, examples, hyperparameters, seed, epochs_done, velocity, order, batch, gradients })
    }

    /// One pass over all examples in batches, an update for each.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss of a batch is infinite or NaN. The network is then as it was before
    /// that batch.
    pub fn epoch(&mut self) -> Result<EpochSummary> {
        let updates = self.updates();
        let Self { model, examples, hyperparameters, order, batch, gradients, .. } = self;
        let epoch = self.epochs_done + 1;
        let learning_rate = hyperparameters.learning_rate_of(epoch);
        order.iter_mut().enumerate().for_each(|(i, row)| *row = i);
        shuffle(&mut generator(self.seed, "mlprobe/nn/order", self.epochs_done as u64), order);

        let (mut total_loss, mut total_weight) = (0.0, 0.0);
        let mut batches = order.chunks(hyperparameters.batch_size).enumerate().peekable();
        while let Some((i, rows)) = batches.next() {
            let next = batches.peek().map_or(&[][..], |(_, rows)| rows);
            let dropout = Dropout { p: hyperparameters.dropout, seed: self.seed, update: updates + i as u64 };
            let loss = batch.gradients(model.layers(), examples, [rows, next], &dropout, gradients);
            if !loss.is_finite() {
                let (batch, loss) = (i + 1, loss / rows.len() as f64);
                return Err(Error::Diverged { epoch, batch, learning_rate, loss });
            }
            let weight = examples.weight_of(rows);
            total_loss += loss * (weight / rows.len() as f64);
            total_weight += weight;
            descend(model.layers_mut(), gradients, &mut self.velocity, learning_rate, hyperparameters);
        }
        self.epochs_done = epoch;
        let mean_loss = total_loss / total_weight;
        Ok(EpochSummary { epoch, updates: self.updates(), mean_loss })
    }

    /// The network as it is now.
    pub fn model(&self) -> &Mlp<F> {
        &self.model
    }

    /// The network, trained.
    pub fn into_model(self) -> Mlp<F> {
        self.model
    }

    /// Epochs done so far.
    pub fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// Updates of the weights so far: ⌈N / batch size⌉ per epoch.
    fn updates(&self) -> u64 {
        self.examples.len().div_ceil(self.hyperparameters.batch_size) as u64 * self.epochs_done as u64
    }

    /// What [`Trainer::resume`] needs to continue from here.
    pub fn state(&self) -> TrainingState<F> {
        TrainingState {
            model: self.model.clone(),
            seed: self.seed,
            epochs_done: self.epochs_done,
            velocity: self.velocity.clone(),
        }
    }
}
