//! `mlprobe report`: the report of a finished run, rendered again.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::report::{Page, Pictures};
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::settings::Compared;
use mlprobe_experiments::{RunFolder, reanalyse, tuned};

use crate::options::images_of;
use crate::output;

/// Render report.md and report.html of a run folder again from its results.json
///
/// The answers are derived again from the recorded numbers. With an ablation or a tuned run beside it, the page has a section on
/// each.
#[derive(Args)]
pub struct Arguments {
    /// The run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The run folder of `ablate` on the same data
    #[arg(long, value_name = "DIR")]
    ablation: Option<PathBuf>,
    /// The run folder of `reproduce --recipe tuned` on the same data
    #[arg(long, value_name = "DIR")]
    tuned: Option<PathBuf>,
}

pub fn run(Arguments { run, ablation, tuned }: Arguments) -> Result<()> {
    let mut results = read_results(run.join("results.json"))?;
    reanalyse(&mut results)?;
    let ablation = ablation.map(|folder| read_results(folder.join("results.json"))).transpose()?;
    let tuned = tuned.map(|folder| tuned::Report::read(folder.join("tuned.json"))).transpose()?;
    let dataset = images_of(&results.settings, &results.about.dataset);
    let transforms = match results.settings.compared {
        Compared::Reproduction { preset } | Compared::Draws { preset, .. } => preset.transforms(),
        Compared::Ablation => Preset::default().transforms(),
        Compared::Tuned | Compared::Files { .. } | Compared::Given => &[],
    };
    let folder = RunFolder::create(run)?;
    folder.save_results(&results)?;
    folder.save_page(&Page {
        results: &results,
        pictures: dataset
            .as_ref()
            .map(|(dataset, kept)| Pictures { kept: kept.as_ref(), ..Pictures::of(dataset, transforms) }),
        ablation: ablation.as_ref(),
        tuned: tuned.as_ref(),
    })?;
    output::write(&format!("Report: {}\n", folder.path().join("report.html").display()))
}
