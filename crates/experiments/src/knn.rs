//! What a trained network has to beat: its nearest neighbours, and the most frequent class.

use std::collections::BTreeMap;

use crate::error::Result;
use mlprobe_kernels::gemm;
use mlprobe_stats::metrics::check_labels;
use mlprobe_stats::require;
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

/// Rows of a block. One thread holds the products of one block of queries with one block of training rows, 2 MiB.
const QUERY_BLOCK: usize = 256;
const TRAIN_BLOCK: usize = 2048;
/// Labels are 16 bits wide.
const MAX_CLASSES: usize = 1 << 16;

/// Classes of `query` (M, D) by a vote of the `k` nearest rows of `train` (N, D), whose classes are `labels` (N).
///
/// Near is a small squared Euclidean distance. For a query q the rows t are ranked by
///
/// |t|² - 2 q·t  =  |q - t|² - |q|²
///
/// in f32, where the products come from matrix products. Rows whose squared distances differ by less than rounding,
/// about D 2⁻²³ (|t|² + 2 |q||t|) at worst, may change places; where they are equal bit for bit, as for copies of a
/// row, the lower index is nearer. Most votes win; among equals, the class with the nearest member. For the
/// cosine similarity, pass both sets through [`unit_rows`]. The result does not depend on the number of threads.
/// Source: Cover and Hart, "Nearest neighbor pattern classification", IEEE Trans. Information Theory 13, 1967, 21-27.
///
/// # Errors
/// If `train` is empty, has another number of columns than `query`, or of rows than `labels`, if `k` is not
/// in 1..=N, or a feature is not finite.
///
/// ```
/// use mlprobe_experiments::knn::knn_predict;
/// use ndarray::array;
///
/// let train = array![[0.0_f32, 0.0], [0.0, 1.0], [5.0, 5.0]];
/// let predicted = knn_predict(train.view(), &[3, 3, 7], array![[0.5, 0.5], [4.0, 4.0]].view(), 1)?;
/// assert_eq!(predicted, [3, 7]);
/// # Ok::<(), mlprobe_experiments::Error>(())
/// ```
pub fn knn_predict(
    train: ArrayView2<'_, f32>,
    labels: &[u16],
    query: ArrayView2<'_, f32>,
    k: usize,
) -> Result<Vec<u16>> {
    const OPERATION: &str = "k-nearest neighbours";
    check_labels(OPERATION, labels, train.nrows(), MAX_CLASSES)?;
    let shapes = format_args!("{:?} and {:?}", train.dim(), query.dim());
    let fit = train.ncols() == query.ncols();
    require(fit, OPERATION, "training and query rows of one length", shapes, "use one extractor for both")?;
    let holds = (1..=train.nrows()).contains(&k);
    require(holds, OPERATION, &format!("k in 1..={}", train.nrows()), k, "choose another k")?;
    for (set, rows) in [("training", train), ("query", query)] {
        if let Some(((row, column), x)) = rows.indexed_iter().find(|(_, x)| !x.is_finite()) {
            let actual = format_args!("{x} in {set} row {row}, column {column}");
            require(false, OPERATION, "finite features", actual, "extract the features again")?;
        }
    }

    let norms: Vec<f32> = train.outer_iter().map(|row| squared_norm(row.iter()) as f32).collect();
    let blocks: Vec<ArrayView2<'_, f32>> = query.axis_chunks_iter(Axis(0), QUERY_BLOCK).collect();
    let predicted: Vec<Vec<u16>> = blocks
        .into_par_iter()
        .map(|block| {
            let nearest = nearest_rows(train, &norms, block, k)?;
            Ok(nearest.iter().map(|neighbours| vote(neighbours, labels)).collect())
        })
        .collect::<Result<_>>()?;
    Ok(predicted.concat())
}

