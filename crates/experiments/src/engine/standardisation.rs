//! Features of mean 0 and deviation 1, and how a trained network takes that over.

use mlprobe_nn::{Linear, Mlp};
use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};

use crate::engine::sets::LabelledFeatures;
use crate::error::Result;

/// x' = (x - μ)/σ, feature by feature, with mean μ and deviation σ of a training set.
///
/// Inputs of one scale let one learning rate fit all weights (LeCun, Bottou, Orr and Müller, "Efficient BackProp",
/// 1998, section 4.3).
///
/// ```
/// use mlprobe_experiments::Standardisation;
/// use ndarray::array;
///
/// let x = array![[1.0_f32, 5.0], [3.0, 5.0]]; // the second feature is constant, and becomes 0
/// let standardisation = Standardisation::fit(x.view());
/// assert_eq!(standardisation.apply(x.view()), array![[-1.0, 0.0], [1.0, 0.0]]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardisation {
    /// μ (D).
    mean: Array1<f64>,
    /// σ (D), above 0.
    deviation: Array1<f64>,
}

impl Standardisation {
    /// Mean and deviation (with 1/N) of each column of `x` (N, D), N at least 1; a column that is constant gets the
    /// deviation 1, and so does one of a deviation below 10⁻³⁶, by which no weight can be divided in `f32`.
    pub fn fit(x: ArrayView2<'_, f32>) -> Self {
        let (mean, variance) = moments(x);
        let deviation = variance.mapv_into(|square| if square > 1e-72 { square.sqrt() } else { 1.0 });
        Self { mean, deviation }
    }

    /// x (N, D) to x' (N, D); D as in the training set.
    pub fn apply(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut scaled = x.to_owned();
        for row in scaled.axis_iter_mut(Axis(0)) {
            let scale = |x: &mut f32, mean: &f64, deviation: &f64| {
                *x = ((f64::from(*x) - mean) / deviation) as f32;
            };
            Zip::from(row).and(&self.mean).and(&self.deviation).for_each(scale);
        }
        scaled
    }

    /// The same rows with features x'.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a feature is then not finite, as one of another scale may be.
    pub(crate) fn apply_to(&self, set: &LabelledFeatures) -> Result<LabelledFeatures> {
        LabelledFeatures::new(self.apply(set.features()), set.labels().to_vec())
    }

    /// The network that gives for x what `network` gives for x', up to rounding, so that a saved network is complete.
    ///
    /// # Errors
    /// Those of [`Mlp::from_layers`].
    pub fn fold(&self, network: &Mlp<f32>) -> mlprobe_nn::Result<Mlp<f32>> {
        // W·(x - μ)/σ + b = (W/σ)·x + (b - (W/σ)·μ)
        let fold_into = |first: &Linear<f32>| {
            let weight = first.weight.mapv(f64::from) / &self.deviation;
            let bias = first.bias.mapv(f64::from) - weight.dot(&self.mean);
            Linear { weight: weight.mapv(|w| w as f32), bias: bias.mapv(|b| b as f32) }
        };
        let mut layers = network.layers().to_vec();
        if let Some(first) = layers.first_mut() {
            *first = fold_into(first);
        }
        Mlp::from_layers(layers)
    }
}

/// Mean μ (D) and variance σ² (D), with 1/N, of the columns of `x` (N, D).
pub(crate) fn moments(x: ArrayView2<'_, f32>) -> (Array1<f64>, Array1<f64>) {
    let n = x.nrows().max(1) as f64;
    let (mut mean, mut variance) = (Array1::zeros(x.ncols()), Array1::zeros(x.ncols()));
    // μ = Σ x / N
    for row in x.outer_iter() {
        Zip::from(&mut mean).and(row).for_each(|sum, &x| *sum += f64::from(x));
    }
    mean /= n;
    // σ² = Σ (x - μ)² / N, in a second pass: E[x²] - μ² would cancel
    for row in x.outer_iter() {
        let square = |sum: &mut f64, &x: &f32, mean: &f64| *sum += (f64::from(x) - mean).powi(2);
        Zip::from(&mut variance).and(row).and(&mean).for_each(square);
    }
    variance /= n;
    (mean, variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Array2<f32> {
        Array2::from_shape_fn((40, 6), |(i, j)| ((i * 7 + j * 3) % 11) as f32 * 0.3 * j as f32 + 20.0)
    }

    #[test]
    fn every_column_gets_mean_zero_and_deviation_one() {
        let x = features(); // column 0 is constant
        let scaled = Standardisation::fit(x.view()).apply(x.view()).mapv(f64::from);
        for (j, column) in scaled.axis_iter(Axis(1)).enumerate() {
            let mean = column.sum() / 40.0;
            let variance = column.mapv(|x| x * x).sum() / 40.0 - mean * mean;
            // Values of at most 2 rounded to f32: 2·2⁻²⁴ for the mean, four times that for the variance.
            assert!(mean.abs() < 1.2e-7, "column {j}: {mean}");
            let expected = if j == 0 { 0.0 } else { 1.0 };
            assert!((variance - expected).abs() < 4.8e-7, "column {j}: {variance}");
        }
    }

    #[test]
    fn a_folded_network_answers_to_features_as_the_other_to_standardised_ones() {
        let x = features();
        let standardisation = Standardisation::fit(x.view());
        let network = Mlp::<f32>::new(&[6, 8, 3], 1).unwrap();
        let folded = standardisation.fold(&network).unwrap();
        let expected = network.logits(standardisation.apply(x.view()).view()).unwrap();
        let actual = folded.logits(x.view()).unwrap();
        // The folded first layer adds D = 6 terms |w x / σ| ≤ 1·38/0.9 and a bias of that sum, each rounded a few times:
        // 10 roundings of 2⁻²⁴·500 at most, that is 3e-4, which the second layer takes 8 times with weights below 1.
        for (a, e) in actual.iter().zip(&expected) {
            assert!((a - e).abs() < 2.4e-3, "{a} {e}");
        }
        assert!((&actual - &network.logits(x.view()).unwrap()).iter().any(|off| off.abs() > 0.1));
    }
}
