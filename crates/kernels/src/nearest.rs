//! The nearest rows of each query: scores are computed in blocks of products, and the highest few are kept.

use ndarray::{Array2, ArrayView2, Axis, Slice};

use crate::{Error, Precision, gemm};

/// Rows of a block: the products of a block of queries with a block of rows take 1 MiB.
const QUERIES: usize = 256;
const ROWS: usize = 1024;

/// Looks for the `k` best of `rows` (N, D) for each of `queries` (M, D), on the calling thread.
///
/// The score of a row t for a query q is `score`(q·t, its number), where the first of `rows` has the number `first`, and q·t is
/// computed in `precision` with the error that [`gemm`] states. `found` (M)
/// holds for each query at most k pairs of a score and a number, the highest score first, and keeps those that it held before
/// unless better ones are found: rows may come block by block, in ascending order. Of equal scores the lower number is first. A
/// score that is NaN counts as lower than every other, so it is never kept once there are k others. Nothing depends on how rows
/// are divided into blocks.
///
/// # Errors
/// [`Error::Shape`] if D differs, or `found` has not one entry per query.
///
/// ```
/// use mlprobe_kernels::{Precision, keep_nearest};
/// use ndarray::array;
///
/// let (queries, rows) = (array![[1.0, 0.0], [0.0, 1.0]], array![[3.0, 1.0], [2.0, 2.0], [0.0, 5.0]]);
/// let mut found = vec![Vec::new(); 2];
/// keep_nearest(Precision::F32, queries.view(), rows.view(), 0, |product, _| product, 2, &mut found)?;
/// assert_eq!(found, [[(3.0, 0), (2.0, 1)], [(5.0, 2), (2.0, 1)]]);
/// # Ok::<(), mlprobe_kernels::Error>(())
/// ```
pub fn keep_nearest(
    precision: Precision,
    queries: ArrayView2<'_, f32>,
    rows: ArrayView2<'_, f32>,
    first: usize,
    score: impl Fn(f32, usize) -> f32,
    k: usize,
    found: &mut [Vec<(f32, usize)>],
) -> Result<(), Error> {
    if queries.nrows() != found.len() {
        let (expected, actual) = (format!("one entry for each of {} queries", queries.nrows()), found.len());
        return Err(Error::Shape { operation: "keep_nearest", expected, actual: actual.to_string() });
    }
    let mut products = Array2::zeros((QUERIES.min(queries.nrows()), ROWS.min(rows.nrows())));
    for (queries, found) in queries.axis_chunks_iter(Axis(0), QUERIES).zip(found.chunks_mut(QUERIES)) {
        for (block, rows) in rows.axis_chunks_iter(Axis(0), ROWS).enumerate() {
            let mut products = products.slice_axis_mut(Axis(0), Slice::from(..queries.nrows()));
            let mut products = products.slice_axis_mut(Axis(1), Slice::from(..rows.nrows()));
            gemm(precision, &queries, &rows.t(), 0.0, &mut products)?;
            for (found, products) in found.iter_mut().zip(products.outer_iter()) {
                for (number, &product) in (first + block * ROWS..).zip(products) {
                    keep(found, (score(product, number), number), k);
                }
            }
        }
    }
    Ok(())
}

/// Inserts a candidate among the k best, in order. Candidates come in the order of their numbers, so that one of equal score
/// goes behind those already there.
fn keep(found: &mut Vec<(f32, usize)>, candidate: (f32, usize), k: usize) {
    if found.len() == k && found.last().is_none_or(|last| !is_before(candidate.0, last.0)) {
        return; // nearly always
    }
    let place = found.partition_point(|other| !is_before(candidate.0, other.0));
    found.insert(place, candidate);
    found.truncate(k);
}

/// Whether a candidate of score `a` comes before an earlier one of score `b`. NaN comes last.
fn is_before(a: f32, b: f32) -> bool {
    a > b || (b.is_nan() && !a.is_nan())
}
