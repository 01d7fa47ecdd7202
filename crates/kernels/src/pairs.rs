//! Vectors of pairs of bf16 numbers for the register tile, which takes each pair as one element of 32 bits: the first
//! number in the lower half. A multiply-add of the tile is then c + a₁·b₁ + a₀·b₀ with c in `f32`, as the instruction
//! `vdpbf16ps` of AVX-512 computes it (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2):
//!
//! ```text
//! c ← c + a₁·b₁,  then  c ← c + a₀·b₀,     each rounded once to nearest even; results below 2⁻¹²⁶ become 0
//! ```
//!
//! The portable vectors do the same in `f64`. There a product of two bf16 numbers is exact, and so is its sum with c unless
//! their exponents are more than 29 apart; rounding it to `f32` then gives what a single rounding gives.

use crate::simd::{MultiplyAdd, Portable};

pub(crate) struct PortablePairs;

impl MultiplyAdd for PortablePairs {
    type Sums = Portable<f32, 16>;
    #[inline(always)]
    unsafe fn multiply_add(a: [f32; 16], b: [f32; 16], sums: [f32; 16]) -> [f32; 16] {
        std::array::from_fn(|i| {
            let ([a0, a1], [b0, b1]) = (numbers(a[i]), numbers(b[i]));
            step(a0, b0, step(a1, b1, sums[i]))
        })
    }
}

/// The two numbers of a pair.
#[inline(always)]
pub(crate) fn numbers(pair: f32) -> [f32; 2] {
    let bits = pair.to_bits();
    [bits << 16, bits & 0xffff_0000].map(f32::from_bits)
}

/// c + a·b, rounded once.
#[inline(always)]
pub(crate) fn step(a: f32, b: f32, c: f32) -> f32 {
    normal_or_zero((f64::from(normal_or_zero(c)) + f64::from(a) * f64::from(b)) as f32)
}

#[inline(always)]
pub(crate) fn normal_or_zero(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0_f32.copysign(x) } else { x }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::{Avx512Pairs, round};

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::MultiplyAdd;
    use crate::simd::Avx512F32;
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtne2ps_pbh,
        _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    };

    pub(crate) struct Avx512Pairs;

    impl MultiplyAdd for Avx512Pairs {
        type Sums = Avx512F32;
        #[inline(always)]
        unsafe fn multiply_add(a: __m512, b: __m512, sums: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set; both types are 512 bits without invalid values.
            unsafe {
                let pairs = |x| std::mem::transmute::<_, __m512bh>(_mm512_castps_si512(x));
                _mm512_dpbf16_ps(sums, pairs(a), pairs(b))
            }
        }
    }

    /// Rounds contiguous numbers to pairs, 16 pairs at a time while both last, to the same bits as
    /// [`nearest`](crate::precision::nearest); how many pairs.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(crate) fn round(row: &[f32], to: &mut [f32]) -> usize {
        let (numbers, pairs) = (row.as_chunks::<32>().0, to.as_chunks_mut::<16>().0);
        for (from, to) in numbers.iter().zip(&mut *pairs) {
            // SAFETY: 32 numbers are read and 16 written; any 512 bits are sixteen `f32`.
            unsafe {
                let half = |first: usize| _mm512_loadu_ps(from[first..].as_ptr());
                let rounded =
                    std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(half(16), half(0)));
                _mm512_storeu_ps(to.as_mut_ptr(), _mm512_castsi512_ps(rounded));
            }
        }
        16 * numbers.len().min(pairs.len())
    }
}
