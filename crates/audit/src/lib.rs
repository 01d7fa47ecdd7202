#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod duplicates;
mod error;
mod whitening;

pub use duplicates::{DEFAULT_THRESHOLD, MOST_PER_ROW, Pair, SHRINKAGE, near_duplicates, nearest_rows};
pub use error::{Error, Result};
pub use whitening::Whitening;
