//! Confidence intervals, and the distribution that most of them come from.

use serde::{Deserialize, Serialize};
use statrs::distribution::StudentsT;

use crate::error::{Error, Result};

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
