//! An affine layer: forward, and right under it backward.

use crate::features::FeaturesView;
use crate::{Error, Real, Result};
use mlprobe_kernels::Precision;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder};

/// The parameters of an affine layer, z = W·x + b; also the shape of their gradients.
///
/// A network keeps `weight` column-major, that is Wᵀ (in, out) row by row: then both large products of
/// training, X·Wᵀ and Xᵀ·dZ, read and write contiguous rows. Any layout may be given, see
/// [`Mlp::from_layers`](crate::Mlp::from_layers).
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<F> {
    /// W (out, in).
    pub weight: Array2<F>,
    /// b (out).
    pub bias: Array1<F>,
}

/// x (m, n): some or all inputs of the examples, dz (m, out): dL/dz of each. Adds their sum over the examples to dwt
/// (n, out), the gradient of these rows of Wᵀ, which is the order in memory.
pub(crate) fn dweight<F: Real>(
    precision: Precision,
    x: FeaturesView<F>,
    dz: ArrayView2<F>,
    dwt: ArrayViewMut2<F>,
) {
    // dWᵀ ← dWᵀ + Xᵀ·dZ
    product(precision, x.t(), dz, F::one(), dwt);
}

/// dz (m, out), db (out): adds the sum over the examples.
pub(crate) fn dbias<F: Real>(dz: ArrayView2<F>, db: &mut Array1<F>) {
    // db ← db + Σ dZ, over the rows
    dz.axis_iter(Axis(0)).for_each(|row| *db += &row);
}

/// C ← A·B + β·C
fn product<F: Real>(
    precision: Precision,
    a: FeaturesView<F>,
    b: ArrayView2<F>,
    beta: F,
    c: ArrayViewMut2<F>,
) {
    match a {
        FeaturesView::Exact(a) => F::product(precision, a, b, beta, c),
        FeaturesView::Rounded(a) => F::product_of_bf16(a, b, beta, c),
    }
}

impl<F: Real> Linear<F> {
    /// The width of its input.
    pub fn inputs(&self) -> usize {
        self.weight.ncols()
    }

    /// The width of its output.
    pub fn outputs(&self) -> usize {
        self.weight.nrows()
    }

    /// x (m, in), z (m, out).
    pub(crate) fn forward(&self, precision: Precision, x: FeaturesView<F>, mut z: ArrayViewMut2<F>) {
        // Z = X·Wᵀ + b, b added to every row
        product(precision, x, self.weight.t(), F::zero(), z.view_mut());
        z += &self.bias;
    }

    /// dz (m, out): dL/dz of every example; dx (m, in): dL/dx of every example.
    pub(crate) fn backward(&self, dz: ArrayView2<F>, dx: ArrayViewMut2<F>) {
        // dX = dZ·W, in any precision as it is: this product is short
        product(Precision::F32, dz.into(), self.weight.view(), F::zero(), dx);
    }

    /// Parameters that are all zero.
    pub(crate) fn zeros(inputs: usize, outputs: usize) -> Self {
        Self { weight: Array2::zeros((outputs, inputs).f()), bias: Array1::zeros(outputs) }
    }

    /// Divides every parameter by m.
    pub(crate) fn divide(&mut self, m: usize) {
        let mean = F::one() / F::from_f64(m as f64);
        self.weight *= mean;
        self.bias *= mean;
    }

    pub(crate) fn fill_zero(&mut self) {
        self.weight.fill(F::zero());
        self.bias.fill(F::zero());
    }

    /// The same parameters, Wᵀ row by row in memory.
    pub(crate) fn into_column_major(self) -> Self {
        if self.weight.t().is_standard_layout() {
            return self;
        }
        let mut copy = Self::zeros(self.inputs(), self.outputs());
        copy.weight.assign(&self.weight);
        Self { bias: self.bias, ..copy }
    }

    /// Refuses an infinite or NaN parameter of the layer called `name`.
    pub(crate) fn check_finite(&self, operation: &'static str, name: &str) -> Result<()> {
        match self.weight.iter().chain(&self.bias).find(|value| !value.is_finite()) {
            Some(&value) => {
                let location = format!("a parameter of {name}");
                Err(Error::NotFinite { operation, location, value: value.into() })
            }
            None => Ok(()),
        }
    }

    /// The sizes of W and b.
    pub(crate) fn shape(&self) -> ((usize, usize), usize) {
        (self.weight.dim(), self.bias.len())
    }
}
