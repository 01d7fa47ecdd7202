//! The gradients of one batch, shared out over the threads of a rayon pool.
//!
//! Rows do not depend on each other until their gradients are summed, so each thread takes a part of the rows from
//! features to dL/dZ. Then each thread sums the gradients of its share of the weights over all rows. Every sum runs
//! over the rows in their order and no sum is split, so that the number of threads changes no bit.

use crate::backprop::{Workspace, backward, first, forward_loss};
use crate::linear::{dbias, dweight};
use crate::loss::total_loss;
use crate::random::generator;
use crate::{Examples, Linear, Real};
use ndarray::{Array2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

/// The fewest inputs of a layer whose weights are worth waking another thread for.
const SHARE: usize = 128;

/// How many threads may share the work: those of the rayon pool that this is called in, else only the calling one.
pub(crate) fn threads() -> usize {
    rayon::current_thread_index().map_or(1, |_| rayon::current_num_threads())
}

/// Buffers for the parts of a batch, one a thread; kept from batch to batch.
pub(crate) struct Batch<F> {
    parts: Vec<Part<F>>,
}

/// Which hidden units of a batch are silent follows from these.
pub(crate) struct Dropout {
    /// The probability; 0 for no dropout.
    pub p: f64,
    pub seed: u64,
    /// The number of updates before that batch.
    pub update: u64,
}

/// m rows of a batch.
struct Part<F> {
    m: usize,
    /// X (m, D).
    x: Array2<F>,
    /// (m).
    labels: Vec<u8>,
    workspace: Workspace<F>,
}

impl<F: Real> Batch<F> {
    pub(crate) fn new() -> Self {
        Self { parts: Vec::new() }
    }

    /// Leaves the means over `rows` of dL/dW and dL/db of every layer in `gradients`; returns the sum of the losses.
    /// The features of the `next` batch's rows are fetched meanwhile.
    pub(crate) fn gradients(
        &mut self,
        layers: &[Linear<F>],
        examples: &Examples<F>,
        [rows, next]: [&[usize]; 2],
        dropout: &Dropout,
        gradients: &mut [Linear<F>],
    ) -> f64 {
        let threads = threads();
        let m = rows.len().div_ceil(threads);
        let parts = self.parts(layers, examples, rows.len(), m);
        if dropout.p > 0.0 {
            let mut generator = generator(dropout.seed, "mlprobe/nn/dropout", dropout.update);
            for l in 0..layers.len() - 1 {
                for part in &mut *parts {
                    part.workspace.draw_dropout(&mut generator, dropout.p, l, part.m);
                }
            }
        }
        let soon: Vec<_> = (0..parts.len()).map(|i| examples.slices(chunk(next, m, i))).collect();
        let pass = |(i, part): (usize, &mut Part<F>)| {
            part.pass(layers, examples, chunk(rows, m, i), halves(&soon[i])[0]);
        };
        if threads == 1 {
            parts.iter_mut().enumerate().for_each(pass);
        } else {
            parts.par_iter_mut().enumerate().for_each(pass);
        }
        gradients.iter_mut().for_each(Linear::fill_zero);
        add_gradients(parts, threads, gradients, &soon);
        gradients.iter_mut().for_each(|gradient| gradient.divide(rows.len()));
        total_loss(parts.iter().flat_map(|part| part.workspace.terms(part.m)))
    }

    /// As many parts of `m` rows, the last one of fewer, as `rows` rows need.
    fn parts(
        &mut self,
        layers: &[Linear<F>],
        examples: &Examples<F>,
        rows: usize,
        m: usize,
    ) -> &mut [Part<F>] {
        let count = rows.div_ceil(m);
        if self.parts.first().is_none_or(|part| part.labels.len() < m) {
            self.parts.clear();
        }
        let most = self.parts.len().max(count);
        self.parts.resize_with(most, || Part {
            m: 0,
            x: Array2::zeros((m, examples.inputs())),
            labels: vec![0; m],
            workspace: Workspace::new(layers, m),
        });
        let parts = &mut self.parts[..count];
        parts.iter_mut().enumerate().for_each(|(i, part)| part.m = m.min(rows - i * m));
        parts
    }
}

impl<F: Real> Part<F> {
    /// Features, loss, and dL/dZ of every layer, for the m `rows`. Fetches the rows `soon` meanwhile.
    fn pass(&mut self, layers: &[Linear<F>], examples: &Examples<F>, rows: &[usize], soon: &[&[F]]) {
        self.gather(examples, rows);
        let (x, labels) = (first(&self.x, self.m), &self.labels[..self.m]);
        forward_loss(layers, x, labels, &mut self.workspace, soon);
        backward(layers, labels, &mut self.workspace);
    }

    /// Copies the features and labels of the m `rows` to `x` and `labels`.
    fn gather(&mut self, examples: &Examples<F>, rows: &[usize]) {
        let places = self.x.outer_iter_mut().zip(&mut self.labels);
        for (&row, (mut x, label)) in rows.iter().zip(places) {
            if let (Some(features), Some(of_row)) = (examples.row(row), examples.label(row)) {
                match (x.as_slice_mut(), features.as_slice()) {
                    (Some(x), Some(features)) => x.copy_from_slice(features),
                    _ => x.assign(&features),
                }
                *label = of_row;
            }
        }
    }
}

/// The i-th `size` of `all`; the last chunk is smaller, and beyond it are empty ones.
fn chunk<T>(all: &[T], size: usize, i: usize) -> &[T] {
    all.chunks(size).nth(i).unwrap_or_default()
}

/// The rows to fetch during the forward pass, and those during the sums over the batch.
fn halves<'a, F>(soon: &'a [&'a [F]]) -> [&'a [&'a [F]]; 2] {
    let (first, second) = soon.split_at(soon.len() / 2);
    [first, second]
}

/// Adds the sums over the rows of all parts of dL/dW and dL/db of each layer. Fetches the second halves of `soon`.
fn add_gradients<F: Real>(
    parts: &[Part<F>],
    threads: usize,
    gradients: &mut [Linear<F>],
    soon: &[Vec<&[F]>],
) {
    for (l, gradient) in gradients.iter_mut().enumerate() {
        let of_parts = || parts.iter().map(|part| part.workspace.input_and_dz(first(&part.x, part.m), l));
        // dWᵀ (in, out), shared out by inputs
        let share = gradient.inputs().div_ceil(threads).max(SHARE);
        let mut dwt = gradient.weight.view_mut().reversed_axes();
        let shares: Vec<_> = dwt.axis_chunks_iter_mut(Axis(0), share).enumerate().collect();
        let count = shares.len();
        let sum = |(i, mut dwt): (usize, ArrayViewMut2<F>)| {
            let inputs = Slice::from(i * share..i * share + dwt.nrows());
            for ((x, dz), soon) in of_parts().zip(soon) {
                let soon = if l == 0 { halves(soon)[1] } else { &[] };
                let soon = chunk(soon, soon.len().div_ceil(count).max(1), i);
                dweight(x.slice_axis(Axis(1), inputs), dz, dwt.view_mut(), soon);
            }
        };
        if threads == 1 || shares.len() == 1 {
            shares.into_iter().for_each(sum);
        } else {
            shares.into_par_iter().for_each(sum);
        }
        of_parts().for_each(|(_, dz)| dbias(dz, &mut gradient.bias));
    }
}
