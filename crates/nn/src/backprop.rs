//! The whole network: forward, and right under it backward.
//!
//! Layer l of L computes Z⁽ˡ⁾ = A⁽ˡ⁻¹⁾·W⁽ˡ⁾ᵀ + b⁽ˡ⁾, where A⁽⁰⁾ = X and A⁽ˡ⁾ = relu(Z⁽ˡ⁾); softmax follows the last.
//! Rows are examples, so every matrix here is the transpose of the one in the usual column notation.

use crate::activation::{drelu, relu};
use crate::loss::{dsoftmax_cross_entropy, softmax_cross_entropy};
use crate::{Linear, Real};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// What the passes over a batch write, allocated once for batches of up to a number of rows.
/// A batch of m rows uses the first m.
pub(crate) struct Workspace<F> {
    /// Z⁽ˡ⁾ (m, out) of each layer; the last are the logits.
    z: Vec<Array2<F>>,
    /// A⁽ˡ⁾ (m, out) of each hidden layer.
    a: Vec<Array2<F>>,
    /// dL/dZ⁽ˡ⁾ (m, out) of each layer. The last holds the softmax P until the backward pass makes it P - Y.
    dz: Vec<Array2<F>>,
}

impl<F: Real> Workspace<F> {
    pub(crate) fn new(layers: &[Linear<F>], rows: usize) -> Self {
        let buffers = |layers: &[Linear<F>]| -> Vec<_> {
            layers.iter().map(|layer| Array2::zeros((rows, layer.outputs()))).collect()
        };
        Self { z: buffers(layers), a: buffers(&layers[..layers.len() - 1]), dz: buffers(layers) }
    }

    /// The logits (m, K) of a batch of m rows, after its forward pass.
    pub(crate) fn logits(&self, rows: usize) -> ArrayView2<'_, F> {
        first(&self.z[self.z.len() - 1], rows)
    }
}

/// x (m, D); leaves the logits (m, K) in the workspace.
pub(crate) fn forward<F: Real>(layers: &[Linear<F>], x: ArrayView2<F>, workspace: &mut Workspace<F>) {
    let Workspace { z, a, .. } = workspace;
    let m = x.nrows();
    for (l, layer) in layers.iter().enumerate() {
        // Z⁽ˡ⁾ = A⁽ˡ⁻¹⁾·W⁽ˡ⁾ᵀ + b⁽ˡ⁾
        let input = if l == 0 { x } else { first(&a[l - 1], m) };
        layer.forward(input, first_mut(&mut z[l], m));
        // A⁽ˡ⁾ = relu(Z⁽ˡ⁾)
        if l < a.len() {
            relu(first(&z[l], m), first_mut(&mut a[l], m));
        }
    }
}

/// x (m, D), labels (m). Returns the sum of the losses over the batch; leaves logits and softmax in the workspace.
pub(crate) fn forward_loss<F: Real>(
    layers: &[Linear<F>],
    x: ArrayView2<F>,
    labels: &[u8],
    workspace: &mut Workspace<F>,
) -> f64 {
    forward(layers, x, workspace);
    let Workspace { z, dz, .. } = workspace;
    let (last, m) = (layers.len() - 1, x.nrows());
    // P = softmax(Z⁽ᴸ⁾),  m·L = -Σ Y ⊙ ln P
    softmax_cross_entropy(first(&z[last], m), labels, first_mut(&mut dz[last], m))
}

/// x (m, D), labels (m), right after their [`forward_loss`].
/// Leaves in `gradients` the means over the batch of dL/dW⁽ˡ⁾ (out, in) and dL/db⁽ˡ⁾ (out) of each layer.
pub(crate) fn backward<F: Real>(
    layers: &[Linear<F>],
    x: ArrayView2<F>,
    labels: &[u8],
    workspace: &mut Workspace<F>,
    gradients: &mut [Linear<F>],
) {
    let Workspace { z, a, dz } = workspace;
    let (last, m) = (layers.len() - 1, x.nrows());
    // dZ⁽ᴸ⁾ = P - Y
    dsoftmax_cross_entropy(labels, first_mut(&mut dz[last], m));
    for (l, layer) in layers.iter().enumerate().rev() {
        let input = if l == 0 { x } else { first(&a[l - 1], m) };
        let (below, dz) = dz.split_at_mut(l);
        let mut da = below.last_mut().map(|da| first_mut(da, m));
        // dW⁽ˡ⁾ = dZ⁽ˡ⁾ᵀ·A⁽ˡ⁻¹⁾ / m,  db⁽ˡ⁾ = Σ dZ⁽ˡ⁾ / m,  dA⁽ˡ⁻¹⁾ = dZ⁽ˡ⁾·W⁽ˡ⁾
        layer.backward(input, first(&dz[0], m), &mut gradients[l], da.as_mut().map(|da| da.view_mut()));
        // dZ⁽ˡ⁻¹⁾ = dA⁽ˡ⁻¹⁾ ⊙ [Z⁽ˡ⁻¹⁾ ≥ 0]
        if let Some(da) = da {
            drelu(first(&z[l - 1], m), da);
        }
    }
}

/// The first m rows.
pub(crate) fn first<F>(rows: &Array2<F>, m: usize) -> ArrayView2<'_, F> {
    rows.slice_axis(Axis(0), Slice::from(..m))
}

fn first_mut<F>(rows: &mut Array2<F>, m: usize) -> ArrayViewMut2<'_, F> {
    rows.slice_axis_mut(Axis(0), Slice::from(..m))
}
