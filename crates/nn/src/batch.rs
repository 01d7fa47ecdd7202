//! The gradients of one batch, shared out over the threads of a rayon pool.
//!
//! Rows do not depend on each other until their gradients are summed, so each thread takes a part of the rows from
//! features to dL/dZ. Then each thread sums the gradients of its share of the weights over all rows. Every sum runs
//! over the rows in their order and no sum is split, so the number of threads changes no bit. Parts have a multiple of 32 rows in
//! bf16, because [`gemm`](mlprobe_kernels::gemm) sums those together.

use crate::backprop::{Workspace, backward, forward_loss};
use crate::features::Features;
use crate::linear::{dbias, dweight};
use crate::loss::total_loss;
use crate::random::generator;
use crate::upcoming::Upcoming;
use crate::{Examples, Linear, Precision, Real};
use ndarray::{Array2, ArrayView1, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

/// The fewest inputs per thread for which sharing out a layer's weights saves time.
const SHARE: usize = 128;

/// How many threads may share the work: those of the rayon pool that this is called in, else only the calling one.
pub(crate) fn threads() -> usize {
    rayon::current_thread_index().map_or(1, |_| rayon::current_num_threads())
}

/// Buffers for the parts of a batch, one per thread; they are kept from batch to batch.
pub(crate) struct Batch<F> {
    precision: Precision,
    parts: Vec<Part<F>>,
}

/// What determines which hidden units of a batch are silent.
pub(crate) struct Dropout {
    /// The probability; 0 for no dropout.
    pub p: f64,
    pub seed: u64,
    /// The number of updates before that batch.
    pub update: u64,
}

/// The m rows of a batch that one thread works on.
struct Part<F> {
    m: usize,
    /// X (m, D).
    x: Features<F>,
    /// (m).
    labels: Vec<u16>,
    /// (m), relative to the mean of the batch; empty where every row has the weight 1.
    weights: Vec<F>,
    workspace: Workspace<F>,
}

impl<F: Real> Batch<F> {
    pub(crate) fn new(precision: Precision) -> Self {
        Self { precision, parts: Vec::new() }
    }

    /// Leaves the means over `rows` of dL/dW and dL/db of every layer in `gradients`; returns the sum of the losses, where
    /// weights count relative to their mean in the batch. `next` are the rows of the batch after it, if there is one.
    pub(crate) fn gradients(
        &mut self,
        layers: &[Linear<F>],
        examples: &Examples<F>,
        [rows, next]: [&[usize]; 2],
        dropout: &Dropout,
        gradients: &mut [Linear<F>],
    ) -> f64 {
        let threads = threads();
        let precision = self.precision;
        let together = if precision == Precision::F32 { 1 } else { 32 };
        let m = rows.len().div_ceil(threads).next_multiple_of(together);
        let parts = self.parts(layers, examples, rows.len(), m);
        if dropout.p > 0.0 {
            let mut generator = generator(dropout.seed, "mlprobe/nn/dropout", dropout.update);
            for l in 0..layers.len() - 1 {
                for part in &mut *parts {
                    part.workspace.draw_dropout(&mut generator, dropout.p, l, part.m);
                }
            }
        }
        let next = Upcoming { examples, precision, rows: next, rows_per_part: m };
        // With weights of mean 1, everything is divided by m as without weights, which then give the same bits if all are equal.
        let (of_batch, total) = (rows.len(), examples.weight_of(rows));
        let pass = |(i, (part, rows)): (usize, (&mut Part<F>, &[usize]))| {
            part.weights.clear();
            part.weights.extend(examples.relative_weights(rows, of_batch, total));
            next.while_passing(i, || part.pass(layers, examples, rows));
        };
        if threads == 1 {
            parts.iter_mut().zip(rows.chunks(m)).enumerate().for_each(pass);
        } else {
            parts.par_iter_mut().zip(rows.par_chunks(m)).enumerate().for_each(pass);
        }
        gradients.iter_mut().for_each(Linear::fill_zero);
        add_gradients(precision, parts, threads, gradients, &next);
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
        let (count, precision) = (rows.div_ceil(m), self.precision);
        if self.parts.first().is_none_or(|part| part.labels.len() < m) {
            self.parts.clear();
        }
        let most = self.parts.len().max(count);
        self.parts.resize_with(most, || Part {
            m: 0,
            x: Features::room(precision, m, examples.inputs()),
            labels: vec![0; m],
            weights: Vec::new(),
            workspace: Workspace::new(precision, layers, m),
        });
        let parts = &mut self.parts[..count];
        parts.iter_mut().enumerate().for_each(|(i, part)| part.m = m.min(rows - i * m));
        parts
    }
}

impl<F: Real> Part<F> {
    /// Features, loss, and dL/dZ of every layer, for the m `rows`.
    fn pass(&mut self, layers: &[Linear<F>], examples: &Examples<F>, rows: &[usize]) {
        self.gather(examples, rows);
        let (x, labels) = (self.x.first(self.m), &self.labels[..self.m]);
        forward_loss(layers, x, labels, &self.weights, &mut self.workspace);
        backward(layers, labels, &self.weights, &mut self.workspace);
    }

    /// Copies the features and labels of the m `rows` to `x` and `labels`.
    fn gather(&mut self, examples: &Examples<F>, rows: &[usize]) {
        match &mut self.x {
            Features::Exact(x) => copy_rows(rows, |row| examples.row(row), x),
            Features::Rounded(x) => copy_rows(rows, |row| examples.rounded_row(row), x),
        }
        for (&row, label) in rows.iter().zip(&mut self.labels) {
            *label = examples.label(row);
        }
    }
}

/// Copies `rows`, of D features each, to x (m, D).
fn copy_rows<'e, T: Copy + 'e>(rows: &[usize], row: impl Fn(usize) -> ArrayView1<'e, T>, x: &mut Array2<T>) {
    for (&i, mut x) in rows.iter().zip(x.outer_iter_mut()) {
        let features = row(i);
        match (x.as_slice_mut(), features.as_slice()) {
            (Some(x), Some(features)) => x.copy_from_slice(features),
            _ => x.assign(&features),
        }
    }
}

/// Adds the sums over the rows of all parts of dL/dW and dL/db of each layer.
fn add_gradients<F: Real>(
    precision: Precision,
    parts: &[Part<F>],
    threads: usize,
    gradients: &mut [Linear<F>],
    next: &Upcoming<F>,
) {
    for (l, gradient) in gradients.iter_mut().enumerate() {
        let of_parts = || parts.iter().map(|part| part.workspace.input_and_dz(part.x.first(part.m), l));
        // dWᵀ (in, out), shared out by inputs
        let share = gradient.inputs().div_ceil(threads).max(SHARE);
        let mut dwt = gradient.weight.view_mut().reversed_axes();
        let shares: Vec<_> = dwt.axis_chunks_iter_mut(Axis(0), share).enumerate().collect();
        let count = shares.len();
        let sum = |(i, mut dwt): (usize, ArrayViewMut2<F>)| {
            let inputs = Slice::from(i * share..i * share + dwt.nrows());
            let mut sum = || {
                of_parts()
                    .for_each(|(x, dz)| dweight(precision, x.slice(Axis(1), inputs), dz, dwt.view_mut()));
            };
            // The first layer's product is by far the longest.
            if l == 0 { next.while_summing(i, count, &mut sum) } else { sum() }
        };
        if threads == 1 || shares.len() == 1 {
            shares.into_iter().for_each(sum);
        } else {
            shares.into_par_iter().for_each(sum);
        }
        of_parts().for_each(|(_, dz)| dbias(dz, &mut gradient.bias));
    }
}
