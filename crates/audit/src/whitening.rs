//! Coordinates in which no direction of the features dominates the cosine.

use crate::error::{Error, Result, require, require_features};
use mlprobe_kernels::{Precision, gemm};
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

/// Rows that are transformed at a time: 2 MiB of D = 512 features.
const ROWS: usize = 1024;
/// Rows of a covariance matrix that one thread adds to.
const PANEL: usize = 32;
const OPERATION: &str = "whiten features";

/// A linear map after which training features have mean 0 and, up to shrinkage, covariance 1.
///
/// Features of a network are far from round: they are positive, and a few directions carry most of the variance, because
/// images of one class share them. The cosine of two rows then says whether they show the same kind of thing. After
/// whitening, the many weak directions in which single images differ count as much, and the cosine says whether they are the
/// same image.
///
/// With mean μ and covariance Σ of the training rows, shrunk to S = Σ + s·(tr Σ / D)·I, and S = RᵀR (Cholesky):
///
/// z = R⁻ᵀ (x - μ),   hence z·z′ = (x - μ)ᵀ S⁻¹ (x′ - μ)
///
/// Every other square root of S gives the same products. A large shrinkage s leaves the features centred only.
/// Source: Kessy, Lewin and Strimmer, "Optimal whitening and decorrelation", The American Statistician 72, 2018.
#[derive(Clone, Debug)]
pub struct Whitening {
    /// μ (D)
    mean: Array1<f64>,
    /// R⁻ᵀ (D, D), lower triangular.
    map: Array2<f32>,
}

impl Whitening {
    /// The whitening of `train` (N, D), with a `shrinkage` s above 0.
    ///
    /// The covariance is computed in f64, in the order of the rows: the result has the same bits for any number of threads.
    ///
    /// # Errors
    /// [`Error::Argument`] for no rows, a feature that is not finite, or a shrinkage that is not a
    /// finite number above 0.
    pub fn fit(train: ArrayView2<'_, f32>, shrinkage: f64) -> Result<Self> {
        require_features(OPERATION, train)?;
        let is_positive = shrinkage > 0.0 && shrinkage.is_finite();
        require(is_positive, OPERATION, "a finite shrinkage above 0", shrinkage, "leave it at the default")?;
        let (n, d) = train.dim();
        let mut mean = Array1::<f64>::zeros(d);
        for row in train.outer_iter() {
            mean.zip_mut_with(&row, |sum, &x| *sum += f64::from(x));
        }
        mean /= n as f64;
        let mut covariance = covariance(train, &mean)?;
        let variance = covariance.diag().sum() / d as f64;
        // Where all rows are equal, any scale does.
        let added = if variance > 0.0 { shrinkage * variance } else { 1.0 };
        covariance.diag_mut().mapv_inplace(|x| x + added);
        let map = inverse_transposed(&cholesky(covariance)).mapv(|x| x as f32);
        Ok(Self { mean, map })
    }

    /// `features` (N, D) in the new coordinates, each row scaled to length 1, as (N, D + 1): products of rows are cosines.
    ///
    /// The last column is 0, except that a row at the mean, which has no direction, has 1 there and 0 elsewhere: its
    /// similarity is 1 to its copies and 0 to all other rows.
    ///
    /// # Errors
    /// [`Error::Argument`] for features that are not finite or have another D.
    pub fn unit_rows(&self, features: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        require_features(OPERATION, features)?;
        let d = self.mean.len();
        let next = "use one extractor for training and test images";
        require(features.ncols() == d, OPERATION, format!("{d} features per row"), features.ncols(), next)?;
        let mut units = Array2::zeros((features.nrows(), d + 1));
        units
            .axis_chunks_iter_mut(Axis(0), ROWS)
            .into_par_iter()
            .zip(features.axis_chunks_iter(Axis(0), ROWS))
            .try_for_each(|(mut units, x)| {
                let centred = self.centred(x).mapv(|x| x as f32);
                gemm(
                    Precision::F32,
                    &centred,
                    &self.map.t(),
                    0.0,
                    &mut units.slice_axis_mut(Axis(1), Slice::from(..d)),
                )?;
                for mut row in units.outer_iter_mut() {
                    let length = row.iter().map(|&z| f64::from(z) * f64::from(z)).sum::<f64>().sqrt();
                    if length > 0.0 {
                        row.mapv_inplace(|z| (f64::from(z) / length) as f32);
                    } else {
                        row[d] = 1.0;
                    }
                }
                Ok::<(), Error>(())
            })?;
        Ok(units)
    }

    /// x - μ (N, D)
    fn centred(&self, x: ArrayView2<'_, f32>) -> Array2<f64> {
        x.mapv(f64::from) - &self.mean
    }
}

