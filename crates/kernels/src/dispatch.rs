//! Runs code on the instruction set that was chosen.

use crate::isa::Isa;
#[cfg(target_arch = "x86_64")]
use crate::isa::Level;

/// Runs a loop that the compiler turns into vector instructions, on the widest ones. No result changes.
#[inline(always)]
pub(crate) fn vectorized(isa: Isa, run: impl FnOnce()) {
    #[cfg(target_arch = "x86_64")]
    if isa.level == Level::Avx512 {
        #[target_feature(enable = "avx512f")]
        fn wide(run: impl FnOnce()) {
            run();
        }
        // SAFETY: an Isa exists only where its instructions do.
        return unsafe { wide(run) };
    }
    let _ = isa;
    run();
}

/// Defines `$name(isa, arguments)`, which runs the generic `$generic::<S>(arguments)` compiled for `isa`.
///
/// The generic function has to be `#[inline(always)]`: `#[target_feature]` reaches only what is inlined.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis unsafe fn $name:ident = $generic:ident($($arg:ident: $ty:ty),* $(,)?)) => {
        $(#[$doc])*
        #[inline]
        $vis unsafe fn $name(isa: $crate::Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: forwarded from the caller.
                unsafe { $generic::<$crate::simd::Avx512F32>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: forwarded from the caller.
                unsafe { $generic::<$crate::simd::Avx2F32>($($arg),*) }
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon")]
            unsafe fn neon($($arg: $ty),*) {
                // SAFETY: forwarded from the caller.
                unsafe { $generic::<$crate::simd::NeonF32>($($arg),*) }
            }
            match isa.level {
                // SAFETY: an Isa exists only where its instructions do; the rest is forwarded from the caller.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "aarch64")]
                $crate::isa::Level::Neon => unsafe { neon($($arg),*) },
                // SAFETY: the portable path needs no instructions; the rest is forwarded from the caller.
                $crate::isa::Level::Portable => unsafe {
                    $generic::<$crate::simd::Portable<f32, 4>>($($arg),*)
                },
            }
        }
    };
}
pub(crate) use dispatch;
