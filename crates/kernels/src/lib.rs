#![doc = include_str!("../README.md")]

mod buffer;
mod conv;
mod depthwise;
mod elementwise;
mod error;
mod factors;
mod fetch;
mod gemm;
mod gemm_in;
mod isa;
mod map;
mod nearest;
mod pages;
mod pairs;
mod peak;
mod pool;
mod precision;
mod simd;
mod tile;
mod winograd;

pub use conv::Conv;
pub use depthwise::Depthwise;
pub use elementwise::mix;
pub use error::Error;
pub use factors::Factor;
pub use fetch::fetching;
pub use gemm::{gemm, gemm_on};
pub use gemm_in::{gemm_in, gemm_in_on};
pub use isa::Isa;
pub use map::Map;
pub use nearest::keep_nearest;
pub use pages::huge_pages;
pub use peak::fma_peak;
pub use pool::MaxPool;
pub use precision::{Bf16, Precision};
pub use tile::{Element, Finish};
