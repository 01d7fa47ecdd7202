#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod ablation;
mod analysis;
pub mod baselines;
mod checkpoints;
pub mod claims;
mod collector;
mod comparison;
mod costs;
mod error;
mod folder;
mod machine;
pub mod metrics;
mod notes;
pub mod page;
mod progress;
mod protocol;
mod quality;
mod queue;
mod reading;
mod reference;
pub mod report;
pub mod reproduction;
pub mod results;
mod resumable;
mod sets;
pub mod stats;
mod study;
#[cfg(test)]
mod testing;
mod train;
pub mod tuned;

pub use checkpoints::Checkpoints;
pub use error::{Error, Result};
pub use folder::RunFolder;
pub use progress::{Event, Observer, Progress};
pub use protocol::Protocol;
pub use reading::{read_results, read_tuned};
pub use results::{About, Machine, Results};
pub use sets::{Arm, LabelledFeatures};
pub use study::{Outcome, Study};
pub use train::{Tested, TrainedRun};
