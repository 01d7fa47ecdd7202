//! The two number types, f32 and f64, and the three operations whose speed or bits matter.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, NdFloat};
use safetensors::Dtype;

/// A floating-point type the network can be made of: `f32` or `f64`.
///
/// Sealed. Exponential and logarithm are pure Rust arithmetic, so that they give the same bits on every
/// machine; the standard library's come from the platform.
pub trait Real: NdFloat + Into<f64> + sealed::Stored {
    /// C = A·B.
    ///
    /// Shapes: `a` (M, N), `b` (N, P), `c` (M, P); any strides. What `c` held before is not read.
    /// Every matrix product of the crate comes through here. The three shapes must fit.
    fn gemm(a: ArrayView2<Self>, b: ArrayView2<Self>, c: ArrayViewMut2<Self>);

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;

    /// exp(x) by libm, within 1 ulp.
    fn exp_portable(x: Self) -> Self;

    /// ln(x) by libm, within 1 ulp.
    fn ln_portable(x: Self) -> Self;
}

pub(crate) mod sealed {
    use super::Dtype;

    /// How a number stands in a file: little-endian IEEE 754.
    pub trait Stored: Sized {
        const DTYPE: Dtype;
        fn to_bytes(values: impl Iterator<Item = Self>) -> Vec<u8>;
        fn from_bytes(bytes: &[u8]) -> Vec<Self>;
    }
}

macro_rules! real {
    ($type:ident, $dtype:ident, $exp:path, $ln:path) => {
        impl Real for $type {
            fn gemm(a: ArrayView2<Self>, b: ArrayView2<Self>, mut c: ArrayViewMut2<Self>) {
                general_mat_mul(1.0, &a, &b, 0.0, &mut c);
            }

            fn from_f64(value: f64) -> Self {
                value as Self
            }

            fn exp_portable(x: Self) -> Self {
                $exp(x)
            }

            fn ln_portable(x: Self) -> Self {
                $ln(x)
            }
        }

        impl sealed::Stored for $type {
            const DTYPE: Dtype = Dtype::$dtype;

            fn to_bytes(values: impl Iterator<Item = Self>) -> Vec<u8> {
                values.flat_map(Self::to_le_bytes).collect()
            }

            fn from_bytes(bytes: &[u8]) -> Vec<Self> {
                let (numbers, _) = bytes.as_chunks();
                numbers.iter().map(|&number| Self::from_le_bytes(number)).collect()
            }
        }
    };
}

real!(f32, F32, libm::expf, libm::logf);
real!(f64, F64, libm::exp, libm::log);
