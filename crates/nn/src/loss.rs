//! Softmax and cross-entropy: forward, and right under it backward.

use crate::Real;
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

/// z (m, K) logits, p (m, K) their softmax on return.
pub(crate) fn softmax<F: Real>(z: ArrayView2<F>, mut p: ArrayViewMut2<F>) {
    subtract_max(z, p.view_mut());
    normalise_exp(p, |_, _| ());
}

/// z (m, K) logits, labels (m) each below K, weights (m) of each loss, or none where all are 1; p (m, K) the softmax of z
/// on return, terms (m) those of each loss.
pub(crate) fn softmax_cross_entropy<F: Real>(
    z: ArrayView2<F>,
    labels: &[u16],
    weights: &[F],
    mut p: ArrayViewMut2<F>,
    terms: &mut [Terms],
) {
    subtract_max(z, p.view_mut());
    // With s = z - max z: -ln p_y = ln Σ exp(s) - s_y, which never takes the logarithm of a p that was
    // rounded to 0.
    for ((s, &y), terms) in p.outer_iter().zip(labels).zip(&mut *terms) {
        terms.of_label = s[usize::from(y)].into();
    }
    normalise_exp(p, |row, logarithm| {
        terms[row].logarithm = logarithm;
    });
    // L = -w ln p_y
    for (terms, &w) in terms.iter_mut().zip(weights) {
        terms.logarithm *= w.into();
        terms.of_label *= w.into();
    }
}

/// The loss of one example is ln Σ exp(s) - s_y, times its weight.
#[derive(Clone, Copy, Default)]
pub(crate) struct Terms {
    /// ln Σ exp(s)
    logarithm: f64,
    /// s_y
    of_label: f64,
}

/// -Σ wᵢ ln p[i, yᵢ], the sum of the losses over the examples in their order; the mean is 1/m of it.
pub(crate) fn total_loss<'a>(terms: impl Iterator<Item = &'a Terms>) -> f64 {
    let sums = terms.fold(Terms::default(), |sums, terms| Terms {
        logarithm: sums.logarithm + terms.logarithm,
        of_label: sums.of_label + terms.of_label,
    });
    sums.logarithm - sums.of_label
}

/// labels (m), weights (m) or none, dz (m, K): P on entry, dL/dZ on return, for each example by itself.
pub(crate) fn dsoftmax_cross_entropy<F: Real>(labels: &[u16], weights: &[F], mut dz: ArrayViewMut2<F>) {
    // dZ = w ⊙ (P - Y), where row i of Y is 1 at yᵢ and 0 elsewhere, and wᵢ multiplies row i
    for (mut dz, &y) in dz.outer_iter_mut().zip(labels) {
        dz[usize::from(y)] -= F::one();
    }
    for (mut dz, &w) in dz.outer_iter_mut().zip(weights) {
        dz *= w;
    }
}

/// z (m, K), s (m, K) with s = z - max z on return, the maximum of each row by itself.
///
/// Softmax does not change when a constant is added to a row. This one makes every exponent at most 0 and one
/// of them 0: nothing overflows, and the sum of exponentials is at least 1 (Goodfellow et al., Deep Learning,
/// 2016, 4.1).
fn subtract_max<F: Real>(z: ArrayView2<F>, mut s: ArrayViewMut2<F>) {
    for (z, s) in z.outer_iter().zip(s.outer_iter_mut()) {
        let max = z.fold(F::neg_infinity(), |max, &z| if z > max { z } else { max });
        Zip::from(s).and(z).for_each(|s, &z| *s = z - max);
    }
}

/// s (m, K) on entry, p (m, K) on return: p = exp(s) / Σ exp(s), row by row. `row` receives the number of each row and its
/// ln Σ exp(s).
fn normalise_exp<F: Real>(mut p: ArrayViewMut2<F>, mut row: impl FnMut(usize, f64)) {
    p.mapv_inplace(F::exp_portable);
    for (i, mut p) in p.outer_iter_mut().enumerate() {
        let sum = p.sum();
        p *= F::one() / sum;
        row(i, sum.ln_portable().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, array};

    fn softmax_of<F: Real>(z: &Array2<F>) -> Array2<F> {
        let mut p = z.clone();
        softmax(z.view(), p.view_mut());
        p
    }

    fn loss_of<F: Real>(z: &Array2<F>, labels: &[u16]) -> f64 {
        let mut terms = vec![Terms::default(); labels.len()];
        softmax_cross_entropy(z.view(), labels, &[], z.clone().view_mut(), &mut terms);
        total_loss(terms.iter())
    }

    #[test]
    fn uniform_logits_lose_ln_k() {
        let z = Array2::from_elem((3, 10), 4.5);
        let loss = loss_of(&z, &[0, 5, 9]);
        assert!((loss / 3.0 - std::f64::consts::LN_10).abs() < 1e-14, "{loss}");
    }

    #[test]
    fn softmax_does_not_change_with_a_shift() {
        // Eighths and their sums are exact, so that the shifted logits are too, and the bits must agree.
        let z = array![[0.125, -1.5, 2.25], [3.0, 3.0, -0.625]];
        assert_eq!(softmax_of(&z), softmax_of(&(&z + 64.0)));
    }

    #[test]
    fn softmax_and_loss_are_stable_at_ten_thousand() {
        let z = array![[1e4f32, -1e4, 0.0]];
        assert_eq!(softmax_of(&z), array![[1.0, 0.0, 0.0]]);
        for (label, expected) in [(0, 0.0), (1, 2e4), (2, 1e4)] {
            let loss = loss_of(&z, &[label]);
            assert_eq!(loss, expected, "label {label}");
        }
    }

    #[test]
    fn probabilities_sum_to_one() {
        let p = softmax_of(&array![[0.3f64, -2.0, 7.5, 0.0], [1.0, 2.0, 3.0, 4.0]]);
        // K roundings of at most half an ulp each, and one of the reciprocal.
        assert!(p.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 5.0 * f64::EPSILON));
    }

    #[test]
    fn a_logit_that_is_not_finite_shows_in_the_loss() {
        for bad in [f32::NAN, f32::INFINITY] {
            for label in [0, 1] {
                let z = array![[bad, 0.0]];
                assert!(!loss_of(&z, &[label]).is_finite());
            }
        }
    }

    #[test]
    fn the_derivative_is_p_minus_y() {
        let mut dz = array![[0.25, 0.75], [0.5, 0.5]];
        dsoftmax_cross_entropy(&[1, 0], &[], dz.view_mut());
        assert_eq!(dz, array![[0.25, -0.25], [-0.5, 0.5]]);
    }
}
