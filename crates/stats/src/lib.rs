#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bootstrap;
mod error;
mod holm;
mod interval;
mod mcnemar;
pub mod metrics;
mod paired;
mod power;
mod summary;

pub use bootstrap::{CrossedBootstrap, crossed_bootstrap};
pub use error::{Error, Result, require};
pub use holm::holm;
pub use interval::Interval;
pub use mcnemar::{McNemar, discordant, mcnemar_exact};
pub use paired::{Paired, paired_difference};
pub use power::minimal_detectable_effect;
pub use summary::{Summary, summary};
