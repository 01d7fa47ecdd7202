//! A multilayer perceptron with its backpropagation written out by hand.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod activation;
mod backprop;
mod batch;
mod descent;
mod dropout;
mod error;
mod evaluate;
mod examples;
mod features;
mod fit;
mod hyperparameters;
mod io;
mod linear;
mod loss;
mod mlp;
#[cfg(feature = "onnx")]
mod onnx;
mod params;
mod random;
mod real;
mod train;
mod upcoming;

pub use error::{Error, Result};
pub use evaluate::{Evaluation, evaluate, evaluate_in};
pub use examples::Examples;
pub use hyperparameters::{Hyperparameters, Schedule};
pub use linear::Linear;
pub use mlp::Mlp;
pub use mlprobe_kernels::Precision;
pub use params::Params;
pub use real::Real;
pub use train::{EpochSummary, Trainer, TrainingState};
