//! Which tiles multiply pairs of bf16 numbers: those of a matrix unit, of vectors, or emulated.

use crate::amx;
use crate::isa::{Isa, Matrices};
#[cfg(target_arch = "x86_64")]
use crate::tile::x86;
use crate::tile::{PORTABLE_PAIRS, TileTable};

/// The tiles whose elements of A and B are pairs of bf16 numbers.
pub(crate) fn pair_table(isa: Isa) -> &'static TileTable<f32> {
    match isa.matrices {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        Matrices::Amx => &amx::MATRICES,
        Matrices::Emulated => &amx::EMULATED,
        #[cfg(target_arch = "x86_64")]
        Matrices::Vectors if isa.has_bf16() => &x86::AVX512_PAIRS,
        Matrices::Vectors => &PORTABLE_PAIRS,
    }
}
