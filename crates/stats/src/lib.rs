#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod arm;
mod bootstrap;
mod components;
mod contrast;
mod decision;
mod error;
mod holm;
mod interval;
mod mcnemar;
pub mod metrics;
mod paired;
mod plan;
mod pool;
mod power;
mod sequential;
mod summary;

pub use arm::{Accuracy, classifier_accuracy, recipe_accuracy};
pub use bootstrap::{CrossedBootstrap, crossed_bootstrap, crossed_bootstrap_with_offsets};
pub use components::Components;
pub use contrast::Contrast;
pub use decision::{Answer, Decision, EQUIVALENCE_LEVEL, FEWEST_SEEDS, LEVEL, decide};
pub use error::{Error, Result, require};
pub use holm::holm;
pub use interval::Interval;
pub use mcnemar::{McNemar, discordant, mcnemar_exact};
pub use paired::{Paired, paired_difference};
pub use plan::{Plan, plan, plan_images, plan_seeds};
pub use pool::{Pooled, pool};
pub use power::{detectable_difference, minimal_detectable_effect, provable_margin};
pub use sequential::{MOST_SEEDS, SequentialRule};
pub use summary::{Summary, summary};