/// The rows of `features` (N, D) scaled to length 1; rows of zeros stay so.
///
/// Between such rows |q - t|² = 2 - 2 cos(q, t): Euclidean neighbours are those of the cosine similarity.
pub fn unit_rows(features: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut scaled = features.to_owned();
    for mut row in scaled.outer_iter_mut() {
        let length = squared_norm(row.iter()).sqrt();
        if length > 0.0 {
            row.mapv_inplace(|x| (f64::from(x) / length) as f32);
        }
    }
    scaled
}

/// The most frequent of `labels` (N), the lowest among equals: the best guess that does not look at the image.
///
/// # Errors
/// If there are no labels.
///
/// ```
/// assert_eq!(mlprobe_experiments::knn::majority_class(&[2, 0, 1, 2])?, 2);
/// # Ok::<(), mlprobe_experiments::Error>(())
/// ```
pub fn majority_class(labels: &[u16]) -> Result<u16> {
    check_labels("majority class", labels, labels.len(), MAX_CLASSES)?;
    let counts = count(labels.iter().copied());
    // The last of equal maxima wins, so look from the highest class down.
    let first_largest = counts.iter().rev().max_by_key(|(_, count)| **count);
    Ok(first_largest.map_or(0, |(&class, _)| class))
}

/// A training row and its squared distance to a query, less the query's own squared length.
#[derive(Clone, Copy)]
struct Neighbour {
    distance: f32,
    row: usize,
}

/// The k nearest rows of `train` (N, D) for each row of `query` (M, D), nearest first; `norms` are |t|² (N).
fn nearest_rows(
    train: ArrayView2<'_, f32>,
    norms: &[f32],
    query: ArrayView2<'_, f32>,
    k: usize,
) -> Result<Vec<Vec<Neighbour>>> {
    let mut nearest = vec![Vec::with_capacity(k + 1); query.nrows()];
    let mut products = Array2::zeros((query.nrows(), TRAIN_BLOCK.min(train.nrows())));
    for (block, rows) in train.axis_chunks_iter(Axis(0), TRAIN_BLOCK).enumerate() {
        let mut products = products.slice_axis_mut(Axis(1), Slice::from(..rows.nrows()));
        gemm(1.0, &query, &rows.t(), 0.0, &mut products).map_err(mlprobe_features::Error::from)?;
        for (best, products) in nearest.iter_mut().zip(products.outer_iter()) {
            let first = block * TRAIN_BLOCK;
            for (row, (product, norm)) in (first..).zip(products.iter().zip(&norms[first..])) {
                keep_nearest(best, Neighbour { distance: norm - 2.0 * product, row }, k);
            }
        }
    }
    Ok(nearest)
}

/// Inserts `candidate` among the k nearest, in order. Candidates come in the order of their rows, so an equal
/// distance goes behind those already there.
fn keep_nearest(nearest: &mut Vec<Neighbour>, candidate: Neighbour, k: usize) {
    if nearest.len() == k && nearest[k - 1].distance <= candidate.distance {
        return; // nearly always
    }
    let place = nearest.partition_point(|other| other.distance <= candidate.distance);
    nearest.insert(place, candidate);
    nearest.truncate(k);
}

/// The class with most votes among neighbours, nearest first; among equals the one met first.
fn vote(nearest: &[Neighbour], labels: &[u16]) -> u16 {
    let classes = || nearest.iter().map(|neighbour| labels[neighbour.row]);
    let votes = count(classes());
    // The last of equal maxima wins, so look from far to near.
    classes().rev().max_by_key(|class| votes.get(class)).unwrap_or(0)
}

fn count(classes: impl Iterator<Item = u16>) -> BTreeMap<u16, u32> {
    let mut counts = BTreeMap::new();
    classes.for_each(|class| *counts.entry(class).or_default() += 1);
    counts
}

fn squared_norm<'a>(row: impl Iterator<Item = &'a f32>) -> f64 {
    row.map(|&x| f64::from(x) * f64::from(x)).sum()
}
