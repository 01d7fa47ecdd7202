//! The four answers to "is recipe a better than recipe b?", and the one rule that gives them.

use crate::contrast::{Contrast, check_margin};
use crate::error::Result;
use crate::interval::Interval;
use serde::{Deserialize, Serialize};

/// Level of the interval that decides "better" and "worse": a two-sided test at 5 %.
pub const LEVEL: f64 = 0.95;
/// Level of the interval that decides "equivalent": two one-sided tests at 5 %.
pub const EQUIVALENCE_LEVEL: f64 = 0.90;
/// With fewer seeds than this, the answer is always "undecided".
pub const FEWEST_SEEDS: usize = 3;

/// What a comparison of a with b has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The difference a - b is above 0.
    Better,
    /// The difference a - b is below 0.
    Worse,
    /// The difference is smaller than the margin in both directions.
    Equivalent,
    /// The data support none of the other three.
    Undecided,
}

/// An answer with the figures that it follows from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// Estimated difference a - b, in the unit of the metric.
    pub difference: f64,
    /// The interval that decides "better" and "worse".
    pub interval: Interval,
    /// The interval that decides "equivalent".
    pub equivalence_interval: Interval,
    /// The largest difference that does not matter, stated before the run.
    pub margin: f64,
    /// Two-sided p-value of "the true difference is 0", as if the data had been looked at once.
    pub p_value: f64,
    /// p-value of "the true difference is `margin` or more in either direction", likewise.
    pub equivalence_p_value: f64,
}

/// Answers whether a is better than b, from a study whose size was fixed before it was looked at.
///
/// 1. `Undecided` with fewer than 3 seeds: one or two differences say too little of how much seeds vary.
/// 2. `Equivalent` if the 90 % interval lies inside ± `margin` (two one-sided tests at 5 %; Schuirmann 1987).
/// 3. `Better` or `Worse` if the 95 % interval lies above or below 0 (a two-sided test at 5 %).
/// 4. `Undecided` otherwise.
///
/// A difference can be proven to exist and to be smaller than the margin. The answer is then `Equivalent`, because the
/// margin was declared in advance to be the size below which a difference does not matter, and because any difference
/// becomes significant when a study is large enough; `interval` and `p_value` still show that it is not 0. Rules 2 and 3
/// each have an error rate of at most 5 %, and no true difference makes both wrong in the same direction, so their
/// order does not change these rates.
///
/// # Errors
/// If `margin` is not a finite number above 0, or the contrast is not made of finite numbers with std_error >= 0 and
/// degrees > 0.
///
/// ```
/// use mlprobe_stats::{Answer, Contrast, decide};
///
/// let of = |difference, seeds| {
///     let contrast = Contrast { difference, std_error: 0.001, degrees: 9.0, seeds };
///     decide(contrast, 0.005).map(|decision| decision.answer)
/// };
/// assert_eq!(of(0.010, 10)?, Answer::Better);
/// assert_eq!(of(-0.010, 10)?, Answer::Worse);
/// assert_eq!(of(0.001, 10)?, Answer::Equivalent);
/// assert_eq!(of(0.010, 2)?, Answer::Undecided);
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn decide(contrast: Contrast, margin: f64) -> Result<Decision> {
    decide_from(contrast, contrast.interval(LEVEL)?, contrast.interval(EQUIVALENCE_LEVEL)?, margin)
}

/// [`decide`] with intervals of the caller's, which holds the rule that every answer comes from.
pub(crate) fn decide_from(
    contrast: Contrast,
    interval: Interval,
    equivalence_interval: Interval,
    margin: f64,
) -> Result<Decision> {
    check_margin("decision", margin)?;
    let answer = if contrast.seeds < FEWEST_SEEDS {
        Answer::Undecided
    } else if -margin < equivalence_interval.low && equivalence_interval.high < margin {
        Answer::Equivalent
    } else if interval.low > 0.0 {
        Answer::Better
    } else if interval.high < 0.0 {
        Answer::Worse
    } else {
        Answer::Undecided
    };
    Ok(Decision {
        answer,
        difference: contrast.difference,
        interval,
        equivalence_interval,
        margin,
        p_value: contrast.p_value()?,
        equivalence_p_value: contrast.equivalence_p_value(margin)?,
    })
}
