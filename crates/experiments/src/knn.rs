//! What a trained network has to beat: its nearest neighbours, and the most frequent class.

use std::collections::BTreeMap;

use crate::engine::sets::LabelledFeatures;
use crate::error::Result;
use mlprobe_kernels::{Precision, keep_nearest};
use mlprobe_stats::metrics::check_labels;
use mlprobe_stats::require;
use ndarray::{ArcArray2, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Queries that a thread takes at a time.
const BLOCK: usize = 256;
/// Training rows of which there is a copy of unit length at a time.
const SCALED: usize = 8192;
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

    let mut found = vec![Vec::new(); query.nrows()];
    search(Precision::F32, query, train, 0, k, &mut found)?;
    Ok(found.iter().map(|nearest| vote(nearest, labels)).collect())
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

/// The training rows nearest to some queries by cosine. Rows may come in several sets: the result is that of all of them together.
#[derive(Clone)]
pub(crate) struct Neighbours {
    k: usize,
    /// That of the products; lengths are always computed in `f32` or better.
    precision: Precision,
    /// Of unit length (M, D).
    queries: ArcArray2<f32>,
    /// For each query the nearest rows first, with 2 q·t - |t|².
    found: Vec<Vec<(f32, usize)>>,
    /// Of all rows so far.
    labels: Vec<u16>,
}

impl Neighbours {
    /// No neighbours yet of `queries` (M, D), of which `k` will be kept.
    pub(crate) fn of(precision: Precision, queries: ArrayView2<'_, f32>, k: usize) -> Self {
        let found = vec![Vec::new(); queries.nrows()];
        Self { k, precision, queries: unit_rows(queries).into_shared(), found, labels: Vec::new() }
    }

    /// Takes in more rows.
    pub(crate) fn add(&mut self, set: &LabelledFeatures) -> Result<()> {
        for (piece, rows) in set.features().axis_chunks_iter(Axis(0), SCALED).enumerate() {
            let first = self.labels.len() + piece * SCALED;
            let (queries, rows) = (self.queries.view(), unit_rows(rows));
            search(self.precision, queries, rows.view(), first, self.k, &mut self.found)?;
        }
        self.labels.extend(set.labels());
        Ok(())
    }

    /// The class (M) that most of the neighbours of each query have.
    pub(crate) fn vote(&self) -> Vec<u16> {
        self.found.iter().map(|nearest| vote(nearest, &self.labels)).collect()
    }
}

/// Keeps the `k` nearest of `train` (N, D) to each row of `query` (M, D) in `found` (M), as 2 q·t - |t|² and the number of the
/// row, where the first has the number `first`.
fn search(
    precision: Precision,
    query: ArrayView2<'_, f32>,
    train: ArrayView2<'_, f32>,
    first: usize,
    k: usize,
    found: &mut [Vec<(f32, usize)>],
) -> Result<()> {
    let norms: Vec<f32> = train.outer_iter().map(|row| squared_norm(row.iter()) as f32).collect();
    let blocks: Vec<_> = query.axis_chunks_iter(Axis(0), BLOCK).zip(found.chunks_mut(BLOCK)).collect();
    let nearer = |product: f32, row: usize| 2.0 * product - norms[row - first];
    let searched = blocks
        .into_par_iter()
        .try_for_each(|(query, found)| keep_nearest(precision, query, train, first, nearer, k, found));
    Ok(searched.map_err(mlprobe_features::Error::from)?)
}

/// The class with most votes among neighbours, nearest first; among equals the one met first.
fn vote(nearest: &[(f32, usize)], labels: &[u16]) -> u16 {
    let classes = || nearest.iter().map(|&(_, row)| labels[row]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Two rows of length 1 at angles of 0.05 and 0 to the query: their cosines are 0.99875 and 1, both 1 in bf16, where the lower
    /// index is then nearer.
    #[test]
    fn neighbours_are_sought_in_the_precision_asked_for() {
        let rows = array![[0.998_75_f32, 0.049_979_17], [1.0, 0.0]];
        let set = LabelledFeatures::new(rows, vec![7, 3]).unwrap();
        for (precision, class) in [(Precision::F32, 3), (Precision::Bf16, 7)] {
            let mut nearest = Neighbours::of(precision, array![[2.0, 0.0]].view(), 1);
            nearest.add(&set).unwrap();
            assert_eq!(nearest.vote(), [class], "{precision}");
        }
    }
}
