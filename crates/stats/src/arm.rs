//! The accuracy of one arm: of a recipe over seeds and test images, or of one fixed classifier over test images.

use crate::components::Components;
use crate::contrast::check_level;
use crate::error::{Result, require};
use crate::interval::Interval;
use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// An accuracy, a fraction in [0, 1], with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Share of correct predictions.
    pub accuracy: f64,
    /// Interval for the accuracy on the population that the function names.
    pub interval: Interval,
}

/// Accuracy of a recipe on new seeds and new test images; `correct` is (S, N), true where the model of seed s has image i
/// right. It has the standard error and degrees of freedom of [`Components::contrast`].
///
/// # Errors
/// If there are fewer than 2 seeds or 2 images, or `level` is outside (0, 1).
///
/// ```
/// use mlprobe_stats::recipe_accuracy;
/// use ndarray::Array2;
///
/// let correct = Array2::from_shape_fn((5, 100), |(s, i)| (s + i) % 5 != 0);
/// let recipe = recipe_accuracy(correct.view(), 0.95)?;
/// assert!((recipe.accuracy - 0.8).abs() < 1e-12 && recipe.interval.contains(0.8));
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn recipe_accuracy(correct: ArrayView2<'_, bool>, level: f64) -> Result<Accuracy> {
    let never = Array2::from_elem(correct.dim(), false);
    let contrast = Components::of_difference(correct, never.view())?.contrast();
    Ok(Accuracy { accuracy: contrast.difference, interval: contrast.interval(level)? })
}

/// Accuracy of one fixed classifier on new test images; `correct` is (N). Use it for a classifier without a seed, such as
/// nearest neighbours: it says nothing of other training runs.
///
/// With p the share of correct images and z the normal quantile, the interval is Wilson's,
///
/// (p + z²/(2N) ± z sqrt(p (1 - p) / N + z²/(4N²))) / (1 + z²/N),
///
/// which stays within [0, 1] and covers well for p near 0 or 1 (Wilson, JASA 22, 1927, 209-212; recommended by Brown, Cai
/// and DasGupta, Statistical Science 16, 2001, 101-133).
///
/// # Errors
/// If there are no images, or `level` is outside (0, 1).
///
/// ```
/// use mlprobe_stats::classifier_accuracy;
/// use ndarray::Array1;
///
/// let correct = Array1::from_shape_fn(100, |i| i % 5 != 0);
/// let knn = classifier_accuracy(correct.view(), 0.95)?;
/// assert_eq!(knn.accuracy, 0.8);
/// assert!((knn.interval.low - 0.7112).abs() < 1e-4 && (knn.interval.high - 0.8666).abs() < 1e-4);
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn classifier_accuracy(correct: ArrayView1<'_, bool>, level: f64) -> Result<Accuracy> {
    const OPERATION: &str = "accuracy of a classifier";
    require(!correct.is_empty(), OPERATION, "one or more test images", "none", "give a test set")?;
    check_level(OPERATION, level)?;
    let n = correct.len() as f64;
    let p = correct.iter().filter(|&&right| right).count() as f64 / n;
    let z = Normal::standard().inverse_cdf(0.5 * (1.0 + level));
    let square = z * z / n;
    let centre = (p + 0.5 * square) / (1.0 + square);
    let half_width = (p * (1.0 - p) * square + 0.25 * square * square).sqrt() / (1.0 + square);
    let (low, high) = ((centre - half_width).max(0.0), (centre + half_width).min(1.0));
    Ok(Accuracy { accuracy: p, interval: Interval { level, low, high } })
}
