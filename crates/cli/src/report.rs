//! `mlprobe report`: the report of a finished run, rendered again.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::report::{Page, Pictures};
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::settings::Compared;
use mlprobe_experiments::{RunFolder, tuned};

use crate::options::images_of;
use crate::output;

/// Render the report of a run folder again, from its results.json
///
/// The record stays as it is: only report.md, report.html and learning-curves.svg are written. With an ablation or a tuned run beside
/// it, the page has a section on each. With --reanalyse, the answers are derived again by the rules of this version from the
/// predictions that the run kept, and written to reanalysis.json, reanalysis.md and reanalysis.html beside the record.
#[derive(Args)]
pub struct Arguments {
    /// The run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Derive the answers again, into files of their own
    #[arg(long)]
    reanalyse: bool,
    /// The run folder of `ablate` on the same data
    #[arg(long, value_name = "DIR")]
    ablation: Option<PathBuf>,
    /// The run folder of `reproduce --recipe tuned` on the same data
    #[arg(long, value_name = "DIR")]
    tuned: Option<PathBuf>,
}

pub fn run(Arguments { run, reanalyse, ablation, tuned }: Arguments) -> Result<()> {
    let record = run.join("results.json");
    read_results(&record)?; // a folder without a record is not touched
    let folder = RunFolder::open(run)?;
    let results = match reanalyse {
        true => mlprobe_experiments::reanalyse(&folder)?,
        false => read_results(record)?,
    };
    let ablation = ablation.map(|folder| read_results(folder.join("results.json"))).transpose()?;
    let tuned = tuned.map(|folder| tuned::Report::read(folder.join("tuned.json"))).transpose()?;
    let dataset = images_of(&results.settings, &results.about.dataset);
    let transforms = match results.settings.compared {
        Compared::Reproduction { preset } | Compared::Draws { preset, .. } => preset.transforms(),
        Compared::Ablation => Preset::default().transforms(),
        Compared::Tuned | Compared::Files { .. } | Compared::Given => &[],
    };
    let page = Page {
        results: &results,
        pictures: dataset
            .as_ref()
            .map(|(dataset, kept)| Pictures { kept: kept.as_ref(), ..Pictures::of(dataset, transforms) }),
        ablation: ablation.as_ref(),
        tuned: tuned.as_ref(),
    };
    let written = match reanalyse {
        true => {
            folder.save_reanalysis(&page)?;
            "reanalysis.html"
        }
        false => {
            folder.save_report(&results)?;
            folder.save_page(&page)?;
            "report.html"
        }
    };
    output::write(&format!("Report: {}\n", folder.path().join(written).display()))
}
