#![cfg_attr(feature = "images", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "images"), doc = "Image data sets as arrays; see the README.")]
#![forbid(unsafe_code)]

pub mod augment;
pub mod cifar10;
pub mod cifar100;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod groups;
pub mod idx;
#[cfg(feature = "images")]
pub mod image_files;
#[cfg(feature = "images")]
pub mod image_folder;
pub mod mini;
pub mod missing;
pub mod normalize;
pub mod summary;

mod error;
mod files;
#[cfg(feature = "images")]
mod folder_tree;
mod images;
#[cfg(feature = "images")]
mod layout;
mod png;
mod records;
#[cfg(feature = "images")]
mod source;
mod split;

pub use error::{Error, Result};
pub use images::{Dataset, LabelledImages};
#[cfg(feature = "images")]
pub use layout::Layout;
pub use mlprobe_random as random;
#[cfg(feature = "images")]
pub use source::{OpenOptions, Source};
