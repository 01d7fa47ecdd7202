//! Rows held out of training, on which it is decided when to stop.

use mlprobe_nn::{Trainer, TrainingState};
use mlprobe_random::Random;
use ndarray::Array2;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

use crate::convert::{features, labels};

/// Scores after each epoch and the network with the best one, by the rule of scikit-learn's `MLPClassifier`.
pub struct Validation {
    /// X (N, D).
    x: Array2<f32>,
    /// (N).
    labels: Vec<u16>,
    /// (N).
    weights: Vec<f64>,
    /// What a score has to gain on the best one to count.
    least_gain: f64,
    /// Training ends with more epochs than these in a row that do not count.
    patience: usize,
    /// How many there are.
    without_gain: usize,
    /// The weighted accuracy after each epoch, 0 to 1.
    pub scores: Vec<f64>,
    best_score: f64,
    /// The network with the best score, the first of equal ones.
    pub best: Option<TrainingState<f32>>,
}

impl Validation {
    /// Scores the network after an epoch; returns whether training ends.
    pub fn ends(&mut self, trainer: &Trainer<'_, f32>) -> mlprobe_nn::Result<bool> {
        let predicted = trainer.model().predict(self.x.view())?;
        let of_all: f64 = self.weights.iter().sum();
        let rows = predicted.iter().zip(&self.labels).zip(&self.weights);
        let of_correct: f64 = rows.filter(|((a, b), _)| a == b).map(|(_, weight)| weight).sum();
        let score = of_correct / of_all;
        let counts = self.best.is_none() || score >= self.best_score + self.least_gain;
        self.without_gain = if counts { 0 } else { self.without_gain + 1 };
        if self.best.is_none() || score > self.best_score {
            self.best_score = score;
            self.best = Some(trainer.state());
        }
        self.scores.push(score);
        Ok(self.without_gain > self.patience)
    }
}

impl<'py> FromPyObject<'_, 'py> for Validation {
    type Error = PyErr;

    /// From (x, y, weights, least gain, patience).
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        type Parts<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyArray1<f64>>, f64, usize);
        let (x, y, weights, least_gain, patience): Parts<'py> = object.extract()?;
        Ok(Self {
            x: features(&x)?,
            labels: labels(&y)?,
            weights: weights.to_vec()?,
            least_gain,
            patience,
            without_gain: 0,
            scores: Vec::new(),
            best_score: 0.0,
            best: None,
        })
    }
}

/// The numbers of the rows to hold out: of the n rows of each class, round(`fraction`·n), drawn from `seed`; sorted.
#[pyfunction]
pub fn held_out(y: &Bound<'_, PyAny>, fraction: f64, seed: u64) -> PyResult<Vec<usize>> {
    let labels = labels(y)?;
    let classes = labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
    let mut rows = vec![Vec::new(); classes];
    labels.iter().enumerate().for_each(|(row, &label)| rows[usize::from(label)].push(row));
    let mut held_out = Vec::new();
    for (class, mut rows) in rows.into_iter().enumerate() {
        Random::new(seed, b"mlprobe/py/validation", class as u64).shuffle(&mut rows);
        rows.truncate((fraction * rows.len() as f64).round() as usize);
        held_out.append(&mut rows);
    }
    held_out.sort_unstable();
    Ok(held_out)
}
