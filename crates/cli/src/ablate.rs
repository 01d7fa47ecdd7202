//! `mlprobe ablate`: which transform does what.

use anyhow::Result;
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::reproduction;
use mlprobe_experiments::settings::Compared;

use crate::options::StudyOptions;
use crate::reproduce::run_study;
use crate::run::RunOptions;

/// Which transform helps? Trains with each transform alone, and with each preset, against as many plain copies
///
/// There are nine arms: about four times the training of `reproduce` with as many epochs. Features come from cache/ where an
/// earlier run has left them. Interrupt the run at any time; rerunning the same command resumes it.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyOptions,
    #[command(flatten)]
    run: RunOptions,
}

pub fn run(Arguments { study, run }: Arguments) -> Result<()> {
    let threads = study.threads.start()?;
    let inputs = study.load(Compared::Ablation)?;
    run_study(&inputs, run, threads, Preset::default().transforms(), |source, session| {
        reproduction::ablation(source, inputs.settings.clone(), session)
    })
}
