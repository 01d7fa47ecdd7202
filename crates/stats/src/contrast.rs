//! A contrast: one estimated difference with its standard error, its intervals and its p-values.

use crate::error::{Result, require};
use crate::interval::{Interval, students_t, t_quantile};
use serde::{Deserialize, Serialize};
use statrs::distribution::ContinuousCDF;

/// A difference between two recipes, a minus b, with what an interval for it takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The estimate, in the unit of the metric.
    pub difference: f64,
    /// Its standard error in the same unit, 0 or more.
    pub std_error: f64,
    /// Degrees of freedom of the standard error (Satterthwaite's), above 0.
    pub degrees: f64,
    /// Number of seeds S that the estimate comes from.
    pub seeds: usize,
}

impl Contrast {
    /// Student's interval at `level`: difference ± F⁻¹((1 + level) / 2) std_error, where F is the distribution
    /// function of Student's t with `degrees` degrees of freedom.
    ///
    /// # Errors
    /// If the contrast is not made of finite numbers with std_error >= 0 and degrees > 0, or `level` is outside (0, 1).
    ///
    /// ```
    /// use mlprobe_stats::Contrast;
    ///
    /// let gain = Contrast { difference: 0.02, std_error: 0.005, degrees: 4.0, seeds: 5 };
    /// let interval = gain.interval(0.95)?; // 0.02 ± 2.776 * 0.005
    /// assert!((interval.low - 0.006_118).abs() < 1e-6);
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn interval(&self, level: f64) -> Result<Interval> {
        const OPERATION: &str = "interval of a contrast";
        check_level(OPERATION, level)?;
        self.check(OPERATION)?;
        let t = t_quantile(OPERATION, self.degrees, level)?;
        Ok(self.around(t * self.std_error, level))
    }

    /// An interval that holds the true difference with probability `level` or more, whatever share of the variance
    /// is due to seeds. [`interval`](Self::interval) can fall short of its level where few seeds and the test images
    /// contribute similar shares, because its degrees of freedom are themselves an estimate.
    ///
    /// With w the share due to seeds and t(v) Student's two-sided quantile with v degrees of freedom:
    ///
    /// difference ± std_error sqrt(w t(S - 1)² + (1 - w) t(degrees)²),  w = min(1, sqrt((S - 1) / degrees))
    ///
    /// The quantile of each part is weighted by that part's own estimate, and coverage is then at least `level` for
    /// normal effects (Banerjee, Sankhya 22, 1960, 357-358). w follows from Satterthwaite's formula
    /// 1 / degrees = w² / (S - 1) + (1 - w)² / (N - 1); leaving out the second term rounds w up.
    ///
    /// # Errors
    /// As [`interval`](Self::interval), and if there are fewer than 2 seeds.
    ///
    /// ```
    /// use mlprobe_stats::Contrast;
    ///
    /// let gain = Contrast { difference: 0.02, std_error: 0.005, degrees: 16.0, seeds: 5 };
    /// let (plain, guarded) = (gain.interval(0.95)?, gain.guarded_interval(0.95)?);
    /// assert!(guarded.low < plain.low);
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn guarded_interval(&self, level: f64) -> Result<Interval> {
        const OPERATION: &str = "guarded interval of a contrast";
        check_level(OPERATION, level)?;
        self.check(OPERATION)?;
        require(self.seeds >= 2, OPERATION, "2 or more seeds", self.seeds, "run more seeds")?;
        let over_seeds = (self.seeds - 1) as f64;
        let share = (over_seeds / self.degrees).sqrt().min(1.0);
        let square = |degrees: f64| {
            let t = t_quantile(OPERATION, degrees, level)?;
            Ok::<_, crate::Error>(t * t)
        };
        let t = (share * square(over_seeds)? + (1.0 - share) * square(self.degrees)?).sqrt();
        Ok(self.around(t * self.std_error, level))
    }

    /// Two-sided p-value of "the true difference is 0": 2 F(-|difference| / std_error). Where std_error is 0: 1 if the
    /// difference is 0 too, else 0 (the limits).
    ///
    /// # Errors
    /// If the contrast is not made of finite numbers with std_error >= 0 and degrees > 0.
    ///
    /// ```
    /// use mlprobe_stats::Contrast;
    ///
    /// // At the quantile of the 95 % interval, p is 5 %.
    /// let edge = Contrast { difference: 2.776_445, std_error: 1.0, degrees: 4.0, seeds: 5 };
    /// assert!((edge.p_value()? - 0.05).abs() < 1e-6);
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn p_value(&self) -> Result<f64> {
        const OPERATION: &str = "p-value of a contrast";
        Ok((2.0 * self.tail(OPERATION, self.difference.abs())?).min(1.0))
    }

    /// p-value of "the true difference is `margin` or more in either direction", from two one-sided tests:
    /// F((|difference| - margin) / std_error), the larger of the two.
    ///
    /// It is below 5 % exactly where the 90 % interval lies inside ± `margin`. Where std_error is 0: 0 if the difference
    /// lies inside, else 1. Source: Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987, 657-680.
    ///
    /// # Errors
    /// As [`p_value`](Self::p_value), and if `margin` is not a finite number above 0.
    ///
    /// ```
    /// use mlprobe_stats::Contrast;
    ///
    /// let small = Contrast { difference: 0.001, std_error: 0.001, degrees: 9.0, seeds: 10 };
    /// assert!(small.equivalence_p_value(0.005)? < 0.01); // four standard errors inside the margin
    /// assert!(small.equivalence_p_value(0.002)? > 0.1); // one
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn equivalence_p_value(&self, margin: f64) -> Result<f64> {
        const OPERATION: &str = "equivalence p-value of a contrast";
        check_margin(OPERATION, margin)?;
        let inside = margin - self.difference.abs();
        if inside == 0.0 {
            self.check(OPERATION)?;
            return Ok(if self.std_error > 0.0 { 0.5 } else { 1.0 });
        }
        self.tail(OPERATION, inside)
    }

    /// P(std_error T > distance), T from Student's t; the limits where std_error is 0.
    fn tail(&self, operation: &'static str, distance: f64) -> Result<f64> {
        self.check(operation)?;
        if self.std_error == 0.0 {
            return Ok(if distance > 0.0 { 0.0 } else { 1.0 });
        }
        Ok(students_t(operation, self.degrees)?.cdf(-distance / self.std_error))
    }

    fn around(&self, half_width: f64, level: f64) -> Interval {
        Interval { level, low: self.difference - half_width, high: self.difference + half_width }
    }

    pub(crate) fn check(&self, operation: &'static str) -> Result<()> {
        let valid = self.difference.is_finite()
            && (0.0..f64::INFINITY).contains(&self.std_error)
            && (f64::MIN_POSITIVE..f64::INFINITY).contains(&self.degrees);
        let actual = format_args!(
            "difference {}, std_error {}, degrees {}",
            self.difference, self.std_error, self.degrees
        );
        let expected = "finite numbers with std_error >= 0 and degrees > 0";
        require(valid, operation, expected, actual, "look for a run that diverged")
    }
}

/// A confidence level is a probability, and neither 0 nor 1.
pub(crate) fn check_level(operation: &'static str, level: f64) -> Result<()> {
    require(0.0 < level && level < 1.0, operation, "a level in (0, 1)", level, "0.95 is usual")
}

/// A margin of equivalence is a finite length above 0.
pub(crate) fn check_margin(operation: &'static str, margin: f64) -> Result<()> {
    let next = "state the largest difference that would not matter, such as 0.005 for half a point";
    require(margin > 0.0 && margin.is_finite(), operation, "a finite margin above 0", margin, next)
}
