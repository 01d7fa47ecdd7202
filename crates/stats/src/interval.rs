//! Confidence intervals, and the distribution that most of them come from.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::error::{Error, Result, require};

/// A confidence interval, in the unit of the quantity it is about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Share of studies whose interval should hold the true value, in (0, 1); for example 0.95.
    pub level: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Student's t with `degrees` of freedom, location 0 and scale 1.
pub(crate) fn students_t(operation: &'static str, degrees: f64) -> Result<StudentsT> {
    StudentsT::new(0.0, 1.0, degrees).map_err(|_| Error {
        operation,
        expected: "degrees of freedom above 0".to_owned(),
        actual: degrees.to_string(),
        next: "give more seeds",
    })
}

/// Student's two-sided quantile: the t > 0 with P(-t < T < t) = `level`, T with `degrees` of freedom.
///
/// Above 20,000 degrees of freedom, where `statrs` may search without end, the expansion around the normal quantile z,
///
/// t = z + (z³ + z) / (4 v) + (5 z⁵ + 16 z³ + 3 z) / (96 v²) + O(v⁻³),
///
/// is exact to 13 digits (Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.7.5).
pub(crate) fn t_quantile(operation: &'static str, degrees: f64, level: f64) -> Result<f64> {
    let probability = 0.5 * (1.0 + level);
    if degrees <= 20_000.0 {
        return Ok(students_t(operation, degrees)?.inverse_cdf(probability));
    }
    let z = Normal::standard().inverse_cdf(probability);
    let square = z * z;
    let first = z * (square + 1.0) / 4.0;
    let second = z * (5.0 * square * square + 16.0 * square + 3.0) / 96.0;
    Ok(z + first / degrees + second / (degrees * degrees))
}

/// The degrees of freedom whose [`t_quantile`] at `level` is `quantile`, between 1 and 1e7.
pub(crate) fn degrees_of_quantile(quantile: f64, level: f64) -> Result<f64> {
    const OPERATION: &str = "degrees of freedom of a stored interval";
    const NEXT: &str = "score the stored predictions again";
    require(0.0 < level && level < 1.0, OPERATION, "a level in (0, 1)", level, NEXT)?;
    let (mut few, mut many) = (1.0, 1e7);
    let (largest, smallest) = (t_quantile(OPERATION, few, level)?, t_quantile(OPERATION, many, level)?);
    let expected = format!("half width / std_error between {smallest} and {largest}");
    // Rounding of the stored ends may take a quantile a little beyond these.
    let possible = smallest * (1.0 - 1e-6) <= quantile && quantile <= largest * (1.0 + 1e-6);
    require(possible, OPERATION, &expected, quantile, NEXT)?;
    // Quantiles fall as degrees grow: halve the bracket on a logarithmic scale, down to f64's last bits.
    for _ in 0..60 {
        let middle = f64::sqrt(few * many);
        if t_quantile(OPERATION, middle, level)? > quantile {
            few = middle;
        } else {
            many = middle;
        }
    }
    Ok((few * many).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_end_and_invert_the_distribution_for_all_degrees_and_levels() {
        for degrees in
            [1.0, 1.3, 2.0, 2.9, 4.0, 7.5, 29.0, 55.0, 300.0, 2_000.0, 9_999.0, 19_999.0, 20_001.0, 1e6]
        {
            for level in [0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999] {
                let t = t_quantile("test", degrees, level).unwrap();
                let outside = 2.0 * students_t("test", degrees).unwrap().cdf(-t);
                // `statrs` ends its search with six digits or more, here 3e-8 at worst.
                let error = outside / (1.0 - level) - 1.0;
                assert!(error.abs() < 1e-6, "{degrees} degrees, level {level}: {error:e}");
            }
        }
    }

    #[test]
    fn degrees_come_back_from_their_quantile() {
        for degrees in [1.0, 2.0, 4.0, 6.37, 55.0, 812.5, 9_999.0, 50_000.0] {
            let quantile = t_quantile("test", degrees, 0.95).unwrap();
            let back = degrees_of_quantile(quantile, 0.95).unwrap();
            // dt/dv falls as 2.4 / v²: the 13 digits of t leave 9 of v = 10,000.
            assert!((back / degrees - 1.0).abs() < 1e-7, "{degrees}: {back}");
        }
    }
}
