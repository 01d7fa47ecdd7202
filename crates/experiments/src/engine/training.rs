//! One network trained with one seed, resumed bit for bit from where an earlier start of the program stopped.

use std::time::Instant;

use mlprobe_nn::{EpochSummary, Examples, Hyperparameters, Linear, Mlp, Trainer, TrainingState};
use ndarray::{Array1, Array2};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::progress::Event;
use crate::engine::rows::EpochRows;
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
    /// Widths of the hidden layers.
    pub hidden: &'a [usize],
    /// K.
    pub classes: usize,
    pub hyperparameters: Hyperparameters,
    pub epochs: usize,
    /// What `after_epoch` of [`run`](Self::run) depends on beside the network.
    pub depends_on: &'a [String],
}

/// The blocks of rows that an epoch trains on, each by itself.
pub(crate) type Blocks<'a> = [Examples<'a, f32>];

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
    /// Trains on `rows` to the last epoch, from a checkpoint if there is one. After each epoch, `after_epoch` gets the scores
    /// collected so far, the network, the blocks of rows it was trained on in that epoch, the summary of the epoch and the
    /// seconds of training until then. `None` if the observer asked to stop before; the state is saved then.
    pub(crate) fn run<S: Default + Serialize + DeserializeOwned>(
        &self,
        rows: &mut EpochRows<'_>,
        session: &Session<'_>,
        mut after_epoch: impl FnMut(&mut S, &Mlp<f32>, &Blocks<'_>, EpochSummary, f64) -> mlprobe_nn::Result<()>,
    ) -> Result<Option<Trained<S>>> {
        let Self { stage, arm, seed, epochs, .. } = *self;
        let (name, dependencies) = (format!("{arm}-seed{seed}"), self.dependencies(rows)?);
        let saved = session.load::<Saved<S>>(&name, &dependencies)?;
        let first = rows.of(0)?;
        let all: usize = first.iter().map(LabelledFeatures::len).sum();
        let updates = all.div_ceil(self.hyperparameters.batch_size()) as u64;
        let (mut state, mut seconds, mut scores) = match saved.and_then(|saved| saved.into_state(seed)) {
            Some(saved) => saved,
            None => (self.start(first[0].dim())?, 0.0, S::default()),
        };
        if state.epochs_done > 0 {
            let (epochs_done, amount) = (state.epochs_done, updates * state.epochs_done as u64);
            session.send(Event::RunResumed { stage, amount, arm, seed, epochs_done, epochs });
        }

        let mut last_saved = Instant::now();
        let change = rows.change();
        while state.epochs_done < epochs {
            let blocks = rows.of(state.epochs_done)?;
            let pairs: Vec<_> = blocks.iter().map(|set| (set.features(), set.labels())).collect();
            let parts = pairs.iter().map(|&pair| Examples::new(vec![pair], self.classes));
            let parts = parts.collect::<mlprobe_nn::Result<Vec<_>>>().map_err(self.failed())?;
            let examples = Examples::new(pairs, self.classes).map_err(self.failed())?;
            let mut trainer =
                Trainer::resume(state, examples, self.hyperparameters.clone()).map_err(self.failed())?;
            // Rows that change serve one epoch.
            loop {
                let stopped = session.stopped();
                if !stopped {
                    let start = Instant::now();
                    let summary = trainer.epoch().map_err(self.failed())?;
                    seconds += start.elapsed().as_secs_f64();
                    session.send(Event::Advanced { stage, amount: updates });
                    after_epoch(&mut scores, trainer.model(), &parts, summary, seconds)
                        .map_err(self.failed())?;
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
                if is_last || change {
                    break;
                }
            }
            state = trainer.state();
        }
        Ok(Some(Trained { model: state.model, seconds, scores }))
    }

    /// The state before the first epoch, for rows of `dim` features.
    fn start(&self, dim: usize) -> Result<TrainingState<f32>> {
        let mut widths = vec![dim];
        widths.extend(self.hidden);
        widths.push(self.classes);
        let model = Mlp::new(&widths, self.seed).map_err(self.failed())?;
        Ok(TrainingState { model, seed: self.seed, epochs_done: 0, velocity: Vec::new() })
    }

    /// All that network and scores follow from.
    fn dependencies(&self, rows: &mut EpochRows<'_>) -> Result<Vec<String>> {
        let Self { stage: _, arm: _, seed, hidden, classes, hyperparameters, epochs, depends_on } = self;
        let settings = format!("{hidden:?} {classes} {hyperparameters:?} {epochs} {seed}");
        Ok([rows.digest()?, settings].into_iter().chain(depends_on.iter().cloned()).collect())
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
