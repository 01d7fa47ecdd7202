//! The two number types, `f32` and `f64`, and the functions they need beyond arithmetic.

use mlprobe_kernels::{Bf16, Element, Precision, gemm};
use ndarray::{ArrayView2, ArrayViewMut2};
use safetensors::Dtype;
use std::f32::consts::LOG2_E;

/// A floating-point type that a network can be made of: `f32` or `f64`. Sealed.
pub trait Real: Element + Into<f64> + sealed::Portable + sealed::Products {
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
}

pub(crate) mod sealed {
    use super::*;

    /// C ← A·B + β·C. The shapes have to fit.
    pub trait Products: Sized {
        fn product(
            precision: Precision,
            a: ArrayView2<Self>,
            b: ArrayView2<Self>,
            beta: Self,
            c: ArrayViewMut2<Self>,
        );
        /// With A kept in bf16.
        fn product_of_bf16(a: ArrayView2<Bf16>, b: ArrayView2<Self>, beta: Self, c: ArrayViewMut2<Self>);
    }

    /// What has to be the same on every machine: elementary functions, in plain Rust arithmetic where the
    /// standard library's come from the platform, and the form in files, little-endian IEEE 754.
    pub trait Portable: Sized {
        /// exp(x) for x at most 0, with a relative error below 1e-7 in f32 and 3e-16 in f64; an f32 result
        /// below the smallest normal number may be 0. NaN gives NaN.
        fn exp_portable(self) -> Self;
        /// ln(x) within 1 ulp.
        fn ln_portable(self) -> Self;
        const DTYPE: Dtype;
        fn to_bytes(values: impl Iterator<Item = Self>) -> Vec<u8>;
        fn from_bytes(bytes: &[u8]) -> Vec<Self>;
    }
}

macro_rules! real {
    ($type:ident, $dtype:ident, $exp:path, $ln:path) => {
        impl Real for $type {
            fn from_f64(value: f64) -> Self {
                value as Self
            }
        }

        impl sealed::Portable for $type {
            #[inline]
            fn exp_portable(self) -> Self {
                $exp(self)
            }

            fn ln_portable(self) -> Self {
                $ln(self)
            }

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

impl sealed::Products for f32 {
    fn product(
        precision: Precision,
        a: ArrayView2<f32>,
        b: ArrayView2<f32>,
        beta: f32,
        mut c: ArrayViewMut2<f32>,
    ) {
        computed(gemm(precision, &a, &b, beta, &mut c));
    }

    fn product_of_bf16(a: ArrayView2<Bf16>, b: ArrayView2<f32>, beta: f32, mut c: ArrayViewMut2<f32>) {
        computed(gemm(Precision::Bf16, &a, &b, beta, &mut c));
    }
}

/// In f64 there is one precision; hyperparameters with another are refused.
impl sealed::Products for f64 {
    fn product(_: Precision, a: ArrayView2<f64>, b: ArrayView2<f64>, beta: f64, mut c: ArrayViewMut2<f64>) {
        computed(gemm(Precision::F32, &a, &b, beta, &mut c));
    }

    fn product_of_bf16(a: ArrayView2<Bf16>, b: ArrayView2<f64>, beta: f64, c: ArrayViewMut2<f64>) {
        Self::product(Precision::F32, a.mapv(|a| f32::from(a).into()).view(), b, beta, c);
    }
}

/// Networks and examples are checked when they are made, so that all shapes fit. A product that was not computed would leave old numbers
/// in place, which nothing after it could tell from results.
fn computed(done: Result<(), mlprobe_kernels::Error>) {
    assert!(done.is_ok(), "a product of a network failed, though its shapes were checked: {done:?}");
}

real!(f32, F32, exp, libm::logf);
real!(f64, F64, libm::exp, libm::log);

/// exp(x) for x at most 0, without branches, so that a loop over it becomes vector instructions.
///
/// x = n·ln 2 + r with |r| at most ln 2 / 2, so exp(x) = 2ⁿ·exp(r). The polynomial for exp(r) and the split
/// of ln 2 are those of `expf` in the Cephes library (Moshier, 1992).
#[inline]
fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // At -88, n is -127, whose power of two comes out as 0. A comparison with NaN is false, so NaN
    // passes.
    let x = if x < -88.0 { -88.0 } else { x };
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let polynomial = ((((1.987_569_2e-4 * r + 1.398_199_9e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r
        + 1.666_666_5e-1)
        * r
        + 0.5;
    let exp_r = polynomial * (r * r) + r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    exp_r * power
}

#[cfg(test)]
mod tests {
    use super::sealed::{Portable, Products};
    use crate::Precision;
    use ndarray::Array2;

    #[test]
    #[should_panic(expected = "shapes were checked")]
    fn a_product_that_is_not_computed_ends_the_program_instead_of_leaving_old_numbers() {
        let (a, b, mut c) = (Array2::zeros((2, 3)), Array2::zeros((4, 5)), Array2::zeros((2, 5)));
        f32::product(Precision::F32, a.view(), b.view(), 0.0, c.view_mut());
    }

    #[test]
    fn f32_exponential_is_accurate_to_1e_7() {
        for i in 0..873_000 {
            let x = -1e-4 * i as f32;
            let off = f64::from(x.exp_portable()) / libm::exp(x.into()) - 1.0;
            assert!(off.abs() < 1e-7, "exp({x}): {off:e}");
        }
    }

    #[test]
    fn f32_exponential_ends_well() {
        assert_eq!(0.0f32.exp_portable(), 1.0);
        assert_eq!((-0.0f32).exp_portable(), 1.0);
        for x in [-88.0, -1e4, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(x.exp_portable(), 0.0, "{x}");
        }
        assert!(f32::NAN.exp_portable().is_nan());
    }
}
