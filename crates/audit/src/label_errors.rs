//! Labels that a network trained on the other rows does not believe.

use crate::error::{Result, require, require_features};
use crate::folds::{rows_of_classes, stratified};
use mlprobe_nn::{Mlp, Params};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How often the cross-validation is repeated. Networks differ most about the rows that they do not know: their mean ranks
/// correct labels lower, see `docs/audit.md`.
pub const REPEATS: usize = 3;
const OPERATION: &str = "find label errors";

/// A row whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The row.
    pub row: usize,
    /// The label that it has.
    pub given: u16,
    /// The likeliest other label, by the networks.
    pub suggested: u16,
    /// 1 minus the probability of the given label, by the networks; at most 1.
    pub confidence: f64,
}

/// The rows of `features` (N, D) whose `labels` (N) are probably wrong, the surest first.
///
/// The probabilities come from [`out_of_fold_probabilities`], the decision from [`confident_suspects`].
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for sizes that do not fit, a feature that is not finite, fewer than 2 folds, or more folds than rows; [`Error::Training`](crate::Error::Training) if a network cannot be trained.
///
/// ```
/// use mlprobe_audit::label_errors;
/// use mlprobe_nn::Params;
/// use ndarray::Array2;
///
/// // Two clouds of points, and a label that is wrong.
/// let x = Array2::from_shape_fn((60, 2), |(i, j)| (i % 2) as f32 * 4.0 + ((i * 7 + j * 3) % 10) as f32 * 0.1);
/// let mut labels: Vec<u16> = (0..60).map(|i| i % 2).collect();
/// labels[17] = 0;
/// let params = Params::new([8]).batch_size(10).epochs(30);
/// let suspects = label_errors(x.view(), &labels, 5, 1, &params)?;
/// assert_eq!(suspects.len(), 1);
/// assert_eq!((suspects[0].row, suspects[0].given, suspects[0].suggested), (17, 0, 1));
/// # Ok::<(), mlprobe_audit::Error>(())
/// ```
pub fn label_errors(
    features: ArrayView2<'_, f32>,
    labels: &[u16],
    folds: usize,
    seed: u64,
    params: &Params,
) -> Result<Vec<Suspect>> {
    let probabilities = out_of_fold_probabilities(features, labels, folds, seed, params)?;
    confident_suspects(probabilities.view(), labels)
}

/// For each row of `features` (N, D) the probabilities (N, K) by networks that were trained on the other folds.
///
/// K is the largest label plus one. The cross-validation is repeated [`REPEATS`] times with other folds, stratified, and other
/// initial weights, all by `seed`, and the probabilities are averaged. The seed and number of classes of `params` are not used.
/// Folds train side by side on the threads of the current rayon pool, each on a copy of its rows; the result has the same bits
/// for any number of threads.
///
/// # Errors
/// As [`label_errors`].
pub fn out_of_fold_probabilities(
    features: ArrayView2<'_, f32>,
    labels: &[u16],
    folds: usize,
    seed: u64,
    params: &Params,
) -> Result<Array2<f32>> {
    require_features(OPERATION, features)?;
    require_labels(labels, features.nrows())?;
    let repeats = (0..REPEATS as u64).map(|repeat| seed.wrapping_mul(REPEATS as u64).wrapping_add(repeat));
    let repeats: Vec<(u64, Vec<usize>)> =
        repeats.map(|seed| Ok((seed, stratified(labels, folds, seed)?))).collect::<Result<_>>()?;
    let classes = rows_of_classes(labels).len();
    let predict = |(seed, fold_of): &(u64, Vec<usize>), fold: usize| {
        let (held_out, others): (Vec<usize>, Vec<usize>) =
            (0..labels.len()).partition(|&row| fold_of[row] == fold);
        let other_labels: Vec<u16> = others.iter().map(|&row| labels[row]).collect();
        let params = params.clone().seed(*seed).classes(classes);
        let model = Mlp::fit((&features.select(Axis(0), &others), &other_labels), &params)?;
        Ok((model.probabilities(&features.select(Axis(0), &held_out))?, held_out))
    };
    let trainings: Vec<_> =
        repeats.iter().flat_map(|repeat| (0..folds).map(move |fold| (repeat, fold))).collect();
    let predicted =
        trainings.into_par_iter().map(|(repeat, fold)| predict(repeat, fold)).collect::<Result<Vec<_>>>()?;
    let mut mean = Array2::zeros((labels.len(), classes));
    for (probabilities, rows) in predicted {
        for (row, p) in rows.into_iter().zip(probabilities.outer_iter()) {
            mean.row_mut(row).scaled_add(1.0 / REPEATS as f32, &p);
        }
    }
    mean.mapv_inplace(|p: f32| p.min(1.0)); // rounding
    Ok(mean)
}

