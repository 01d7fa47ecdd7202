#![doc = include_str!("../README.md")]

mod conv;
mod depthwise;
mod elementwise;
mod error;
mod gemm;
mod isa;
mod map;
mod pages;
mod peak;
mod pool;
mod simd;
mod tile;
mod winograd;

pub use conv::Conv;
pub use depthwise::Depthwise;
pub use elementwise::mix;
pub use error::Error;
pub use gemm::{Element, gemm, gemm_add, gemm_fetching};
pub use isa::Isa;
pub use map::Map;
pub use pages::huge_pages;
pub use peak::fma_peak;
pub use pool::MaxPool;
pub use tile::{Finish, Start};
