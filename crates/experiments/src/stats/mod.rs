//! Statistics for comparing two recipes over S seeds and N test images: pure functions in f64.
//!
//! | question | function |
//! |---|---|
//! | how did the seeds of one arm do? | [`summary`] |
//! | by how much do two arms differ on this test set, over new seeds? | [`paired_difference`] |
//! | and over new test images as well? | [`crossed_bootstrap`] |
//! | will a fresh seed favour the first arm? | [`Paired::probability_of_superiority`] |
//! | do two trained models differ on the population of images? | [`mcnemar_exact`] |
//! | which effect would this many seeds have found? | [`minimal_detectable_effect`] |
//! | several claims, one error rate? | [`holm`] |

mod bootstrap;
mod holm;
mod mcnemar;
mod paired;
mod power;
mod summary;

pub use bootstrap::{CrossedBootstrap, crossed_bootstrap};
pub use holm::holm;
pub use mcnemar::{McNemar, discordant, mcnemar_exact};
pub use paired::{Paired, paired_difference};
pub use power::minimal_detectable_effect;
pub use summary::{Summary, summary};

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use statrs::distribution::StudentsT;

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

/// `Ok` if the argument `holds`, otherwise the error that says what would have.
pub(crate) fn require(
    holds: bool,
    operation: &'static str,
    expected: &str,
    actual: impl std::fmt::Display,
    next: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Argument { operation, expected: expected.to_owned(), actual: actual.to_string(), next })
}

/// Every value is a number.
fn require_finite(operation: &'static str, values: &[f64]) -> Result<()> {
    for (i, x) in values.iter().enumerate() {
        let actual = format_args!("{x} at index {i}");
        require(x.is_finite(), operation, "finite values", actual, "look for a run that diverged")?;
    }
    Ok(())
}

/// Student's t with `degrees` of freedom, location 0 and scale 1.
fn students_t(operation: &'static str, degrees: f64) -> Result<StudentsT> {
    StudentsT::new(0.0, 1.0, degrees).map_err(|_| Error::Argument {
        operation,
        expected: "degrees of freedom above 0".to_owned(),
        actual: degrees.to_string(),
        next: "give more seeds",
    })
}
