//! Vectors of numbers: the few operations the register tile needs, for each instruction set.

/// A vector of [`LANES`](Simd::LANES) numbers.
///
/// # Safety
/// The methods may compile to instructions of the set they stand for: call them only inside a function that enables
/// it, on a machine that has it. `load` and `store` touch `LANES` numbers at the pointer, which need no alignment.
pub(crate) unsafe trait Simd {
    type T: Copy + From<u8>;
    type V: Copy;
    const LANES: usize;
    unsafe fn zero() -> Self::V;
    unsafe fn splat(x: Self::T) -> Self::V;
    unsafe fn load(p: *const Self::T) -> Self::V;
    unsafe fn store(p: *mut Self::T, v: Self::V);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// a · b + c: rounded once where the instruction set does so, twice on the portable path.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
}

/// How a tile multiplies elements of A and B, and adds their products to vectors of sums.
///
/// # Safety
/// As for [`Simd`].
pub(crate) trait MultiplyAdd {
    /// The vectors of sums.
    type Sums: Simd;
    unsafe fn multiply_add(a: Vector<Self>, b: Vector<Self>, sums: Vector<Self>) -> Vector<Self>;
}

pub(crate) type Vector<M> = <<M as MultiplyAdd>::Sums as Simd>::V;

impl<S: Simd> MultiplyAdd for S {
    type Sums = S;
    #[inline(always)]
    unsafe fn multiply_add(a: S::V, b: S::V, sums: S::V) -> S::V {
        // SAFETY: forwarded from the caller.
        unsafe { S::mul_add(a, b, sums) }
    }
}

/// Asks for the cache line at the pointer, which may point anywhere.
#[inline(always)]
pub(crate) fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that every x86-64 machine has, and that never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// `LANES` numbers in an array, left to the compiler to put into whatever registers every machine has.
pub(crate) struct Portable<T, const LANES: usize>(std::marker::PhantomData<T>);

macro_rules! portable {
    ($t:ty) => {
        // SAFETY: plain Rust; load and store touch LANES numbers, as the trait allows.
        unsafe impl<const LANES: usize> Simd for Portable<$t, LANES> {
            type T = $t;
            type V = [$t; LANES];
            const LANES: usize = LANES;
            #[inline(always)]
            unsafe fn zero() -> Self::V {
                [0.0; LANES]
            }
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self::V {
                [x; LANES]
            }
            #[inline(always)]
            unsafe fn load(p: *const $t) -> Self::V {
                // SAFETY: the caller vouches for LANES numbers at p.
                unsafe { p.cast::<[$t; LANES]>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(p: *mut $t, v: Self::V) {
                // SAFETY: the caller vouches for room for LANES numbers at p.
                unsafe { p.cast::<[$t; LANES]>().write_unaligned(v) }
            }
            #[inline(always)]
            unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
                std::array::from_fn(|i| a[i] + b[i])
            }
            #[inline(always)]
            unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
                std::array::from_fn(|i| a[i] - b[i])
            }
            #[inline(always)]
            unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
                std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
            }
            #[inline(always)]
            unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
                std::array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
            }
            #[inline(always)]
            unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                std::array::from_fn(|i| a[i] * b[i] + c[i])
            }
        }
    };
}
portable!(f32);
portable!(f64);

/// Names the intrinsics of one vector type.
macro_rules! vector {
    ($name:ident, $t:ty, $v:ty, $lanes:literal,
     $set1:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $max:ident, $min:ident, $fma:ident) => {
        pub(crate) struct $name;
        // SAFETY: each method is the intrinsic of the same meaning.
        unsafe impl Simd for $name {
            type T = $t;
            type V = $v;
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn zero() -> $v {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $set1(0.0) }
            }
            #[inline(always)]
            unsafe fn splat(x: $t) -> $v {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $set1(x) }
            }
            #[inline(always)]
            unsafe fn load(p: *const $t) -> $v {
                // SAFETY: the caller vouches for the instruction set and the memory.
                unsafe { $load(p) }
            }
            #[inline(always)]
            unsafe fn store(p: *mut $t, v: $v) {
                // SAFETY: the caller vouches for the instruction set and the memory.
                unsafe { $store(p, v) }
            }
            #[inline(always)]
            unsafe fn add(a: $v, b: $v) -> $v {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            unsafe fn sub(a: $v, b: $v) -> $v {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            unsafe fn max(a: $v, b: $v) -> $v {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $max(a, b) }
            }
            #[inline(always)]
            unsafe fn min(a: $v, b: $v) -> $v {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $min(a, b) }
            }
            #[inline(always)]
            unsafe fn mul_add(a: $v, b: $v, c: $v) -> $v {
                // SAFETY: the caller vouches for the instruction set.
                unsafe { $fma(a, b, c) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::*;

    vector!(
        Avx2F32,
        f32,
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_max_ps,
        _mm256_min_ps,
        _mm256_fmadd_ps
    );
    vector!(
        Avx2F64,
        f64,
        __m256d,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_max_pd,
        _mm256_min_pd,
        _mm256_fmadd_pd
    );
    vector!(
        Avx512F32,
        f32,
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_max_ps,
        _mm512_min_ps,
        _mm512_fmadd_ps
    );
    vector!(
        Avx512F64,
        f64,
        __m512d,
        8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_max_pd,
        _mm512_min_pd,
        _mm512_fmadd_pd
    );
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use super::Simd;
    use std::arch::aarch64::*;

    /// The operations whose arguments come in another order than in [`Simd`], or that treat NaN in another way.
    macro_rules! adapted {
        ($v:ty, $max:ident, $greater:ident, $min:ident, $less:ident, $select:ident, $mul_add:ident, $fma:ident) => {
            /// b where a or b is NaN, as on the other instruction sets; NEON's own maximum is NaN.
            #[inline]
            #[target_feature(enable = "neon")]
            fn $max(a: $v, b: $v) -> $v {
                $select($greater(a, b), a, b)
            }
            /// Likewise.
            #[inline]
            #[target_feature(enable = "neon")]
            fn $min(a: $v, b: $v) -> $v {
                $select($less(a, b), a, b)
            }
            #[inline]
            #[target_feature(enable = "neon")]
            fn $mul_add(a: $v, b: $v, c: $v) -> $v {
                $fma(c, a, b)
            }
        };
    }
    adapted!(float32x4_t, max_f32, vcgtq_f32, min_f32, vcltq_f32, vbslq_f32, mul_add_f32, vfmaq_f32);
    adapted!(float64x2_t, max_f64, vcgtq_f64, min_f64, vcltq_f64, vbslq_f64, mul_add_f64, vfmaq_f64);

    vector!(
        NeonF32,
        f32,
        float32x4_t,
        4,
        vdupq_n_f32,
        vld1q_f32,
        vst1q_f32,
        vaddq_f32,
        vsubq_f32,
        max_f32,
        min_f32,
        mul_add_f32
    );
    vector!(
        NeonF64,
        f64,
        float64x2_t,
        2,
        vdupq_n_f64,
        vld1q_f64,
        vst1q_f64,
        vaddq_f64,
        vsubq_f64,
        max_f64,
        min_f64,
        mul_add_f64
    );
}

#[cfg(target_arch = "aarch64")]
pub(crate) use neon::{NeonF32, NeonF64};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};
