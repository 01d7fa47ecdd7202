//! The rows of the next batch, brought into the cache while products of this batch run. They lie all over memory: without
//! this, training would wait longer for them than it computes. Nothing here changes a result.

use crate::{Examples, Precision, Real};
use mlprobe_kernels::fetching;

pub(crate) struct Upcoming<'a, 'e, F> {
    pub examples: &'a Examples<'e, F>,
    pub precision: Precision,
    /// The row numbers of the next batch; none before the end of an epoch.
    pub rows: &'a [usize],
    /// How many of them each part of the batch takes, at least 1.
    pub rows_per_part: usize,
}

impl<F: Real> Upcoming<'_, '_, F> {
    /// Runs the passes of part `i`, and fetches the first half of its next rows.
    pub fn while_passing<R>(&self, i: usize, run: impl FnOnce() -> R) -> R {
        let part = self.rows.chunks(self.rows_per_part).nth(i).unwrap_or_default();
        self.fetch(half(part)[0].iter(), run)
    }

    /// Runs the `i`-th of `count` sums over the batch, and fetches its share of the second half of every part's next rows.
    pub fn while_summing<R>(&self, i: usize, count: usize, run: impl FnOnce() -> R) -> R {
        let rows = self.rows.chunks(self.rows_per_part).flat_map(|part| half(part)[1]);
        self.fetch(rows.skip(i).step_by(count), run)
    }

    fn fetch<'r, R>(&self, rows: impl Iterator<Item = &'r usize>, run: impl FnOnce() -> R) -> R {
        match self.precision {
            Precision::Bf16 => {
                fetching(rows.filter_map(|&row| self.examples.rounded_row(row).to_slice()), run)
            }
            _ => fetching(rows.filter_map(|&row| self.examples.row(row).to_slice()), run),
        }
    }
}

fn half<T>(rows: &[T]) -> [&[T]; 2] {
    rows.split_at(rows.len() / 2).into()
}
