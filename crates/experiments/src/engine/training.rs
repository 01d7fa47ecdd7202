//! One network trained with one seed, resumed bit for bit from where an earlier start of the program stopped.

use std::time::Instant;

use mlprobe_nn::{EpochSummary, Examples, Hyperparameters, Linear, Mlp, Trainer, TrainingState};
use ndarray::{Array1, Array2};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::progress::Event;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::error::{Error, Result};

/// What to train.
pub(crate) struct Training<'a> {
    /// The stage that it is part of, which counts updates.
    pub stage: &'a str,
    /// With the seed, the name of the run, in letters that a file name may have.
    pub arm: &'a str,
    /// Initial weights, order of rows and dropout follow from it.
    pub seed: u64,
    /// Training rows, stacked.
    pub blocks: &'a [LabelledFeatures],
    /// Widths of the hidden layers.
    pub hidden: &'a [usize],
    /// K.
    pub classes: usize,
    pub hyperparameters: Hyperparameters,
    pub epochs: usize,
    /// What `after_epoch` of [`run`](Self::run) depends on beside the network.
    pub depends_on: &'a [String],
}

/// What came of a training.
pub(crate) struct Trained<S> {
    /// The network after the last epoch.
    pub model: Mlp<f32>,
    /// Seconds of training, over all starts.
    pub seconds: f64,
    /// What `after_epoch` collected.
    pub scores: S,
}

/// Content of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Saved<S> {
    epochs_done: usize,
    seconds: f64,
    #[serde(with = "layers")]
    layers: Vec<Linear<f32>>,
    #[serde(with = "layers")]
    velocity: Vec<Linear<f32>>,
    scores: S,
}

impl Training<'_> {
    /// Trains to the last epoch, from a checkpoint if there is one. After each epoch, `after_epoch` gets the scores
    /// collected so far, the network, the summary of the epoch and the seconds of training until then. `None` if the
    /// observer asked to stop before; the state is saved then.
    pub(crate) fn run<S: Default + Serialize + DeserializeOwned>(
        &self,
        session: &Session<'_>,
        mut after_epoch: impl FnMut(&mut S, &Mlp<f32>, EpochSummary, f64) -> mlprobe_nn::Result<()>,
    ) -> Result<Option<Trained<S>>> {
        let Self { stage, arm, seed, epochs, .. } = *self;
        let (name, dependencies) = (format!("{arm}-seed{seed}"), self.dependencies());
        let saved = session.load::<Saved<S>>(&name, &dependencies)?;
        let (state, mut seconds, mut scores) = match saved.and_then(|saved| saved.into_state(seed)) {
            Some(saved) => saved,
            None => (self.start()?, 0.0, S::default()),
        };
        let blocks = self.blocks.iter().map(|set| (set.features(), set.labels())).collect();
        let examples = Examples::new(blocks, self.classes).map_err(self.failed())?;
        let updates = examples.len().div_ceil(self.hyperparameters.batch_size()) as u64;
        let mut trainer =
            Trainer::resume(state, examples, self.hyperparameters.clone()).map_err(self.failed())?;
        let epochs_done = trainer.epochs_done();
        if epochs_done > 0 {
            let amount = updates * epochs_done as u64;
            session.send(Event::RunResumed { stage, amount, arm, seed, epochs_done, epochs });
        }

        let mut last_saved = Instant::now();
        while trainer.epochs_done() < epochs {
            let stopped = session.stopped();
            if !stopped {
                let start = Instant::now();
                let summary = trainer.epoch().map_err(self.failed())?;
                seconds += start.elapsed().as_secs_f64();
                session.send(Event::Advanced { stage, amount: updates });
                after_epoch(&mut scores, trainer.model(), summary, seconds).map_err(self.failed())?;
            }
            let is_last = trainer.epochs_done() == epochs;
            if session.pause().is_some_and(|pause| stopped || is_last || last_saved.elapsed() >= pause) {
                let TrainingState { model, velocity, epochs_done, .. } = trainer.state();
                let layers = model.layers().to_vec();
                let saved = Saved { epochs_done, seconds, layers, velocity, scores };
                session.save(&name, &dependencies, &saved)?;
                scores = saved.scores;
                last_saved = Instant::now();
            }
            if stopped {
                return Ok(None);
            }
        }
        Ok(Some(Trained { model: trainer.into_model(), seconds, scores }))
    }

    fn start(&self) -> Result<TrainingState<f32>> {
        let mut widths = vec![self.blocks[0].dim()];
        widths.extend(self.hidden);
        widths.push(self.classes);
        let model = Mlp::new(&widths, self.seed).map_err(self.failed())?;
        Ok(TrainingState { model, seed: self.seed, epochs_done: 0, velocity: Vec::new() })
    }

    /// All that network and scores follow from.
    fn dependencies(&self) -> Vec<String> {
        let Self { stage: _, arm: _, seed, blocks, hidden, classes, hyperparameters, epochs, depends_on } =
            self;
        let digests: Vec<_> = blocks.iter().map(LabelledFeatures::digest).collect();
        let settings = format!("{hidden:?} {classes} {hyperparameters:?} {epochs} {seed}");
        [digests.join(" "), settings].into_iter().chain(depends_on.iter().cloned()).collect()
    }

    /// What the network reports, with the name of the run.
    fn failed(&self) -> impl FnOnce(mlprobe_nn::Error) -> Error {
        Error::training(self.arm, self.seed)
    }
}

impl<S> Saved<S> {
    /// State, seconds and scores; `None` for a network that had diverged, which then diverges again.
    fn into_state(self, seed: u64) -> Option<(TrainingState<f32>, f64, S)> {
        let Self { epochs_done, seconds, layers, velocity, scores } = self;
        let model = Mlp::from_layers(layers).ok()?;
        Some((TrainingState { model, seed, epochs_done, velocity }, seconds, scores))
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
