//! Matrix products and convolutions for small networks, on the widest instructions the machine has.
//!
//! Everything rests on one register tile ([`tile`](self)): a block of output rows by two vectors of columns is
//! kept in registers while the inner dimension streams past. The tile exists for AVX-512, AVX2 with FMA, and as
//! portable Rust; [`Isa`] picks one at run time, `MLPROBE_ISA` forces one. On a given instruction set every output
//! element is one fixed chain of operations, so results do not depend on blocking, batch size or thread count.
//!
//! ```
//! use mlprobe_kernels::{Isa, gemm};
//! use ndarray::{Array2, arr2};
//!
//! let a = arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]);
//! let b = arr2(&[[5.0_f32, 6.0], [7.0, 8.0]]);
//! let mut c = Array2::zeros((2, 2));
//! gemm(Isa::current(), a.view(), b.view(), c.view_mut())?;
//! assert_eq!(c, arr2(&[[19.0, 22.0], [43.0, 50.0]]));
//! # Ok::<(), mlprobe_kernels::Error>(())
//! ```

mod conv;
mod elementwise;
mod error;
mod gemm;
mod isa;
mod map;
mod peak;
mod pool;
mod simd;
mod tile;
mod winograd;

pub use conv::Conv;
pub use elementwise::{mix, prefetch};
pub use error::Error;
pub use gemm::{Element, gemm};
pub use isa::Isa;
pub use map::Map;
pub use peak::fma_peak;
pub use pool::MaxPool;
pub use tile::Finish;
