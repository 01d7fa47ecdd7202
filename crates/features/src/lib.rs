#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod arrays;
mod cache;
mod efficientnet;
#[cfg(feature = "images")]
pub mod embed;
mod error;
mod extractor;
mod network;
#[cfg(feature = "onnx")]
mod onnx;
pub mod resize;
mod resnet;
mod settings;
mod squeezenet;
mod weights;

pub use cache::{FeatureCache, Origin};
pub use efficientnet::EfficientNetLite0;
#[cfg(feature = "images")]
pub use embed::FeatureFile;
pub use error::Error;
pub use extractor::{Extractor, same_network};
pub use mlprobe_data::normalize::Normalization;
pub use mlprobe_kernels::Precision;
#[cfg(feature = "onnx")]
pub use onnx::{Onnx, OnnxOptions, onnx_operators};
pub use resnet::ResNet18;
pub use settings::{ExtractorSettings, Pool};
pub use squeezenet::SqueezeNet;
