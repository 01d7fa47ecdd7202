//! Dropout: forward, and right under it backward.
//!
//! Each hidden unit of each example is silenced with probability p, and the others are scaled by 1/(1-p), so
//! that no scaling is needed when the network is used (Srivastava et al., "Dropout", JMLR 15, 2014, section
//! 10).

use crate::Real;
use crate::random::bernoulli;
use ndarray::{ArrayView2, ArrayViewMut2};
use rand_chacha::ChaCha8Rng;

/// mask (m, H): 0 with probability `p`, else 1/(1-p).
pub(crate) fn draw_mask<F: Real>(generator: &mut ChaCha8Rng, p: f64, mut mask: ArrayViewMut2<F>) {
    let kept = F::from_f64(1.0 / (1.0 - p));
    mask.iter_mut().for_each(|mask| *mask = if bernoulli(generator, p) { F::zero() } else { kept });
}

/// mask (m, H), a (m, H).
pub(crate) fn dropout<F: Real>(mask: ArrayView2<F>, mut a: ArrayViewMut2<F>) {
    // A ← A ⊙ M
    a *= &mask;
}

/// mask (m, H), da (m, H).
pub(crate) fn ddropout<F: Real>(mask: ArrayView2<F>, mut da: ArrayViewMut2<F>) {
    // dA ← dA ⊙ M
    da *= &mask;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use ndarray::Array2;

    #[test]
    fn a_mask_silences_its_share_and_keeps_the_mean() {
        let mut mask = Array2::<f64>::zeros((200, 500));
        for p in [0.1, 0.5, 0.9] {
            draw_mask(&mut generator(1, "test", 0), p, mask.view_mut());
            let kept = 1.0 / (1.0 - p);
            assert!(mask.iter().all(|&mask| mask == 0.0 || mask == kept));
            // Over 100,000 units the standard error of the share is at most 0.0016: five of them.
            let share = mask.iter().filter(|&&mask| mask == 0.0).count() as f64 / 1e5;
            assert!((share - p).abs() < 0.008, "{share} for {p}");
        }
    }
}
