//! Mean, spread and range of one metric over the seeds of an arm.

use crate::error::{Result, require, require_finite};
use serde::{Deserialize, Serialize};

/// One metric over n runs, in the metric's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of runs.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation, divisor n - 1; `None` for a single run, which says nothing of spread.
    pub std: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value. Shown, but never a headline: the best of many runs is a biased estimate.
    pub max: f64,
}

/// Summarises `values` (n), one finite number for each run.
///
/// mean = (1/n) sum x; std = sqrt(sum (x - mean)^2 / (n - 1)), in two passes so that a small spread around a
/// large mean keeps its digits.
///
/// # Errors
/// If `values` is empty or holds a number that is not finite.
///
/// ```
/// let accuracy = mlprobe_stats::summary(&[0.77, 0.79, 0.78])?;
/// assert!((accuracy.mean - 0.78).abs() < 1e-12);
/// assert!((accuracy.std.unwrap() - 0.01).abs() < 1e-12);
/// assert_eq!((accuracy.min, accuracy.max), (0.77, 0.79));
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn summary(values: &[f64]) -> Result<Summary> {
    require(!values.is_empty(), "summary", "one or more values", "none", "finish a run first")?;
    require_finite("summary", values)?;
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    Ok(Summary {
        n,
        mean,
        std: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    })
}
