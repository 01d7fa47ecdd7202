//! The recipes that are tried.

use std::fmt;

use mlprobe_nn::{Hyperparameters, Schedule};
use serde::{Deserialize, Serialize};

/// Of every candidate: passes over the training rows, on a cosine schedule.
pub const EPOCHS: usize = 30;
const LEARNING_RATE: f64 = 0.1;
const BATCH_SIZE: usize = 250;
const MOMENTUM: f64 = 0.9;
/// Units of the hidden layer.
pub(super) const HIDDEN: usize = 64;

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

impl Candidate {
    /// How the network is trained.
    pub(super) fn hyperparameters(&self) -> mlprobe_nn::Result<Hyperparameters> {
        Hyperparameters::new(LEARNING_RATE, BATCH_SIZE)?
            .with_schedule(Schedule::Cosine { epochs: EPOCHS })?
            .with_momentum(MOMENTUM)?
            .with_weight_decay(self.weight_decay)?
            .with_dropout(self.dropout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_all_different_and_say_in_what() {
        let names: std::collections::BTreeSet<String> =
            candidates().iter().map(Candidate::to_string).collect();
        assert_eq!(names.len(), 12);
        assert!(names.contains("square roots, mirrored copies, weight decay 0.003, dropout 0"), "{names:?}");
    }
}
