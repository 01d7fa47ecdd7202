//! Softmax and cross-entropy: forward, and right under it backward.

use crate::Real;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

/// z (m, K) logits, p (m, K) their softmax on return.
pub(crate) fn softmax<F: Real>(z: ArrayView2<F>, mut p: ArrayViewMut2<F>) {
    Zip::from(z.rows()).and(p.rows_mut()).for_each(|z, p| {
        softmax_row(z, p);
    });
}

/// z (m, K) logits, labels (m) each under K, p (m, K) the softmax of z on return.
///
/// Returns Σ -ln p[i, yᵢ], the sum of the losses over the batch; the mean is 1/m of it.
pub(crate) fn softmax_cross_entropy<F: Real>(
    z: ArrayView2<F>,
    labels: &[u8],
    mut p: ArrayViewMut2<F>,
) -> f64 {
    let mut loss = 0.0;
    for ((z, p), &y) in z.outer_iter().zip(p.outer_iter_mut()).zip(labels) {
        let (max, sum) = softmax_row(z, p);
        // -ln p_y = ln Σ exp(z - max z) - (z_y - max z): no logarithm of a p that was rounded to 0
        loss += (F::ln_portable(sum) - (z[usize::from(y)] - max)).into();
    }
    loss
}

/// labels (m), dz (m, K): P on entry, dL/dZ on return, for each example by itself.
pub(crate) fn dsoftmax_cross_entropy<F: Real>(labels: &[u8], mut dz: ArrayViewMut2<F>) {
    // dZ = P - Y, where row i of Y is 1 at yᵢ and 0 elsewhere
    for (mut dz, &y) in dz.axis_iter_mut(Axis(0)).zip(labels) {
        dz[usize::from(y)] -= F::one();
    }
}

/// z (K), p (K) its softmax on return. Returns max z and Σ exp(z - max z).
///
/// Softmax does not change when a constant is added to z. With max z subtracted every exponent is at most 0 and one
/// is 0: nothing overflows, and the sum is at least 1 (Goodfellow et al., Deep Learning, 2016, section 4.1).
fn softmax_row<F: Real>(z: ArrayView1<F>, mut p: ArrayViewMut1<F>) -> (F, F) {
    let max = z.fold(F::neg_infinity(), |max, &z| max.max(z));
    // p = exp(z - max z) / Σ exp(z - max z)
    let mut sum = F::zero();
    Zip::from(&mut p).and(z).for_each(|p, &z| {
        *p = F::exp_portable(z - max);
        sum += *p;
    });
    p *= F::one() / sum;
    (max, sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn softmax_of<F: Real>(z: &Array2<F>) -> Array2<F> {
        let mut p = z.clone();
        softmax(z.view(), p.view_mut());
        p
    }

    #[test]
    fn uniform_logits_lose_ln_k() {
        let z = Array2::from_elem((3, 10), 4.5);
        let loss = softmax_cross_entropy(z.view(), &[0, 5, 9], z.clone().view_mut());
        assert!((loss / 3.0 - 10f64.ln()).abs() < 1e-14, "{loss}");
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
            let loss = softmax_cross_entropy(z.view(), &[label], z.clone().view_mut());
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
                assert!(!softmax_cross_entropy(z.view(), &[label], z.clone().view_mut()).is_finite());
            }
        }
    }

    #[test]
    fn the_derivative_is_p_minus_y() {
        let mut dz = array![[0.25, 0.75], [0.5, 0.5]];
        dsoftmax_cross_entropy(&[1, 0], dz.view_mut());
        assert_eq!(dz, array![[0.25, -0.25], [-0.5, 0.5]]);
    }
}