/// Σ = 1/N Σ (x - μ)(x - μ)ᵀ (D, D) of rows x (N, D).
fn covariance(x: ArrayView2<'_, f32>, mean: &Array1<f64>) -> Result<Array2<f64>> {
    let (n, d) = x.dim();
    let mut sum = Array2::zeros((d, d));
    for x in x.axis_chunks_iter(Axis(0), ROWS) {
        let centred = x.mapv(f64::from) - mean;
        sum.axis_chunks_iter_mut(Axis(0), PANEL)
            .into_par_iter()
            .zip(centred.axis_chunks_iter(Axis(1), PANEL))
            .try_for_each(|(mut sum, columns)| gemm(Precision::F32, &columns.t(), &centred, 1.0, &mut sum))?;
    }
    Ok(sum / n as f64)
}

/// R (D, D), upper triangular, with S = RᵀR, for a symmetric S (D, D) whose eigenvalues are above 0 (Golub and Van Loan,
/// "Matrix Computations", algorithm 4.2.2, by rows).
fn cholesky(mut s: Array2<f64>) -> Array2<f64> {
    for k in 0..s.nrows() {
        let (mut top, mut below) = s.view_mut().split_at(Axis(0), k + 1);
        let mut row = top.index_axis_mut(Axis(0), k);
        let pivot = row[k].sqrt();
        for (j, r) in row.iter_mut().enumerate() {
            *r = if j < k { 0.0 } else { *r / pivot };
        }
        for (i, mut other) in (k + 1..).zip(below.outer_iter_mut()) {
            let factor = row[i];
            other.iter_mut().zip(&row).skip(i).for_each(|(s, r)| *s -= factor * r);
        }
    }
    s
}

/// M = R⁻ᵀ (D, D), lower triangular: Σ_{j ≤ i} R[j, i] M[j] is row i of the identity matrix.
fn inverse_transposed(r: &Array2<f64>) -> Array2<f64> {
    let mut m = Array2::eye(r.nrows());
    for i in 0..r.nrows() {
        let (above, mut rest) = m.view_mut().split_at(Axis(0), i);
        let mut row = rest.index_axis_mut(Axis(0), 0);
        for (j, above) in above.outer_iter().enumerate() {
            let factor = r[[j, i]];
            row.iter_mut().zip(above).take(j + 1).for_each(|(m, a)| *m -= factor * a);
        }
        row.mapv_inplace(|m| m / r[[i, i]]);
    }
    m
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Correlated numbers, different at every place.
    fn features(rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let mixed = (i as u32 * 7919 + j as u32 * 104_729 + 5).wrapping_mul(2_654_435_761) >> 16;
            mixed as f32 / 65_536.0 + (i % 5) as f32 * (j + 1) as f32
        })
    }

    #[test]
    fn the_factors_multiply_to_the_covariance_and_the_identity() {
        let x = features(40, 7);
        let mean = x.mapv(f64::from).mean_axis(Axis(0)).unwrap();
        let mut shrunk = covariance(x.view(), &mean).unwrap();
        shrunk.diag_mut().mapv_inplace(|s| s + 0.1);
        let r = cholesky(shrunk.clone());
        let difference = r.t().dot(&r) - &shrunk;
        // Backward error of Cholesky: (D + 1) ε max|S| per element, Higham, "Accuracy and Stability", theorem 10.3.
        let largest = shrunk.iter().fold(0.0, |a: f64, s| a.max(s.abs()));
        assert!(difference.iter().all(|x| x.abs() < 8.0 * f64::EPSILON * largest), "{difference}");
        let identity = inverse_transposed(&r).dot(&r.t());
        assert!((identity - Array2::<f64>::eye(7)).iter().all(|x| x.abs() < 1e-10));
    }

    #[test]
    fn whitened_training_rows_have_covariance_one() {
        let x = features(500, 6);
        let whitening = Whitening::fit(x.view(), 1e-9).unwrap();
        let z = whitening.centred(x.view()).dot(&whitening.map.mapv(f64::from).t());
        let covariance = z.t().dot(&z) / 500.0;
        // f32 holds the map: condition number about 1e3 times 2⁻²⁴.
        assert!((covariance - Array2::<f64>::eye(6)).iter().all(|x| x.abs() < 1e-3));
    }

    #[test]
    fn a_row_at_the_mean_is_like_its_copies_alone() {
        let train = ndarray::array![[1.0, 2.0], [3.0, 5.0], [5.0, 8.0]];
        let units = Whitening::fit(train.view(), 0.1).unwrap().unit_rows(train.view()).unwrap();
        assert_eq!(units.row(1).to_vec(), [0.0, 0.0, 1.0]);
        assert_eq!(units[[0, 2]], 0.0);
    }
}
