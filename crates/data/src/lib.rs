#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod augment;
pub mod cifar10;
pub mod cifar100;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod idx;
#[cfg(feature = "images")]
pub mod image_files;
#[cfg(feature = "images")]
pub mod image_folder;
pub mod mini;
pub mod normalize;
pub mod summary;

mod error;
mod files;
mod images;
mod layout;
mod png;
mod records;
mod split;

pub use error::{Error, Result};
pub use images::{Dataset, LabelledImages};
pub use layout::Layout;
pub use mlprobe_random as random;
