//! The peak speed of the machine, with which the speed of the kernels is compared.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Isa;
use crate::dispatch::dispatch;
use crate::simd::Simd;

/// The most floating-point operations per second (FLOP/s, in `f32`) that the calling thread can do with `isa`, measured
/// for about `duration`; a multiply-add counts as two. Nothing is loaded or stored, so no kernel can be faster.
///
/// For the peak of several cores, call it on that many threads at the same time and add the results: cores may slow each other down.
///
/// ```
/// use std::time::Duration;
/// use mlprobe_kernels::{Isa, fma_peak};
///
/// let peak = fma_peak(Isa::current(), Duration::from_millis(20));
/// assert!(peak > 1e8);
/// ```
pub fn fma_peak(isa: Isa, duration: Duration) -> f64 {
    let mut operations = 0;
    let start = Instant::now();
    loop {
        // SAFETY: arithmetic on registers only.
        unsafe { multiply_add(isa, ROUNDS, &mut operations) };
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return operations as f64 / elapsed.as_secs_f64();
        }
    }
}

/// Steps between two looks at the clock: some tens of microseconds.
const ROUNDS: usize = 20_000;

/// Chains that do not wait for each other. A core starts two multiply-adds per cycle and finishes each four or five
/// cycles later, which takes ten chains; together with the two factors they must fit 16 registers.
const CHAINS: usize = 12;

dispatch!(unsafe fn multiply_add = multiply_add_on(rounds: usize, operations: &mut u64));

/// x ← a·x + b, `rounds` times, in each of the chains.
#[inline(always)]
unsafe fn multiply_add_on<S: Simd<T = f32>>(rounds: usize, operations: &mut u64) {
    // SAFETY: arithmetic of the instruction set the caller vouches for.
    unsafe {
        // Unknown to the compiler, and chosen so that x stays near 1, away from the slow numbers next to zero.
        let (a, b) = (S::splat(black_box(0.5)), S::splat(black_box(0.5)));
        let mut x: [S::V; CHAINS] = std::array::from_fn(|chain| S::splat(chain as f32));
        for _ in 0..rounds {
            for x in &mut x {
                *x = S::mul_add(a, *x, b);
            }
        }
        black_box(x);
    }
    *operations += (2 * rounds * CHAINS * S::LANES) as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_has_a_peak() {
        for isa in Isa::available() {
            let start = Instant::now();
            let peak = fma_peak(isa, Duration::from_millis(10));
            assert!(start.elapsed() >= Duration::from_millis(10));
            // No core does less than one operation in ten cycles, or more than 200 in one.
            assert!((1e8..1e12).contains(&peak), "{isa}: {peak}");
        }
    }
}
