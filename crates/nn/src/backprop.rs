//! The whole network: forward, and right under it backward.
//!
//! Layer l of L computes Z⁽ˡ⁾ = A⁽ˡ⁻¹⁾·W⁽ˡ⁾ᵀ + b⁽ˡ⁾, where A⁽⁰⁾ = X and A⁽ˡ⁾ = relu(Z⁽ˡ⁾); softmax follows
//! the last. Rows are examples, so every matrix here is the transpose of the one in the usual column
//! notation.

use crate::activation::{drelu, relu};
use crate::dropout::{ddropout, draw_mask, dropout};
use crate::features::FeaturesView;
use crate::linear::{dbias, dweight};
use crate::loss::{Terms, dsoftmax_cross_entropy, softmax_cross_entropy, total_loss};
use crate::{Linear, Precision, Real};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use rand_chacha::ChaCha8Rng;

/// What the passes over a batch write, allocated once for batches of up to a number of rows.
/// A batch of m rows uses the first m.
pub(crate) struct Workspace<F> {
    /// That of the products forward and of the gradients of the weights; everything else is computed in F.
    precision: Precision,
    /// Z⁽ˡ⁾ (m, out) of each layer; the last are the logits.
    z: Vec<Array2<F>>,
    /// A⁽ˡ⁾ (m, out) of each hidden layer.
    a: Vec<Array2<F>>,
    /// dL/dZ⁽ˡ⁾ (m, out) of each layer. The last holds the softmax P until the backward pass makes it P - Y.
    dz: Vec<Array2<F>>,
    /// M⁽ˡ⁾ (m, out) of each hidden layer; empty without dropout.
    masks: Vec<Array2<F>>,
    /// The terms of the loss of each example (m).
    terms: Vec<Terms>,
}

impl<F: Real> Workspace<F> {
    pub(crate) fn new(precision: Precision, layers: &[Linear<F>], rows: usize) -> Self {
        let buffers = |layers: &[Linear<F>]| -> Vec<_> {
            layers.iter().map(|layer| Array2::zeros((rows, layer.outputs()))).collect()
        };
        let hidden = &layers[..layers.len() - 1];
        Self {
            precision,
            z: buffers(layers),
            a: buffers(hidden),
            dz: buffers(layers),
            masks: Vec::new(),
            terms: vec![Terms::default(); rows],
        }
    }

    /// Draws the units of hidden layer `l` that the next passes over m rows silence, each with probability `p`.
    pub(crate) fn draw_dropout(&mut self, generator: &mut ChaCha8Rng, p: f64, l: usize, rows: usize) {
        if self.masks.is_empty() {
            self.masks = self.a.clone();
        }
        draw_mask(generator, p, first_mut(&mut self.masks[l], rows));
    }

    /// A⁽ˡ⁻¹⁾ (m, in), which is `x` for the first layer, and dL/dZ⁽ˡ⁾ (m, out).
    pub(crate) fn input_and_dz<'a>(
        &'a self,
        x: FeaturesView<'a, F>,
        l: usize,
    ) -> (FeaturesView<'a, F>, ArrayView2<'a, F>) {
        let m = x.nrows();
        (if l == 0 { x } else { first(&self.a[l - 1], m).into() }, first(&self.dz[l], m))
    }

    /// The terms of the losses (m) of a batch of m rows, after its [`forward_loss`].
    pub(crate) fn terms(&self, rows: usize) -> &[Terms] {
        &self.terms[..rows]
    }

    /// The logits (m, K) of a batch of m rows, after its forward pass.
    pub(crate) fn logits(&self, rows: usize) -> ArrayView2<'_, F> {
        first(&self.z[self.z.len() - 1], rows)
    }
}

/// x (m, D); leaves the logits (m, K) in the workspace.
pub(crate) fn forward<F: Real>(layers: &[Linear<F>], x: FeaturesView<F>, workspace: &mut Workspace<F>) {
    let Workspace { precision, z, a, masks, .. } = workspace;
    let m = x.nrows();
    for (l, layer) in layers.iter().enumerate() {
        // Z⁽ˡ⁾ = A⁽ˡ⁻¹⁾·W⁽ˡ⁾ᵀ + b⁽ˡ⁾
        let input = if l == 0 { x.view() } else { first(&a[l - 1], m).into() };
        layer.forward(*precision, input, first_mut(&mut z[l], m));
        // A⁽ˡ⁾ = relu(Z⁽ˡ⁾)
        if l < a.len() {
            relu(first(&z[l], m), first_mut(&mut a[l], m));
        }
        // A⁽ˡ⁾ ← A⁽ˡ⁾ ⊙ M⁽ˡ⁾
        if let Some(mask) = masks.get(l) {
            dropout(first(mask, m), first_mut(&mut a[l], m));
        }
    }
}

/// x (m, D), labels (m), weights (m) or none where all are 1. Returns the sum of the losses over the batch; leaves logits
/// and softmax in the workspace.
pub(crate) fn forward_loss<F: Real>(
    layers: &[Linear<F>],
    x: FeaturesView<F>,
    labels: &[u16],
    weights: &[F],
    workspace: &mut Workspace<F>,
) -> f64 {
    forward(layers, x, workspace);
    let Workspace { z, dz, terms, .. } = workspace;
    let (last, m) = (layers.len() - 1, x.nrows());
    // P = softmax(Z⁽ᴸ⁾),  m·L = -Σ w ⊙ Y ⊙ ln P
    softmax_cross_entropy(first(&z[last], m), labels, weights, first_mut(&mut dz[last], m), &mut terms[..m]);
    total_loss(terms[..m].iter())
}

