//! The recipes that are tried, and how one is trained.

use std::fmt;

use mlprobe_nn::{Hyperparameters, Schedule};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::progress::Progress;
use crate::resumable::{Trained, Training};
use crate::tuned::model::{Model, failed};
use crate::tuned::{Standardisation, Views};

/// Of every candidate: passes over the training rows, on a cosine schedule.
pub const EPOCHS: usize = 30;
const LEARNING_RATE: f64 = 0.1;
const BATCH_SIZE: usize = 250;
const MOMENTUM: f64 = 0.9;
const HIDDEN: usize = 64;

/// Pairs of weight decay and dropout.
const REGULARISATION: [(f64, f64); 3] = [(1e-3, 0.0), (3e-3, 0.0), (2e-3, 0.1)];

/// What the candidates differ in. They share the rest: 30 epochs on a cosine schedule from the learning rate 0.1, batches
/// of 250, momentum 0.9, one hidden layer of 64, standardised inputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Whether features are replaced by their square roots.
    pub square_roots: bool,
    /// Whether mirrored copies of the training images are further training rows.
    pub mirrored_copies: bool,
    /// λ of [`Hyperparameters::with_weight_decay`].
    pub weight_decay: f64,
    /// p of [`Hyperparameters::with_dropout`].
    pub dropout: f64,
}

/// All that are tried: features or their square roots, with or without mirrored copies, and three pairs of weight decay
/// and dropout; every combination, twelve in all.
pub fn candidates() -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for square_roots in [false, true] {
        for mirrored_copies in [false, true] {
            for (weight_decay, dropout) in REGULARISATION {
                candidates.push(Candidate { square_roots, mirrored_copies, weight_decay, dropout });
            }
        }
    }
    candidates
}

/// As in "square roots, mirrored copies, weight decay 0.003, dropout 0".
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let features = if self.square_roots { "square roots" } else { "features" };
        let copies = if self.mirrored_copies { "mirrored copies" } else { "no copies" };
        write!(f, "{features}, {copies}, weight decay {}, dropout {}", self.weight_decay, self.dropout)
    }
}

/// Training rows as the network gets them.
pub(super) struct Inputs {
    rows: Views,
    square_roots: bool,
    standardisation: Standardisation,
}

impl Inputs {
    /// The square roots of features if so wanted; then standardised by the images as they are.
    pub(super) fn new(train: &Views, square_roots: bool) -> Result<Self> {
        let rows = if square_roots { train.map(signed_roots)? } else { train.clone() };
        let standardisation = Standardisation::fit(rows.original().features());
        Ok(Self { rows: rows.map(|x| standardisation.apply(x))?, square_roots, standardisation })
    }
}

impl Candidate {
    /// Trains on `inputs`, which must have been made with this candidate's `square_roots`, as the run `arm` of `stage`,
    /// which counts epochs. Also returns the seconds of training. `None` if the observer asked to stop.
    pub(super) fn train(
        &self,
        stage: &str,
        arm: &str,
        inputs: &Inputs,
        classes: usize,
        seed: u64,
        progress: &Progress<'_>,
    ) -> Result<Option<(Model, f64)>> {
        debug_assert_eq!(inputs.square_roots, self.square_roots);
        let mut sets = vec![inputs.rows.original()];
        sets.extend(self.mirrored_copies.then(|| inputs.rows.mirrored()));
        let training = Training {
            stage,
            units: 1,
            arm,
            seed,
            sets,
            hidden: &[HIDDEN],
            classes,
            hyperparameters: self.hyperparameters().map_err(|source| failed(seed, source))?,
            epochs: EPOCHS,
            scored_on: Vec::new(),
        };
        let trained = training.run(progress, |(), _, _, _| Ok(()))?;
        let model = |Trained { model, seconds, .. }| {
            let network = inputs.standardisation.fold(&model).map_err(|source| failed(seed, source))?;
            Ok((Model { seed, square_roots: self.square_roots, network }, seconds))
        };
        trained.map(model).transpose()
    }

    fn hyperparameters(&self) -> mlprobe_nn::Result<Hyperparameters> {
        Hyperparameters::new(LEARNING_RATE, BATCH_SIZE)?
            .with_schedule(Schedule::Cosine { epochs: EPOCHS })?
            .with_momentum(MOMENTUM)?
            .with_weight_decay(self.weight_decay)?
            .with_dropout(self.dropout)
    }
}

/// x (N, D) to sign(x)·√|x| (N, D): it evens out features of which a few are very large. Also known as power
/// normalisation (Perronnin, Sánchez and Mensink, "Improving the Fisher kernel for large-scale image classification",
/// ECCV 2010, section 3.2).
pub(super) fn signed_roots(x: ArrayView2<'_, f32>) -> Array2<f32> {
    x.mapv(|x| x.abs().sqrt().copysign(x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn roots_keep_the_sign() {
        assert_eq!(signed_roots(array![[4.0, 0.0, -9.0]].view()), array![[2.0, 0.0, -3.0]]);
    }

    #[test]
    fn candidates_are_all_different_and_say_in_what() {
        let names: std::collections::BTreeSet<String> =
            candidates().iter().map(Candidate::to_string).collect();
        assert_eq!(names.len(), 12);
        assert!(names.contains("square roots, mirrored copies, weight decay 0.003, dropout 0"), "{names:?}");
    }
}
