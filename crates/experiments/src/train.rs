//! One run: an arm trained with a seed, scored at the scheduled epochs.

use mlprobe_nn::{EpochSummary, Evaluation, Examples, Hyperparameters, Linear, Mlp, evaluate};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::protocol::Protocol;
use crate::results::{Epoch, Run};
use crate::resumable::{Trained, Training, layers};
use crate::sets::LabelledFeatures;

/// A finished run with what later statistics need of it.
pub struct TrainedRun {
    /// Its scores.
    pub record: Run,
    /// The model after the last epoch. From a [`Study`](crate::Study) it takes features as they were before a standardisation.
    pub model: Mlp<f32>,
    /// On the test set after half of the epochs.
    pub half: Tested,
    /// On the test set after the last epoch.
    pub full: Tested,
    /// Accuracy after the last epoch on each of the study's further test sets, in their order.
    pub further: Vec<f64>,
    /// What is to be said of the run beside its scores, a sentence each.
    pub notes: Vec<String>,
}

/// What a model says of the N test images.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// Softmax outputs (N, K).
    pub probabilities: Array2<f32>,
    /// The likeliest class of each image (N).
    pub predicted: Vec<u8>,
}

/// What to train, and what to score it on.
pub(crate) struct Task<'a> {
    /// The stage it is a part of, which counts updates.
    pub stage: &'a str,
    pub arm: &'a str,
    pub learning_rate: f64,
    pub seed: u64,
    pub blocks: &'a [LabelledFeatures],
    pub test: &'a LabelledFeatures,
    pub further: Vec<&'a LabelledFeatures>,
    pub classes: usize,
    pub protocol: &'a Protocol,
}

/// What is noted while a run trains.
#[derive(Default, Serialize, Deserialize)]
struct Notes {
    history: Vec<Epoch>,
    /// The network after half of the epochs; empty before.
    #[serde(with = "layers")]
    half: Vec<Linear<f32>>,
}

impl Task<'_> {
    /// Trains to the last epoch, from a checkpoint if there is one. `None` if the observer asked to stop before.
    pub(crate) fn train(&self, progress: &Progress<'_>) -> Result<Option<TrainedRun>> {
        let failed =
            |source| Error::Training { arm: self.arm.to_owned(), seed: self.seed, source: Box::new(source) };
        let Protocol { epochs, batch_size, .. } = *self.protocol;
        let examples = |set| self.examples(set).map_err(failed);
        let train = self.blocks.iter().map(examples).collect::<Result<Vec<_>>>()?;
        let test = examples(self.test)?;
        let rows: usize = train.iter().map(Examples::len).sum();
        let training = Training {
            stage: self.stage,
            units: rows.div_ceil(batch_size) as u64,
            arm: self.arm,
            seed: self.seed,
            sets: self.blocks.iter().collect(),
            hidden: &self.protocol.hidden,
            classes: self.classes,
            hyperparameters: Hyperparameters::new(self.learning_rate, batch_size).map_err(failed)?,
            epochs,
            scored_on: vec![self.test],
        };
        let (schedule, half) = (self.protocol.schedule(), self.protocol.half());
        let trained = training.run(progress, |notes: &mut Notes, model, summary, seconds| {
            let EpochSummary { epoch, updates, .. } = summary;
            if schedule.binary_search(&epoch).is_ok() {
                let (original, train) = evaluate_blocks(model, &train)?;
                let test = evaluate(model, &test)?;
                notes.history.push(Epoch {
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
            if epoch == half {
                notes.half = model.layers().to_vec();
            }
            Ok(())
        })?;
        trained.map(|trained| self.finish(trained).map_err(failed)).transpose()
    }

    /// What is computed from the networks when the training is done.
    fn finish(&self, trained: Trained<Notes>) -> mlprobe_nn::Result<TrainedRun> {
        let Trained { model, seconds, notes: Notes { history, half } } = trained;
        let further = self
            .further
            .iter()
            .map(|set| Ok(evaluate(&model, &self.examples(set)?)?.accuracy))
            .collect::<mlprobe_nn::Result<_>>()?;
        let (half, full) = (self.tested(&Mlp::from_layers(half)?)?, self.tested(&model)?);
        let record = Run {
            seed: self.seed,
            train_accuracy: history.last().map_or(0.0, |last| last.train_accuracy),
            test_accuracy: history.last().map_or(0.0, |last| last.test_accuracy),
            seconds,
            history,
        };
        Ok(TrainedRun { record, model, half, full, further, notes: Vec::new() })
    }

    fn tested(&self, model: &Mlp<f32>) -> mlprobe_nn::Result<Tested> {
        let features = self.test.features();
        Ok(Tested { probabilities: model.probabilities(features)?, predicted: model.predict(features)? })
    }

    fn examples<'s>(&self, set: &'s LabelledFeatures) -> mlprobe_nn::Result<Examples<'s, f32>> {
        Examples::new(vec![(set.features(), set.labels())], self.classes)
    }
}

/// The scores on the first block, and on all of them together: the mean over rows.
fn evaluate_blocks(
    model: &Mlp<f32>,
    blocks: &[Examples<'_, f32>],
) -> mlprobe_nn::Result<(Evaluation, Evaluation)> {
    let scores = blocks.iter().map(|block| evaluate(model, block)).collect::<mlprobe_nn::Result<Vec<_>>>()?;
    let rows: usize = blocks.iter().map(Examples::len).sum();
    let mean = |value: fn(&Evaluation) -> f64| {
        let sum: f64 =
            scores.iter().zip(blocks).map(|(score, block)| value(score) * block.len() as f64).sum();
        sum / rows as f64
    };
    let all = Evaluation { loss: mean(|score| score.loss), accuracy: mean(|score| score.accuracy) };
    Ok((scores[0], all))
}