/// Rows whose label is probably wrong, the surest first, given out-of-sample `probabilities` (N, K) and `labels` (N), each
/// below K: "prune by class" of confident learning.
///
/// The threshold of a class is the mean probability that the rows with its label have for it:
///
/// t_k = mean of p_k(x) over the rows x with label k
///
/// A row with label i is counted in the confident joint C\[i, j\] for the likeliest class j among those with p_j ≥ t_j. The
/// share of wrong labels among the n_i rows with label i is estimated as Σ_{j ≠ i} C\[i, j\] / Σ_j C\[i, j\], and so many of
/// the n_i rows are suspects: those with the smallest p_i, if another class is likelier. Equal rows come in their order. A
/// class of one row has no threshold and no suspect: networks that did not train on that row do not know its class.
/// Source: Northcutt, Jiang and Chuang, "Confident learning", JAIR 70, 2021, sections 3.1 and 3.2.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for sizes that do not fit, or a probability outside of 0 to 1.
pub fn confident_suspects(probabilities: ArrayView2<'_, f32>, labels: &[u16]) -> Result<Vec<Suspect>> {
    let (n, classes) = probabilities.dim();
    require_labels(labels, n)?;
    let rows_of = rows_of_classes(labels);
    let largest = rows_of.len().saturating_sub(1);
    let next = "check that labels and probabilities are of the same classes";
    require(rows_of.len() <= classes, OPERATION, format!("labels below {classes}"), largest, next)?;
    if let Some(((row, class), p)) = probabilities.indexed_iter().find(|(_, p)| !(0.0..=1.0).contains(*p)) {
        let actual = format!("{p} in row {row}, class {class}");
        require(false, OPERATION, "probabilities of 0 to 1", actual, "pass probabilities, not logits")?;
    }

    let p = |row: usize, class: usize| f64::from(probabilities[[row, class]]);
    let threshold = |(class, rows): (usize, &Vec<usize>)| {
        let sum: f64 = rows.iter().map(|&row| p(row, class)).sum();
        (rows.len() > 1).then(|| sum / rows.len() as f64)
    };
    let thresholds: Vec<Option<f64>> = rows_of.iter().enumerate().map(threshold).collect();
    // The first of equal maxima wins.
    let likeliest = |row: usize, among: &dyn Fn(usize) -> bool| {
        let candidates = (0..classes).filter(|&k| among(k));
        candidates.reduce(|best, k| if p(row, k) > p(row, best) { k } else { best })
    };
    let mut suspects = Vec::new();
    for (given, rows) in rows_of.iter().enumerate() {
        let above = |row, k: usize| thresholds.get(k).copied().flatten().is_some_and(|t| p(row, k) >= t);
        let confident: Vec<usize> =
            rows.iter().filter_map(|&row| likeliest(row, &|k| above(row, k))).collect();
        let wrong = confident.iter().filter(|&&class| class != given).count();
        let estimate = wrong as f64 / confident.len().max(1) as f64 * rows.len() as f64;
        let mut ranked = rows.clone();
        ranked.sort_by(|&a, &b| p(a, given).total_cmp(&p(b, given)));
        // No network has seen the class of a single row without that row.
        ranked.retain(|_| rows.len() > 1);
        suspects.extend(ranked.into_iter().take(estimate.round() as usize).filter_map(|row| {
            let suggested = likeliest(row, &|k| k != given)?;
            let suspect = Suspect {
                row,
                given: given as u16,
                suggested: suggested as u16,
                confidence: 1.0 - p(row, given),
            };
            (p(row, suggested) > p(row, given)).then_some(suspect)
        }));
    }
    suspects.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.row.cmp(&b.row)));
    Ok(suspects)
}

fn require_labels(labels: &[u16], rows: usize) -> Result<()> {
    let next = "read features and labels from the same set";
    let fits = labels.len() == rows && rows > 0;
    require(fits, OPERATION, format!("a label for each of {rows} rows, at least one"), labels.len(), next)
}
