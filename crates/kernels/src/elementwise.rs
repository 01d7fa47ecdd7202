//! Weighted sums of rows.

use crate::dispatch::dispatch;
use crate::simd::Simd;
use crate::{Error, Isa};

/// out = wa·a + wb·b, element by element: the mixing step of linear interpolation.
///
/// # Errors
/// [`Error::Shape`] if the three lengths differ.
pub fn mix(isa: Isa, (a, wa): (&[f32], f32), (b, wb): (&[f32], f32), out: &mut [f32]) -> Result<(), Error> {
    if a.len() != out.len() || b.len() != out.len() {
        return Err(Error::Shape {
            operation: "mix",
            expected: format!("two rows of {}", out.len()),
            actual: format!("{} and {}", a.len(), b.len()),
        });
    }
    // SAFETY: the lengths are equal.
    unsafe { mix_rows(isa, a, wa, b, wb, out) };
    Ok(())
}

dispatch!(unsafe fn mix_rows = mix_rows_on(a: &[f32], wa: f32, b: &[f32], wb: f32, out: &mut [f32]));

#[inline(always)]
unsafe fn mix_rows_on<S: Simd<T = f32>>(a: &[f32], wa: f32, b: &[f32], wb: f32, out: &mut [f32]) {
    let whole = out.len() / S::LANES * S::LANES;
    // SAFETY: a and b are as long as out, and whole is the part that comes in whole vectors.
    unsafe {
        let (weight_a, weight_b, zero) = (S::splat(wa), S::splat(wb), S::splat(0.0));
        for i in (0..whole).step_by(S::LANES) {
            let first = S::mul_add(weight_a, S::load(a.as_ptr().add(i)), zero);
            S::store(out.as_mut_ptr().add(i), S::mul_add(weight_b, S::load(b.as_ptr().add(i)), first));
        }
    }
    for i in whole..out.len() {
        out[i] = wa * a[i] + wb * b[i];
    }
}
