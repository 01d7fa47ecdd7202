#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod analysis;
mod auditing;
pub mod curve;
mod engine;
mod error;
mod features;
mod folder;
mod kept;
pub mod knn;
mod planning;
mod pooling;
mod reanalysis;
pub mod report;
pub mod reproduction;
mod run;
mod saving;
pub mod settings;
mod study;
#[cfg(test)]
mod testing;
pub mod tuned;

pub use analysis::results::{About, Results};
pub use auditing::{AuditRecord, Verdicts};
pub use engine::arm::{Arm, SeededRows};
pub use engine::checkpoints::Checkpoints;
pub use engine::notes::Note;
pub use engine::progress::{Event, Observer, Progress};
pub use engine::scale::odd_scale;
pub use engine::scoring::{Tested, TrainedRun};
pub use engine::session::Session;
pub use engine::sets::LabelledFeatures;
pub use engine::standardisation::Standardisation;
pub use error::{Error, Result};
pub use features::{FeatureSource, Half, digest_of_kept};
pub use folder::RunFolder;
pub use planning::{ContrastPlan, StudyPlan, plan_study};
pub use pooling::{OfDataSet, PooledComparison, pool_runs};
pub use reanalysis::reanalyse;
pub use run::{Identity, Start};
pub use settings::{Protocol, Settings};
pub use study::{Outcome, Probed, Study};

/// What `results.json` holds, documented field by field.
pub mod results {
    pub use crate::analysis::answers::{Answer, Claim, Population, Verdict, default_margin};
    pub use crate::analysis::arms::{ArmResults, Reading};
    pub use crate::analysis::baselines::{Baseline, Classifier};
    pub use crate::analysis::comparison::Comparison;
    pub use crate::analysis::costs::{ArmCost, Cost};
    pub use crate::analysis::machine::Machine;
    pub use crate::analysis::probes::{Probe, ProbeAnswer};
    pub use crate::analysis::quality::{ClassQuality, ConfusedPair, Quality};
    pub use crate::analysis::questions::{Measure, Question};
    pub use crate::analysis::reading::read_results;
    pub use crate::analysis::results::{
        About, ArmNote, ArmScore, DatasetInfo, Diverged, ExtractorInfo, FileInfo, Results, Robustness, SCHEMA,
    };
    pub use crate::engine::clock::Stage;
    pub use crate::engine::scoring::{Epoch, Run};
    pub use mlprobe_stats::{Answer as Decision, LEVEL};
}
