//! An affine layer: forward, and right under it backward.

use crate::{Error, Real, Result};
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
    pub(crate) fn forward(&self, x: ArrayView2<F>, mut z: ArrayViewMut2<F>) {
        // Z = X·Wᵀ + b, b added to every row
        F::gemm(x, self.weight.t(), z.view_mut());
        z += &self.bias;
    }

    /// x (m, in), dz (m, out): dL/dz of every example, not yet divided by m. Out come `gradient`, the mean
    /// over the batch of dL/dW (out, in) and dL/db (out), and `dx` (m, in): dL/dx of every example. The first
    /// layer needs no `dx`.
    pub(crate) fn backward(
        &self,
        x: ArrayView2<F>,
        dz: ArrayView2<F>,
        gradient: &mut Self,
        dx: Option<ArrayViewMut2<F>>,
    ) {
        let mean = F::one() / F::from_f64(x.nrows() as f64);
        // dW = dZᵀ·X / m, as dWᵀ = Xᵀ·dZ / m: the order in which it lies in memory
        F::gemm(x.t(), dz, gradient.weight.view_mut().reversed_axes());
        gradient.weight *= mean;
        // db = Σ dZ / m, over the rows
        gradient.bias.fill(F::zero());
        dz.axis_iter(Axis(0)).for_each(|row| gradient.bias += &row);
        gradient.bias *= mean;
        // dX = dZ·W
        if let Some(dx) = dx {
            F::gemm(dz, self.weight.view(), dx);
        }
    }

    /// Parameters that are all zero.
    pub(crate) fn zeros(inputs: usize, outputs: usize) -> Self {
        Self { weight: Array2::zeros((outputs, inputs).f()), bias: Array1::zeros(outputs) }
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