/// labels (m) and weights (m), right after their [`forward_loss`]. Leaves dL/dZ⁽ˡ⁾ (m, out) of each layer and example in the
/// workspace.
pub(crate) fn backward<F: Real>(
    layers: &[Linear<F>],
    labels: &[u16],
    weights: &[F],
    workspace: &mut Workspace<F>,
) {
    let Workspace { z, dz, masks, .. } = workspace;
    let (last, m) = (layers.len() - 1, labels.len());
    // dZ⁽ᴸ⁾ = w ⊙ (P - Y)
    dsoftmax_cross_entropy(labels, weights, first_mut(&mut dz[last], m));
    for l in (0..last).rev() {
        let (below, above) = dz.split_at_mut(l + 1);
        let (mut da, dz) = (first_mut(&mut below[l], m), first(&above[0], m));
        // dA⁽ˡ⁾ = dZ⁽ˡ⁺¹⁾·W⁽ˡ⁺¹⁾
        layers[l + 1].backward(dz, da.view_mut());
        // dA⁽ˡ⁾ ← dA⁽ˡ⁾ ⊙ M⁽ˡ⁾
        if let Some(mask) = masks.get(l) {
            ddropout(first(mask, m), da.view_mut());
        }
        // dZ⁽ˡ⁾ = dA⁽ˡ⁾ ⊙ [Z⁽ˡ⁾ ≥ 0]
        drelu(first(&z[l], m), da);
    }
}

/// x (m, D), right after its [`backward`]. Adds to `gradients` the sums over the examples of dL/dW⁽ˡ⁾ (out, in) and
/// dL/db⁽ˡ⁾ (out) of each layer.
pub(crate) fn add_gradients<F: Real>(
    x: FeaturesView<F>,
    workspace: &Workspace<F>,
    gradients: &mut [Linear<F>],
) {
    for (l, gradient) in gradients.iter_mut().enumerate() {
        let (input, dz) = workspace.input_and_dz(x.view(), l);
        // dW⁽ˡ⁾ ← dW⁽ˡ⁾ + dZ⁽ˡ⁾ᵀ·A⁽ˡ⁻¹⁾,  db⁽ˡ⁾ ← db⁽ˡ⁾ + Σ dZ⁽ˡ⁾
        dweight(workspace.precision, input, dz, gradient.weight.view_mut().reversed_axes());
        dbias(dz, &mut gradient.bias);
    }
}

/// The first m rows.
pub(crate) fn first<F>(rows: &Array2<F>, m: usize) -> ArrayView2<'_, F> {
    rows.slice_axis(Axis(0), Slice::from(..m))
}

fn first_mut<F>(rows: &mut Array2<F>, m: usize) -> ArrayViewMut2<'_, F> {
    rows.slice_axis_mut(Axis(0), Slice::from(..m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{generator, symmetric};
    use ndarray::Array1;

    /// The step and the tolerance are derived in `tests/gradients.rs`, which checks all other gradients.
    #[test]
    fn gradients_with_dropout_agree_with_central_differences() {
        const STEP: f64 = 1e-5;
        let mut generator = generator(1, "test", 0);
        let mut layer = |inputs, outputs| Linear {
            weight: Array2::from_shape_simple_fn((outputs, inputs), || symmetric(&mut generator, 1.0)),
            bias: Array1::from_elem(outputs, 0.3),
        };
        let layers = [layer(6, 5), layer(5, 4), layer(4, 3)];
        let x = Array2::from_shape_fn((7, 6), |(i, j)| ((i * 6 + j) as f64 * 0.618).fract() - 0.5);
        let labels = [0, 1, 2, 0, 1, 2, 0];
        let mut workspace = Workspace::new(Precision::F32, &layers, 7);
        (0..2).for_each(|l| workspace.draw_dropout(&mut generator, 0.4, l, 7));
        assert!(workspace.masks.iter().all(|mask| mask.iter().any(|&mask| mask == 0.0)));

        let mut gradients = layers.to_vec();
        gradients.iter_mut().for_each(Linear::fill_zero);
        forward_loss(&layers, x.view().into(), &labels, &[], &mut workspace);
        backward(&layers, &labels, &[], &mut workspace);
        add_gradients(x.view().into(), &workspace, &mut gradients);
        gradients.iter_mut().for_each(|gradient| gradient.divide(7));
        for (l, gradient) in gradients.iter().enumerate() {
            for (at, gradient) in gradient.weight.indexed_iter() {
                let mut loss = |step| {
                    let mut moved = layers.clone();
                    moved[l].weight[at] += step;
                    forward_loss(&moved, x.view().into(), &labels, &[], &mut workspace) / 7.0
                };
                let difference = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
                assert!(
                    (gradient - difference).abs() < 3e-9,
                    "layer {l}, weight {at:?}: {gradient} {difference}"
                );
            }
        }
    }
}
