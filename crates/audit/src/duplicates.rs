//! Test rows that are training rows too, or nearly.

use crate::error::{Result, require};
use crate::whitening::Whitening;
use mlprobe_kernels::{Precision, keep_nearest};
use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The similarity from which two images count as near-duplicates, found on planted ones: see `docs/audit.md`.
pub const DEFAULT_THRESHOLD: f64 = 0.45;
/// The shrinkage of the [`Whitening`] before similarities are computed, found on planted duplicates: see `docs/audit.md`.
pub const SHRINKAGE: f64 = 0.1;
/// The most training rows that are listed per test row.
pub const MOST_PER_ROW: usize = 10;
/// By how much a training row has to be more similar than the background, unless its similarity is at least [`CERTAIN`].
pub const CONTRAST: f64 = 0.2;
/// The similarity from which the background does not matter: a test row may have any number of copies.
pub const CERTAIN: f64 = 0.8;

/// Test rows that a thread takes at a time.
const BLOCK: usize = 256;
const OPERATION: &str = "find near-duplicates";

/// A test row and a training row that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The row in the test set.
    pub test: usize,
    /// The row in the training set.
    pub train: usize,
    /// The cosine of the whitened rows, -1 to 1; 1 up to rounding for a copy.
    pub similarity: f64,
}

/// The pairs of a test row and a training row that are nearly the same, in the order of the test rows; per test row at most
/// [`MOST_PER_ROW`] training rows, the most similar one first.
///
/// `train` is (N, D), `test` (M, D). The similarity s of two rows is the cosine after a [`Whitening`] by the training rows. The
/// background b of a test row is the similarity of its 11th nearest training row, which tells how many images are merely of its
/// kind: a plane in a blue sky is like many others. With 10 training rows or fewer, there is none. A pair is listed if
///
/// s ≥ `threshold`  and  (s ≥ b + [`CONTRAST`]  or  s ≥ [`CERTAIN`])
///
/// for a `threshold` of -1 to 1. The result has the same bits for any number of threads. Time grows as N·M·D, memory beyond the
/// features as (N + M)·D.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if a set is empty, D differs, a feature is not finite, or the threshold is out
/// of range.
///
/// ```
/// use mlprobe_audit::near_duplicates;
/// use ndarray::array;
///
/// let train = array![[0.0_f32, 2.0], [1.0, 0.0], [3.0, 1.0]];
/// let test = array![[5.0, 5.0], [1.0, 0.0]]; // the second is a training row
/// let pairs = near_duplicates(train.view(), test.view(), 0.999)?;
/// assert_eq!((pairs.len(), pairs[0].test, pairs[0].train), (1, 1, 1));
/// # Ok::<(), mlprobe_audit::Error>(())
/// ```
pub fn near_duplicates(
    train: ArrayView2<'_, f32>,
    test: ArrayView2<'_, f32>,
    threshold: f64,
) -> Result<Vec<Pair>> {
    let in_range = (-1.0..=1.0).contains(&threshold);
    require(in_range, OPERATION, "a threshold of -1 to 1", threshold, "leave it at the default")?;
    let whitening = Whitening::fit(train, SHRINKAGE)?;
    let nearest = nearest_rows(&whitening, train, test, MOST_PER_ROW + 1)?;
    let stand_out = nearest.chunks(train.nrows().min(MOST_PER_ROW + 1)).flat_map(|nearest| {
        let background = nearest.get(MOST_PER_ROW).map_or(-1.0, |pair| pair.similarity);
        let from = threshold.max(CERTAIN.min(background + CONTRAST));
        nearest.iter().take(MOST_PER_ROW).filter(move |pair| pair.similarity >= from)
    });
    Ok(stand_out.copied().collect())
}

/// The `k` most similar rows of `train` (N, D), or all N if there are fewer, for every row of `test` (M, D), most similar first.
/// Training rows of equal similarity come in their order.
///
/// # Errors
/// As [`near_duplicates`].
pub fn nearest_rows(
    whitening: &Whitening,
    train: ArrayView2<'_, f32>,
    test: ArrayView2<'_, f32>,
    k: usize,
) -> Result<Vec<Pair>> {
    require(k > 0, OPERATION, "at least one row to look for", k, "ask for one or more")?;
    let (train, test) = (whitening.unit_rows(train)?, whitening.unit_rows(test)?);
    let mut nearest = vec![Vec::new(); test.nrows()];
    let blocks = test.axis_chunks_iter(Axis(0), BLOCK).into_par_iter().zip(nearest.par_chunks_mut(BLOCK));
    blocks.try_for_each(|(test, nearest)| {
        keep_nearest(Precision::F32, test, train.view(), 0, |similarity, _| similarity, k, nearest)
    })?;
    let pairs_of = |(test, nearest): (usize, Vec<(f32, usize)>)| {
        let pair =
            move |(similarity, train): (f32, usize)| Pair { test, train, similarity: similarity.into() };
        nearest.into_iter().map(pair)
    };
    Ok(nearest.into_iter().enumerate().flat_map(pairs_of).collect())
}
