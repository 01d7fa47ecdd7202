//! One run: an arm trained with a seed, scored at the scheduled epochs.

use std::time::Instant;

use mlprobe_nn::{Evaluation, Examples, Hyperparameters, Mlp, Trainer, evaluate};
use ndarray::Array2;

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::protocol::Protocol;
use crate::results::{Epoch, Run};
use crate::sets::LabelledFeatures;

/// A finished run with what later statistics need of it.
pub struct TrainedRun {
    /// Its scores.
    pub record: Run,
    /// The model after the last epoch.
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
    pub arm: &'a str,
    pub learning_rate: f64,
    pub seed: u64,
    pub blocks: &'a [LabelledFeatures],
    pub test: &'a LabelledFeatures,
    pub further: Vec<&'a LabelledFeatures>,
    pub classes: usize,
    pub protocol: &'a Protocol,
}

impl Task<'_> {
    /// Trains to the last epoch, calling `advance` with the updates of each. `None` if the observer asked
    /// to stop before.
    pub(crate) fn train(&self, progress: &Progress<'_>, advance: &dyn Fn(u64)) -> Result<Option<TrainedRun>> {
        self.run(progress, advance).map_err(|source| Error::Training {
            arm: self.arm.to_owned(),
            seed: self.seed,
            source: Box::new(source),
        })
    }

    fn run(&self, progress: &Progress<'_>, advance: &dyn Fn(u64)) -> mlprobe_nn::Result<Option<TrainedRun>> {
        let Protocol { epochs, batch_size, .. } = *self.protocol;
        let mut widths = vec![self.test.dim()];
        widths.extend(&self.protocol.hidden);
        widths.push(self.classes);

        let train =
            self.blocks.iter().map(|block| self.examples(block)).collect::<mlprobe_nn::Result<Vec<_>>>()?;
        let test = self.examples(self.test)?;
        let stacked = self.blocks.iter().map(|block| (block.features(), block.labels())).collect();
        let mut trainer = Trainer::new(
            Mlp::new(&widths, self.seed)?,
            Examples::new(stacked, self.classes)?,
            Hyperparameters::new(self.learning_rate, batch_size)?,
            self.seed,
        )?;

        let mut schedule = self.protocol.schedule().into_iter().peekable();
        let mut history = Vec::new();
        let mut half = None;
        let mut updates = 0;
        let mut seconds = 0.0;
        for epoch in 1..=epochs {
            if progress.stopped() {
                return Ok(None);
            }
            let start = Instant::now();
            let summary = trainer.epoch()?;
            seconds += start.elapsed().as_secs_f64();
            advance(summary.updates - updates);
            updates = summary.updates;
            if schedule.next_if_eq(&epoch).is_some() {
                let (original, train) = evaluate_blocks(trainer.model(), &train)?;
                let test = evaluate(trainer.model(), &test)?;
                history.push(Epoch {
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
            if epoch == self.protocol.half() {
                half = Some(self.tested(trainer.model())?);
            }
        }

        let model = trainer.into_model();
        let further = self
            .further
            .iter()
            .map(|set| Ok(evaluate(&model, &self.examples(set)?)?.accuracy))
            .collect::<mlprobe_nn::Result<_>>()?;
        let record = Run {
            seed: self.seed,
            train_accuracy: history.last().map_or(0.0, |last| last.train_accuracy),
            test_accuracy: history.last().map_or(0.0, |last| last.test_accuracy),
            seconds,
            history,
        };
        let full = self.tested(&model)?;
        let half = half.unwrap_or_else(|| full.clone());
        Ok(Some(TrainedRun { record, model, half, full, further, notes: Vec::new() }))
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
