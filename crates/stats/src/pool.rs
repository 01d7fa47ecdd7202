//! One difference from each of several data sets, combined by a random-effects model.

use crate::contrast::Contrast;
use crate::decision::{Decision, LEVEL, decide};
use crate::error::{Result, require};
use crate::interval::{Interval, t_quantile};
use serde::{Deserialize, Serialize};

/// The mean difference over a population of data sets, of which k were studied.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// Number of data sets k.
    pub data_sets: usize,
    /// The mean difference with its standard error, k - 1 degrees of freedom, and the fewest seeds of any data set.
    pub contrast: Contrast,
    /// 95 % interval for the mean difference over data sets.
    pub interval: Interval,
    /// Standard deviation of the true difference between data sets, 0 or more, in the unit of the difference.
    pub between: f64,
    /// 95 % interval for the true difference on one more data set; `None` with fewer than 3, where it is not defined.
    pub prediction: Option<Interval>,
}

impl Pooled {
    /// The answer for the population of data sets, by the rule of [`decide`].
    ///
    /// # Errors
    /// If `margin` is not a finite number above 0.
    pub fn decide(&self, margin: f64) -> Result<Decision> {
        decide(self.contrast, margin)
    }
}

/// Combines the differences of k >= 2 data sets, one [`Contrast`] each.
///
/// The true difference on data set j is drawn from a distribution with mean μ and variance τ², and estimated with error
/// variance s²(j). With weights w(j) = 1 / (s²(j) + τ²):
///
/// - μ = Σ w y / Σ w
/// - τ² >= 0 solves Σ w (y - μ)² = k - 1, and is 0 where the left side is below k - 1 for every τ² (Paule and Mandel, Journal
///   of Research of the National Bureau of Standards 87, 1982, 377-385)
/// - interval: μ ± t(k - 1) / sqrt(Σ w), t Student's quantile (Hartung and Knapp, Statistics in Medicine 20, 2001, 3875-3889)
/// - prediction: μ ± t(k - 2) sqrt(τ² + 1 / Σ w) (Higgins, Thompson and Spiegelhalter, JRSS A 172, 2009, 137-159)
///
/// The choice suits two to five data sets. Paule and Mandel's τ² is less biased than DerSimonian and Laird's where few
/// studies differ in size (Veroniki et al., Research Synthesis Methods 7, 2016, 55-79). Hartung and Knapp's t quantile keeps the
/// level where the normal quantile falls far short; their variance is multiplied by Σ w (y - μ)² / (k - 1), which is 1 at
/// this τ² by definition, and taken as 1 where τ² is 0, so that agreement by chance does not make the interval too short
/// (Röver, Knapp and Friede, BMC Medical Research Methodology 15, 2015, 99). Two data sets give a very long interval,
/// because t(1) = 12.7: they say little of a population of data sets.
///
/// # Errors
/// If there are fewer than 2 data sets, or a contrast has numbers that are not finite or a standard error of 0.
///
/// ```
/// use mlprobe_stats::{Contrast, pool};
///
/// let of = |difference, std_error| Contrast { difference, std_error, degrees: 30.0, seeds: 5 };
/// let pooled = pool(&[of(0.012, 0.002), of(0.003, 0.001), of(0.007, 0.004)])?;
/// assert!(pooled.between > 0.0); // the data sets differ by more than their errors
/// assert!(pooled.prediction.is_some());
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn pool(contrasts: &[Contrast]) -> Result<Pooled> {
    const OPERATION: &str = "pooling data sets";
    let k = contrasts.len();
    require(k >= 2, OPERATION, "2 or more data sets", k, "run the study on another data set")?;
    for contrast in contrasts {
        contrast.check(OPERATION)?;
        let (error, next) = (contrast.std_error, "run more seeds on the data set without variation");
        require(error > 0.0, OPERATION, "standard errors above 0", error, next)?;
    }
    let between = between_variance(contrasts);
    let Weighted { mean, total, .. } = weighted(contrasts, between);
    let (degrees, std_error) = ((k - 1) as f64, total.sqrt().recip());
    let seeds = contrasts.iter().map(|contrast| contrast.seeds).min().unwrap_or(0);
    let contrast = Contrast { difference: mean, std_error, degrees, seeds };
    let prediction = (k >= 3)
        .then(|| {
            let t = t_quantile(OPERATION, (k - 2) as f64, LEVEL)?;
            let half_width = t * (between + std_error * std_error).sqrt();
            Ok::<_, crate::Error>(Interval { level: LEVEL, low: mean - half_width, high: mean + half_width })
        })
        .transpose()?;
    let interval = contrast.interval(LEVEL)?;
    Ok(Pooled { data_sets: k, contrast, interval, between: between.sqrt(), prediction })
}

struct Weighted {
    /// μ
    mean: f64,
    /// Σ w
    total: f64,
    /// Σ w (y - μ)²
    spread: f64,
}

fn weighted(contrasts: &[Contrast], between: f64) -> Weighted {
    let weight = |contrast: &Contrast| (contrast.std_error * contrast.std_error + between).recip();
    let total: f64 = contrasts.iter().map(weight).sum();
    let mean = contrasts.iter().map(|c| weight(c) * c.difference).sum::<f64>() / total;
    let spread = contrasts.iter().map(|c| weight(c) * (c.difference - mean).powi(2)).sum();
    Weighted { mean, total, spread }
}

/// Paule and Mandel's τ².
fn between_variance(contrasts: &[Contrast]) -> f64 {
    let expected = (contrasts.len() - 1) as f64;
    let excess = |between: f64| weighted(contrasts, between).spread > expected;
    if !excess(0.0) {
        return 0.0;
    }
    // The spread falls as τ² grows. It is below k - 1 where τ² is the plain sum of squares.
    let centre = contrasts[0].difference;
    let (mut low, mut high) = (0.0, contrasts.iter().map(|c| (c.difference - centre).powi(2)).sum::<f64>());
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if excess(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
