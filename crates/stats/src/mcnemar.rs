//! McNemar's exact test: two trained models on the same test images.

use crate::error::{Result, require};
use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};

/// The discordant images of two models, and how surprising their split is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Images that only model a has right.
    pub only_a: u64,
    /// Images that only model b has right.
    pub only_b: u64,
    /// Two-sided exact p-value of "each discordant image is as likely to favour a as b".
    pub p_value: f64,
}

/// Tests the discordant counts of two models.
///
/// Images that both models have right, or both wrong, say nothing of the difference. Under the null
/// hypothesis only_a is Binomial(only_a + only_b, 1/2), so
///
/// p = min(1, 2 P(X <= min(only_a, only_b)))
///
/// exactly (no chi-squared approximation, no mid-p); 1 where no image is discordant. The test concerns two
/// trained models, not the recipes that made them (Dietterich, Neural Computation 10, 1998, 1895-1923).
/// Source: McNemar, Psychometrika 12, 1947, 153-157.
///
/// ```
/// use mlprobe_stats::mcnemar_exact;
///
/// // One head or fewer in six tosses: 2 (1 + 6) / 2^6
/// assert!((mcnemar_exact(1, 5).p_value - 0.21875).abs() < 1e-12);
/// ```
pub fn mcnemar_exact(only_a: u64, only_b: u64) -> McNemar {
    let tail = Binomial::new(0.5, only_a + only_b).map_or(1.0, |x| x.cdf(only_a.min(only_b)));
    McNemar { only_a, only_b, p_value: (2.0 * tail).min(1.0) }
}

/// Counts the images that only a, and only b, has right; both (N), true where the prediction was correct.
///
/// # Errors
/// If the lengths differ.
pub fn discordant(correct_a: ArrayView1<'_, bool>, correct_b: ArrayView1<'_, bool>) -> Result<(u64, u64)> {
    let (n_a, n_b) = (correct_a.len(), correct_b.len());
    let actual = format_args!("{n_a} and {n_b}");
    require(n_a == n_b, "discordant", "as many images for a as for b", actual, "score both on one test set")?;
    let pairs = || correct_a.iter().zip(correct_b);
    let only_a = pairs().filter(|&(&a, &b)| a && !b).count();
    let only_b = pairs().filter(|&(&a, &b)| b && !a).count();
    Ok((only_a as u64, only_b as u64))
}
