#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod augment;
pub mod cifar10;
#[cfg(feature = "fetch")]
pub mod fetch;
#[cfg(feature = "images")]
pub mod image_files;
pub mod mini;
pub mod normalize;
pub mod random;

mod error;
mod files;
mod images;
mod png;

pub use error::{Error, Result};
pub use images::{Dataset, LabelledImages};
