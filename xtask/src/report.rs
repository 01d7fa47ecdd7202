//! `cargo xtask report`: the report of a finished run, rendered again.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::page::{Page, Pictures};
use mlprobe_experiments::{RunFolder, read_results, read_tuned};

use crate::images;

/// Renders report.md and report.html of a run folder again from its results.json.
///
/// With an ablation or a tuned run beside it, the page has a section on each.
#[derive(Args)]
pub struct Arguments {
    /// The run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The run folder of `cargo xtask ablate` on the same data
    #[arg(long, value_name = "DIR")]
    ablation: Option<PathBuf>,
    /// The run folder of `cargo xtask reproduce --recipe tuned` on the same data
    #[arg(long, value_name = "DIR")]
    tuned: Option<PathBuf>,
}

pub fn run(Arguments { run, ablation, tuned }: Arguments) -> Result<()> {
    let results = read_results(run.join("results.json"))?;
    let ablation = ablation.map(|folder| read_results(folder.join("results.json"))).transpose()?;
    let tuned = tuned.map(|folder| read_tuned(folder.join("tuned.json"))).transpose()?;
    // Features from files have no images.
    let dataset = results.about.extractor.as_ref().and_then(|_| images::of_record(&results.about));
    // The record names the preset, as in "preset 2022: one of ...".
    let augmentation = results.about.augmentation.as_deref().unwrap_or_default();
    let preset = augmentation.split([' ', ':']).nth(1).and_then(|year| year.parse::<Preset>().ok());
    let transforms = preset.map_or(&[][..], Preset::transforms);
    let folder = RunFolder::create(run)?;
    folder.save_results(&results)?;
    folder.save_page(&Page {
        results: &results,
        pictures: dataset.as_ref().map(|dataset| Pictures { dataset, transforms }),
        ablation: ablation.as_ref(),
        tuned: tuned.as_ref(),
    })?;
    println!("Report: {}", folder.path().join("report.html").display());
    Ok(())
}
