//! One run: an arm trained with a seed, and scored while it trains.

use mlprobe_kernels::Isa;
use mlprobe_nn::{EpochSummary, Evaluation, Examples, Hyperparameters, Linear, Mlp, Precision, evaluate_in};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::engine::notes::{Note, dead_network, missing_classes};
use crate::engine::rows::EpochRows;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::engine::training::{Trained, Training, layers};
use crate::error::{Error, Result};
use crate::settings::Protocol;

/// The scores of one arm trained with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Initial weights, order and augmentation draw follow from it.
    pub seed: u64,
    /// On the arm's own training set, after the last epoch.
    pub train_accuracy: f64,
    /// After the last epoch.
    pub test_accuracy: f64,
    /// Wall-clock time of training on one thread, without scoring.
    pub seconds: f64,
    /// The scores at the protocol's scored epochs, ascending.
    pub history: Vec<Epoch>,
}

/// The scores of a model after an epoch: passes over the whole sets with the weights held fixed. Accuracies are fractions,
/// losses mean cross-entropies in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Passes over the training set so far.
    pub epoch: usize,
    /// Steps of the gradient descent so far.
    pub updates: u64,
    /// Seconds of training so far, without scoring.
    pub seconds: f64,
    /// On the arm's own training set, as it was in this epoch.
    pub train_loss: f64,
    /// On the arm's own training set, as it was in this epoch.
    pub train_accuracy: f64,
    /// On the first block of the training set, in the reproduction the original images: the same in every arm.
    pub original_loss: f64,
    /// On the first block of the training set, in the reproduction the original images: the same in every arm.
    pub original_accuracy: f64,
    /// On the test set.
    pub test_loss: f64,
    /// On the test set.
    pub test_accuracy: f64,
}

/// A finished run with what later statistics need.
pub struct TrainedRun {
    /// Its scores.
    pub record: Run,
    /// The model after the last epoch.
    pub model: Mlp<f32>,
    /// What the models said of the test set after each of the protocol's epochs to report at.
    pub tested: Vec<Tested>,
    /// Accuracy after the last epoch on each of the further test sets, in their order.
    pub further: Vec<f64>,
    /// Rows of the training set, copies included.
    pub train_rows: usize,
    /// What there is to know beside the scores.
    pub notes: Vec<Note>,
}

/// What a model says of the N test images after an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// Passes over the training set.
    pub epoch: usize,
    /// Softmax outputs (N, K).
    pub probabilities: Array2<f32>,
    /// The likeliest class of each image (N).
    pub predicted: Vec<u16>,
}

/// What all runs of a study are scored on.
#[derive(Clone, Copy)]
pub(crate) struct Scoring<'a> {
    pub test: &'a LabelledFeatures,
    /// Scored once, after the last epoch.
    pub further: &'a [(String, LabelledFeatures)],
    /// K names.
    pub classes: &'a [String],
    pub protocol: &'a Protocol,
    /// The epochs after which the run is scored, ascending.
    pub scored_at: &'a [usize],
}

/// What is collected while a run trains.
#[derive(Default, Serialize, Deserialize)]
struct Scores {
    history: Vec<Epoch>,
    /// The networks at the epochs to report at, without the last one.
    reported: Vec<Layers>,
}

