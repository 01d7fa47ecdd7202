//! The rectifier: forward, and right under it backward.

use crate::Real;
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

/// z (m, H), a (m, H). NaN stays NaN, so that a broken network is noticed in its loss.
pub(crate) fn relu<F: Real>(z: ArrayView2<F>, a: ArrayViewMut2<F>) {
    // A = max(Z, 0)
    Zip::from(z).and(a).for_each(|&z, a| *a = if z < F::zero() { F::zero() } else { z });
}

/// z (m, H), da (m, H): dL/dA on entry, dL/dZ on return. The derivative at 0 is taken as 1.
pub(crate) fn drelu<F: Real>(z: ArrayView2<F>, da: ArrayViewMut2<F>) {
    // dZ = dA ⊙ [Z ≥ 0]
    Zip::from(z).and(da).for_each(|&z, da| *da = if z >= F::zero() { *da } else { F::zero() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn relu_keeps_what_is_positive() {
        let mut a = array![[9.0, 9.0, 9.0]];
        relu(array![[-1.5, 0.0, 2.5]].view(), a.view_mut());
        assert_eq!(a, array![[0.0, 0.0, 2.5]]);
    }

    #[test]
    fn relu_passes_nan_on() {
        let mut a = array![[0.0f32]];
        relu(array![[f32::NAN]].view(), a.view_mut());
        assert!(a[[0, 0]].is_nan());
    }

    #[test]
    fn the_derivative_at_zero_is_one() {
        let mut da = array![[7.0, 7.0, 7.0]];
        drelu(array![[-1.5, 0.0, 2.5]].view(), da.view_mut());
        assert_eq!(da, array![[0.0, 7.0, 7.0]]);
    }
}
