#![doc = include_str!("../README.md")]

mod buffer;
mod conv;
mod depthwise;
mod elementwise;
mod error;
mod fetch;
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
pub use fetch::fetching;
pub use gemm::{gemm, gemm_on};
pub use isa::Isa;
pub use map::Map;
pub use pages::huge_pages;
pub use peak::fma_peak;
pub use pool::MaxPool;
pub use tile::{Element, Finish};