#[derive(Serialize, Deserialize)]
struct Layers(#[serde(with = "layers")] Vec<Linear<f32>>);

impl Scoring<'_> {
    /// What every score on this test set by this protocol follows from, beside the training rows, the recipe and the seed. It is
    /// part of the key of every checkpoint, so that a field that is added to the protocol is part of it too. The list of seeds, the
    /// margin and the rule for adding seeds say which runs there are and how they are judged; no single run depends on them.
    pub(crate) fn key(&self) -> Result<Vec<String>> {
        let protocol =
            Protocol { seeds: Vec::new(), margin: None, until_decided: false, ..self.protocol.clone() };
        let protocol = serde_json::to_string(&protocol)
            .map_err(|error| Error::Rendering { what: "a checkpoint", message: error.to_string() })?;
        Ok(vec![
            self.test.digest().to_owned(),
            protocol,
            format!("{:?} {}", self.scored_at, self.classes.len()),
            Isa::current().name_in(self.protocol.precision).to_owned(),
        ])
    }

    /// Trains `arm` with `seed` on `rows` to the last epoch, from a checkpoint if there is one. `None` if the observer
    /// asked to stop before.
    pub(crate) fn run(
        &self,
        stage: &str,
        (arm, seed): (&str, u64),
        rows: &mut EpochRows<'_>,
        (hidden, hyperparameters): (&[usize], Hyperparameters),
        session: &Session<'_>,
    ) -> Result<Option<TrainedRun>> {
        let failed = |source| Error::training(arm, seed)(source);
        let Protocol { epochs, report_at, precision, .. } = self.protocol;
        let precision = *precision;
        let test = self.examples(self.test).map_err(failed)?;
        let train_rows = rows.of(0)?.iter().map(LabelledFeatures::len).sum();
        // Of rows that are the same for every seed it is known, and said, before.
        let notes = match rows.is_seeded() {
            true => missing_classes(self.classes, rows.of(0)?).into_iter().collect(),
            false => Vec::new(),
        };
        let learning_rate = hyperparameters.learning_rate();
        let training = Training {
            stage,
            arm,
            seed,
            hidden,
            classes: self.classes.len(),
            hyperparameters,
            epochs: *epochs,
            depends_on: &self.key()?,
        };
        let trained =
            training.run(rows, session, |scores: &mut Scores, model, train, summary, seconds| {
                let EpochSummary { epoch, updates, .. } = summary;
                if self.scored_at.binary_search(&epoch).is_ok() {
                    // A network may diverge in its last step, which only shows when it is evaluated.
                    let diverged = |error| as_divergence(error, epoch, updates, learning_rate);
                    let (original, train) = evaluate_blocks(precision, model, train).map_err(diverged)?;
                    let test = evaluate_in(precision, model, &test).map_err(diverged)?;
                    scores.history.push(Epoch {
                        epoch,
                        updates,
                        seconds,
                        train_loss: train.loss,
                        train_accuracy: train.accuracy,
                        original_loss: original.loss,
                        original_accuracy: original.accuracy,
                        test_loss: test.loss,
                        test_accuracy: test.accuracy,
                    });
                }
                if epoch < *epochs && report_at.contains(&epoch) {
                    scores.reported.push(Layers(model.layers().to_vec()));
                }
                Ok(())
            })?;
        let finish = |trained: Trained<Scores>| {
            let updates = trained.scores.history.last().map_or(0, |last| last.updates);
            // Or its numbers are finite on the test set and not on a further one.
            self.finish(trained, seed, train_rows, notes)
                .map_err(|error| failed(as_divergence(error, *epochs, updates, learning_rate)))
        };
        trained.map(finish).transpose()
    }

    /// What is computed from the networks when the training is done.
    fn finish(
        &self,
        Trained { model, seconds, scores }: Trained<Scores>,
        seed: u64,
        train_rows: usize,
        mut notes: Vec<Note>,
    ) -> mlprobe_nn::Result<TrainedRun> {
        let Scores { history, reported } = scores;
        let further = self
            .further
            .iter()
            .map(|(_, set)| Ok(evaluate_in(self.protocol.precision, &model, &self.examples(set)?)?.accuracy))
            .collect::<mlprobe_nn::Result<_>>()?;
        let earlier = reported.into_iter().map(|Layers(layers)| Mlp::from_layers(layers));
        let tested = self
            .protocol
            .report_at
            .iter()
            .zip(earlier.chain([Ok(model.clone())]))
            .map(|(&epoch, model)| self.tested(epoch, &model?))
            .collect::<mlprobe_nn::Result<_>>()?;
        let record = Run {
            seed,
            train_accuracy: history.last().map_or(0.0, |last| last.train_accuracy),
            test_accuracy: history.last().map_or(0.0, |last| last.test_accuracy),
            seconds,
            history,
        };
        notes.extend(dead_network(&model, self.test)?);
        Ok(TrainedRun { record, model, tested, further, train_rows, notes })
    }

    fn tested(&self, epoch: usize, model: &Mlp<f32>) -> mlprobe_nn::Result<Tested> {
        let (features, precision) = (self.test.features(), self.protocol.precision);
        Ok(Tested {
            epoch,
            probabilities: model.probabilities_in(precision, features)?,
            predicted: model.predict_in(precision, features)?,
        })
    }

    fn examples<'s>(&self, set: &'s LabelledFeatures) -> mlprobe_nn::Result<Examples<'s, f32>> {
        Examples::new(vec![(set.features(), set.labels())], self.classes.len())
    }
}

impl Run {
    /// The first scored epoch at which the test accuracy was at least `accuracy`, if it ever was.
    pub fn first_reaching(&self, accuracy: f64) -> Option<&Epoch> {
        self.history.iter().find(|entry| entry.test_accuracy >= accuracy)
    }

    /// The scores after `epoch`, if it was scored.
    pub fn at(&self, epoch: usize) -> Option<&Epoch> {
        self.history.iter().find(|entry| entry.epoch == epoch)
    }
}

/// What an evaluation after `epoch` reports, where a number that is not finite means that the network diverged.
pub(crate) fn as_divergence(
    error: mlprobe_nn::Error,
    epoch: usize,
    updates: u64,
    learning_rate: f64,
) -> mlprobe_nn::Error {
    match error {
        mlprobe_nn::Error::NotFinite { value, .. } => {
            let batch = (updates / epoch.max(1) as u64) as usize; // the last one of the epoch
            mlprobe_nn::Error::Diverged { epoch, batch, learning_rate, loss: value }
        }
        other => other,
    }
}

/// The scores on the first block, and on all of them together: the mean over rows.
fn evaluate_blocks(
    precision: Precision,
    model: &Mlp<f32>,
    blocks: &[Examples<'_, f32>],
) -> mlprobe_nn::Result<(Evaluation, Evaluation)> {
    let scores = blocks
        .iter()
        .map(|block| evaluate_in(precision, model, block))
        .collect::<mlprobe_nn::Result<Vec<_>>>()?;
    let rows: usize = blocks.iter().map(Examples::len).sum();
    let mean = |value: fn(&Evaluation) -> f64| {
        let sum: f64 =
            scores.iter().zip(blocks).map(|(score, block)| value(score) * block.len() as f64).sum();
        sum / rows as f64
    };
    let all = Evaluation { loss: mean(|score| score.loss), accuracy: mean(|score| score.accuracy) };
    Ok((scores[0], all))
}
