//! Two arms on the same seeds: Student's t interval for the mean difference, and what a fresh seed would do.

use crate::error::{Result, require, require_finite};
use crate::interval::{Interval, students_t};
use crate::summary::summary;
use serde::{Deserialize, Serialize};
use statrs::distribution::ContinuousCDF;

/// The differences a - b of n paired runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Number of pairs (seeds).
    pub n: usize,
    /// Mean of a - b.
    pub mean: f64,
    /// Sample standard deviation of a - b, divisor n - 1.
    pub std: f64,
    /// Interval for the mean difference over new seeds, on the same test set.
    pub interval: Interval,
    /// mean / (std / sqrt(n)); `None` where std is 0.
    pub t: Option<f64>,
    /// Two-sided p-value of "the mean difference is 0". Where std is 0: 1 if the mean is 0 too, else 0 (the limits).
    pub p_value: f64,
    /// Probability that a beats b on a fresh seed, in [0, 1]. Where std is 0: 1, 1/2 or 0 by the sign of the mean.
    pub probability_of_superiority: f64,
}

/// Compares arms `a` and `b` (n each), where `a[i]` and `b[i]` share seed i.
///
/// With d = a - b, its mean m and standard deviation s, and F the distribution function of Student's t with
/// n - 1 degrees of freedom:
///
/// - interval: m ± F⁻¹((1 + level) / 2) s / sqrt(n)  (Student, "The probable error of a mean", Biometrika 6, 1908)
/// - t = m / (s / sqrt(n)),  p = 2 F(-|t|)
/// - a fresh difference is predicted by m + s sqrt(1 + 1/n) T, T from Student's t, so
///   P(d_new > 0) = F(m / (s sqrt(1 + 1/n)))  (Hahn and Meeker, *Statistical Intervals*, 1991, chapter 4:
///   the prediction interval of one future observation)
///
/// Differences that are equal but for rounding have s = 0. All three are exact where the differences are independent draws of one normal distribution. Seeds are the
/// only thing resampled here: for new test images as well, see [`crossed_bootstrap`](crate::crossed_bootstrap).
///
/// # Errors
/// If the lengths differ, there are fewer than 2 pairs, a value is not finite, or `level` is outside (0, 1).
///
/// ```
/// use mlprobe_stats::paired_difference;
///
/// let gain = paired_difference(&[0.79, 0.80, 0.81], &[0.77, 0.79, 0.78], 0.95)?;
/// assert!((gain.mean - 0.02).abs() < 1e-12);
/// assert!(gain.interval.contains(0.0)); // three seeds are few
/// assert!(gain.probability_of_superiority > 0.88);
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn paired_difference(a: &[f64], b: &[f64], level: f64) -> Result<Paired> {
    const OPERATION: &str = "paired_difference";
    let lengths = format!("{} and {}", a.len(), b.len());
    require(
        a.len() == b.len() && a.len() >= 2,
        OPERATION,
        "two arms with the same seeds, 2 or more",
        lengths,
        "run both arms with the same seeds",
    )?;
    require(0.0 < level && level < 1.0, OPERATION, "a level in (0, 1)", level, "0.95 is usual")?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    require_finite(OPERATION, &differences)?;

    let summary = summary(&differences)?;
    let (n, mean) = (summary.n, summary.mean);
    // Each of a and b is off by at most ε/2 of itself: differences that are equal but for that do not vary.
    let largest = a.iter().chain(b).fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let std = summary.std.filter(|&std| std > 4.0 * f64::EPSILON * largest).unwrap_or(0.0);
    let student = students_t(OPERATION, (n - 1) as f64)?;
    let error = std / (n as f64).sqrt();
    let half_width = student.inverse_cdf(0.5 * (1.0 + level)) * error;
    let t = (std > 0.0).then(|| mean / error);
    let (p_value, probability_of_superiority) = match t {
        Some(t) => (2.0 * student.cdf(-t.abs()), student.cdf(mean / (std * (1.0 + 1.0 / n as f64).sqrt()))),
        None if mean == 0.0 => (1.0, 0.5),
        None => (0.0, if mean > 0.0 { 1.0 } else { 0.0 }),
    };
    Ok(Paired {
        n,
        mean,
        std,
        interval: Interval { level, low: mean - half_width, high: mean + half_width },
        t,
        p_value,
        probability_of_superiority,
    })
}
