//! The whole study, ours against the same in Python, scaled up from a part of each stage.

use anyhow::Result;
use mlprobe_experiments::Protocol;
use serde::Serialize;

use super::compare::{Comparison, Measured, Outcome, median};
use super::stages::STUDY_STAGES;

const TRAIN_IMAGES: usize = 50_000;
const TEST_IMAGES: usize = 10_000;
/// Sets of test images under one transform each.
const TRANSFORMED_TESTS: usize = 6;
/// Of each arm, in training sets: `unaugmented`, `augmented`, `duplicated`, `unaugmented-lr0.01`.
const ARMS: [usize; 4] = [1, 2, 2, 1];

/// The stages, and how many units of each the study consists of.
#[derive(Serialize)]
pub struct WholeStudy {
    pub parts: Vec<Part>,
}

#[derive(Serialize)]
pub struct Part {
    pub units: f64,
    #[serde(flatten)]
    pub measured: Measured,
}

impl Part {
    /// Seconds that the whole stage takes us, and the peer where it is there: medians.
    pub fn seconds(&self) -> (f64, Option<f64>) {
        let seconds = |rates: &[f64]| self.units / median(rates);
        let theirs = self.measured.peers.first().and_then(|peer| match &peer.outcome {
            Outcome::Compared { theirs, .. } => Some(seconds(theirs)),
            Outcome::Missing { .. } => None,
        });
        (seconds(&self.measured.ours), theirs)
    }
}

/// Measures the stages in turns, and counts what the study has of each.
pub fn measure(comparison: &Comparison<'_>) -> Result<WholeStudy> {
    let Protocol { seeds, epochs, .. } = Protocol::default();
    let seeds = seeds.len();
    let augmented = seeds * TRAIN_IMAGES + TRANSFORMED_TESTS * TEST_IMAGES;
    let extracted = TRAIN_IMAGES + TEST_IMAGES + augmented;
    let trained = seeds * ARMS.iter().sum::<usize>() * TRAIN_IMAGES * epochs;
    let parts = STUDY_STAGES.iter().zip([augmented, extracted, trained]).map(|(stage, units)| {
        let measured = comparison.measure(stage, stage.peers)?;
        Ok(Part { units: units as f64, measured })
    });
    Ok(WholeStudy { parts: parts.collect::<Result<_>>()? })
}
