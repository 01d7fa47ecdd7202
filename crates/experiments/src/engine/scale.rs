//! Whether features have a scale that the network can learn from.

use std::collections::BTreeMap;

use ndarray::ArrayView2;

use crate::engine::arm::Arm;
use crate::engine::notes::{Note, magnitude};
use crate::engine::sets::LabelledFeatures;
use crate::engine::standardisation::moments;
use crate::error::{Error, Result};

/// Features whose root mean square lies outside this range are far from 1.
const USUAL: std::ops::RangeInclusive<f64> = 0.1..=10.0;
/// Features whose root mean square is this many times their deviation are far from mean 0.
const FAR_FROM_ZERO: f64 = 5.0;
/// Training and test features that differ by this factor were not made alike.
const UNLIKE: f64 = 100.0;

/// The scale of features x (N, D).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    /// √(Σ x² / (N D)) = √(Σ (σ² + μ²) / D), where μ and σ² (D) are means and variances of the columns.
    root_mean_square: f64,
    /// √(Σ σ² / D).
    deviation: f64,
}

impl Scale {
    fn of(x: ArrayView2<'_, f32>) -> Self {
        let (mean, variance) = moments(x);
        let around = variance.sum() / x.ncols().max(1) as f64;
        let squares = around + mean.mapv(|mean| mean * mean).sum() / x.ncols().max(1) as f64;
        Self { root_mean_square: squares.sqrt(), deviation: around.sqrt() }
    }

    fn is_odd(self) -> bool {
        let Self { root_mean_square, deviation } = self;
        root_mean_square > 0.0
            && (!USUAL.contains(&root_mean_square) || root_mean_square > FAR_FROM_ZERO * deviation)
    }
}

/// Root mean square and deviation from the means of the columns of features x (N, D), if they are so far from 1 and from each other
/// that a network learns little from such features as they are.
pub fn odd_scale(x: ArrayView2<'_, f32>) -> Option<(f64, f64)> {
    let scale = Scale::of(x);
    scale.is_odd().then_some((scale.root_mean_square, scale.deviation))
}

/// A note on each of `arms` that trains on features as they are, if they are far from mean 0 and deviation 1.
///
/// # Errors
/// [`Error::Argument`] if the features of an arm are 100 times as large as those of the test set, or as small.
pub(crate) fn check_scales<'a>(arms: &'a [Arm<'_>], test: &LabelledFeatures) -> Result<Vec<(&'a str, Note)>> {
    let of_test = Scale::of(test.features()).root_mean_square;
    let (mut notes, mut known) = (Vec::new(), BTreeMap::new());
    for arm in arms {
        let Some(first) = arm.fixed().next() else { continue };
        // Arms share sets.
        let scale = *known.entry(first.digest()).or_insert_with(|| Scale::of(first.features()));
        let ratio = scale.root_mean_square / of_test;
        if ratio.is_finite() && ratio > 0.0 && !(1.0 / UNLIKE..=UNLIKE).contains(&ratio) {
            return Err(Error::Argument {
                operation: "comparing the scales of training and test features",
                expected: format!(
                    "features of one scale; those of the test set have a root mean square of {}",
                    magnitude(of_test)
                ),
                actual: format!("{} in arm `{}`", magnitude(scale.root_mean_square), arm.name()),
                next: "make every set with the same network and the same scaling",
            });
        }
        if scale.is_odd() && !arm.is_standardised() {
            let Scale { root_mean_square, deviation } = scale;
            notes.push((arm.name(), Note::FeatureScale { root_mean_square, deviation }));
        }
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Rows around `mean` with the deviation `deviation`.
    fn set(mean: f32, deviation: f32) -> LabelledFeatures {
        let x =
            Array2::from_shape_fn((20, 4), |(i, _)| mean + if i % 2 == 0 { deviation } else { -deviation });
        LabelledFeatures::new(x, vec![0; 20]).unwrap()
    }

    fn notes(mean: f32, deviation: f32) -> usize {
        let set = set(mean, deviation);
        check_scales(&[Arm::new("a", 0.1).with(&set)], &set).unwrap().len()
    }

    #[test]
    fn features_far_from_mean_zero_and_deviation_one_are_noted_and_usual_ones_are_not() {
        for (mean, deviation) in [(0.0, 1.0), (0.4, 0.3), (2.0, 1.0), (0.0, 0.0)] {
            assert_eq!(notes(mean, deviation), 0, "{mean} {deviation}");
        }
        for (mean, deviation) in [(100.0, 1.0), (0.0, 0.04), (3.0, 0.5), (0.0, 50.0)] {
            assert_eq!(notes(mean, deviation), 1, "{mean} {deviation}");
        }
    }

    #[test]
    fn a_standardised_arm_needs_no_note() {
        let set = set(100.0, 1.0);
        let arms = [Arm::new("a", 0.1).with(&set).standardised()];
        assert!(check_scales(&arms, &set).unwrap().is_empty());
    }

    #[test]
    fn a_training_set_of_another_scale_than_the_test_set_is_refused() {
        let (tiny, usual) = (set(0.0, 1e-8), set(0.0, 1.0));
        for (train, test) in [(&tiny, &usual), (&usual, &tiny)] {
            let arms = [Arm::new("a", 0.1).with(train).standardised()];
            let message = check_scales(&arms, test).unwrap_err().to_string();
            assert!(message.contains("in arm `a`") && message.contains("e-8"), "{message}");
        }
    }
}
