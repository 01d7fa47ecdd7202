//! Training that goes on where an earlier start of the program left it, bit for bit.

use std::time::Instant;

use mlprobe_nn::{EpochSummary, Examples, Hyperparameters, Linear, Mlp, Trainer, TrainingState};
use ndarray::{Array1, Array2};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::progress::{Event, Progress};
use crate::sets::LabelledFeatures;

/// What to train.
pub(crate) struct Training<'a> {
    /// The stage that it is a part of.
    pub stage: &'a str,
    /// Units of the stage that an epoch is.
    pub units: u64,
    /// With the seed, the name of the run: letters that a file name may have.
    pub arm: &'a str,
    /// Initial weights, order of rows and dropout follow from it.
    pub seed: u64,
    /// Training rows, stacked.
    pub sets: Vec<&'a LabelledFeatures>,
    /// Widths of the hidden layers.
    pub hidden: &'a [usize],
    /// K.
    pub classes: usize,
    /// How.
    pub hyperparameters: Hyperparameters,
    /// How long.
    pub epochs: usize,
    /// What the notes depend on beside the training.
    pub scored_on: Vec<&'a LabelledFeatures>,
}

/// What came of it.
pub(crate) struct Trained<N> {
    /// After the last epoch.
    pub model: Mlp<f32>,
    /// Of training, in all starts together.
    pub seconds: f64,
    /// What was noted after the epochs.
    pub notes: N,
}

/// Content of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Kept<N> {
    epochs_done: usize,
    seconds: f64,
    #[serde(with = "layers")]
    layers: Vec<Linear<f32>>,
    #[serde(with = "layers")]
    velocity: Vec<Linear<f32>>,
    notes: N,
}

impl Training<'_> {
    /// Trains to the last epoch, from a checkpoint if there is one. After each epoch, `note` gets the notes made so far,
    /// the network, the summary of the epoch and the seconds of training until then. `None` if the observer asked to
    /// stop before; the state is kept then.
    pub(crate) fn run<N: Default + Serialize + DeserializeOwned>(
        &self,
        progress: &Progress<'_>,
        mut note: impl FnMut(&mut N, &Mlp<f32>, EpochSummary, f64) -> mlprobe_nn::Result<()>,
    ) -> Result<Option<Trained<N>>> {
        let Self { stage, arm, seed, epochs, .. } = *self;
        let slot = progress.slot(&format!("{arm}-seed{seed}"), || self.dependencies());
        let kept = slot.as_ref().map(|slot| slot.load::<Kept<N>>()).transpose()?.flatten();
        let (state, mut seconds, mut notes) = match kept.and_then(|kept| kept.into_state(seed)) {
            Some(kept) => kept,
            None => (self.start()?, 0.0, N::default()),
        };
        let blocks = self.sets.iter().map(|set| (set.features(), set.labels())).collect();
        let examples = Examples::new(blocks, self.classes).map_err(self.failed())?;
        let mut trainer =
            Trainer::resume(state, examples, self.hyperparameters.clone()).map_err(self.failed())?;
        let epochs_done = trainer.epochs_done();
        if epochs_done > 0 {
            let amount = self.units * epochs_done as u64;
            progress.send(Event::RunResumed { stage, amount, arm, seed, epochs_done, epochs });
        }

        let mut saved = Instant::now();
        while trainer.epochs_done() < epochs {
            let stopped = progress.stopped();
            if !stopped {
                let start = Instant::now();
                let summary = trainer.epoch().map_err(self.failed())?;
                seconds += start.elapsed().as_secs_f64();
                progress.send(Event::Advanced { stage, amount: self.units });
                note(&mut notes, trainer.model(), summary, seconds).map_err(self.failed())?;
            }
            let is_last = trainer.epochs_done() == epochs;
            if let Some(slot) = &slot
                && (stopped || is_last || saved.elapsed() >= slot.pause())
            {
                let TrainingState { model, velocity, epochs_done, .. } = trainer.state();
                let layers = model.layers().to_vec();
                let kept = Kept { epochs_done, seconds, layers, velocity, notes };
                slot.save(&kept)?;
                notes = kept.notes;
                saved = Instant::now();
            }
            if stopped {
                return Ok(None);
            }
        }
        Ok(Some(Trained { model: trainer.into_model(), seconds, notes }))
    }

    fn start(&self) -> Result<TrainingState<f32>> {
        let mut widths = vec![self.sets[0].dim()];
        widths.extend(self.hidden);
        widths.push(self.classes);
        let model = Mlp::new(&widths, self.seed).map_err(self.failed())?;
        Ok(TrainingState { model, seed: self.seed, epochs_done: 0, velocity: Vec::new() })
    }

    /// All that model and notes follow from.
    fn dependencies(&self) -> Vec<String> {
        let Self { sets, hidden, classes, hyperparameters, epochs, seed, scored_on, .. } = self;
        let digests =
            |sets: &[&LabelledFeatures]| sets.iter().map(|set| set.digest()).collect::<Vec<_>>().join(" ");
        vec![
            digests(sets),
            digests(scored_on),
            format!("{hidden:?} {classes} {hyperparameters:?} {epochs} {seed}"),
        ]
    }

    /// What the network reports, with the name of the run.
    fn failed(&self) -> impl FnOnce(mlprobe_nn::Error) -> Error {
        let (arm, seed) = (self.arm.to_owned(), self.seed);
        move |source| Error::Training { arm, seed, source: Box::new(source) }
    }
}

impl<N> Kept<N> {
    /// State, seconds and notes; `None` of a network that had diverged, which is left to do so again.
    fn into_state(self, seed: u64) -> Option<(TrainingState<f32>, f64, N)> {
        let Self { epochs_done, seconds, layers, velocity, notes } = self;
        let model = Mlp::from_layers(layers).ok()?;
        Some((TrainingState { model, seed, epochs_done, velocity }, seconds, notes))
    }
}

/// Layers as pairs of weight and bias, for serde.
pub(crate) mod layers {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        layers: &[Linear<f32>],
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        let pairs: Vec<_> = layers.iter().map(|layer| (&layer.weight, &layer.bias)).collect();
        pairs.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Vec<Linear<f32>>, D::Error> {
        let pairs = Vec::<(Array2<f32>, Array1<f32>)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(weight, bias)| Linear { weight, bias }).collect())
    }
}
