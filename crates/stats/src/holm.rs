//! Holm's correction: several tests, one family-wise error rate.

use crate::error::{Result, require};

/// Adjusts m p-values, in the order given; reject those at most alpha, and the chance of any false rejection
/// is at most alpha, however the tests depend on each other.
///
/// With p(1) <= ... <= p(m):  adjusted(i) = min(1, max over j <= i of (m - j + 1) p(j))
///
/// Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
/// Statistics 6, 1979, 65-70.
///
/// # Errors
/// If a value is outside [0, 1].
///
/// ```
/// let adjusted = mlprobe_stats::holm(&[0.01, 0.04, 0.03])?;
/// assert_eq!(adjusted, [0.03, 0.06, 0.06]);
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    for p in p_values {
        require((0.0..=1.0).contains(p), "holm", "p-values in [0, 1]", p, "look for the test that made it")?;
    }
    let m = p_values.len();
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let mut adjusted = vec![0.0; m];
    let mut largest = 0.0_f64;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max((m - rank) as f64 * p_values[i]);
        adjusted[i] = largest.min(1.0);
    }
    Ok(adjusted)
}
