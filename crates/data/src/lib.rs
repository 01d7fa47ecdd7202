#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod augment;
pub mod cifar10;
mod error;
mod files;
mod images;
pub mod mini;
pub mod normalize;
pub mod random;

pub use error::{Error, Result};
pub use images::{Dataset, LabelledImages};
