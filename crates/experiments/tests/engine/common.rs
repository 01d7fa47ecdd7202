//! Sets and studies that several tests share.

use mlprobe_experiments::results::Measure;
use mlprobe_experiments::{LabelledFeatures, Outcome, Protocol, Result, Results, SeededRows, Session, Study};
use ndarray::Array2;

pub const CLASSES: usize = 3;
pub const DIM: usize = 6;

/// Rows around one centre per class; `shift` tells sets apart, which have no row in common.
pub fn set(n: usize, shift: usize) -> LabelledFeatures {
    let labels: Vec<u16> = (0..n).map(|i| (i % CLASSES) as u16).collect();
    let features = Array2::from_shape_fn((n, DIM), |(i, j)| {
        let centre = if j % CLASSES == i % CLASSES { 1.0 } else { 0.0 };
        centre + ((i * 31 + j * 17 + shift * 7) % 23) as f32 / 23.0 + shift as f32 / 1000.0
    });
    LabelledFeatures::new(features, labels).unwrap()
}

/// Batches of 10 and a hidden layer of 8.
pub fn protocol(seeds: impl IntoIterator<Item = u64>, epochs: usize) -> Protocol {
    Protocol { batch_size: 10, hidden: vec![8], ..Protocol::new(seeds.into_iter().collect(), epochs) }
}

/// So many rows, made from the seed by a function.
pub struct Made<F>(pub usize, pub F);

impl<F: Fn(u64) -> Result<LabelledFeatures> + Sync> SeededRows for Made<F> {
    fn rows(&self) -> usize {
        self.0
    }

    fn prepare(&self, _: u64, _: &Session<'_>) -> Result<()> {
        Ok(())
    }

    fn load(&self, seed: u64, _: usize, _: &Session<'_>) -> Result<LabelledFeatures> {
        (self.1)(seed)
    }
}

/// 60 rows per seed.
pub fn copies() -> impl SeededRows {
    Made(60, |seed| Ok(set(60, 2 + seed as usize)))
}

/// Runs `study` with nobody watching.
pub fn run(study: &Study<'_>) -> Outcome {
    study.run().unwrap()
}

/// What depends on nothing but settings and data: everything except times and the machine.
pub fn without_times(mut results: Results) -> Results {
    results.stages.clear();
    results.about.machine.threads = 0;
    results.answers.retain(|answer| answer.contrast.measure != Measure::Seconds);
    results.costs.iter_mut().flat_map(|cost| &mut cost.arms).for_each(|arm| arm.seconds = None);
    for run in results.arms.iter_mut().flat_map(|arm| &mut arm.runs) {
        run.seconds = 0.0;
        run.history.iter_mut().for_each(|entry| entry.seconds = 0.0);
    }
    results
}

/// Both have found the same, bit for bit.
pub fn assert_same(outcome: &Outcome, expected: &Outcome, what: &str) {
    let same = without_times(outcome.results.clone()) == without_times(expected.results.clone());
    assert!(same, "results differ: {what}");
    for (a, b) in outcome.runs.iter().flatten().zip(expected.runs.iter().flatten()) {
        assert_eq!(a.model, b.model, "{what}");
        assert_eq!((&a.tested, &a.further), (&b.tested, &b.further), "{what}");
    }
}
