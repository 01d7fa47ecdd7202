//! `mlprobe report`: the report of a finished run, rendered again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::report::{Page, Pictures};
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::settings::Compared;
use mlprobe_experiments::{About, RunFolder, tuned};

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
    if !record.exists() {
        bail!("{}", no_record(&run)); // and the folder is not touched
    }
    read_results(&record)?;
    let folder = RunFolder::open(run)?;
    let results = match reanalyse {
        true => mlprobe_experiments::reanalyse(&folder)?,
        false => read_results(record)?,
    };
    let beside = |option: &str, folder: &Path, command: &str, is_one: bool, about: &About| {
        let digests = |about: &About| (about.dataset.train_digest.clone(), about.dataset.test_digest.clone());
        match is_one && digests(about) == digests(&results.about) {
            true => Ok(()),
            false => Err(anyhow!(
                "{option} {}: expected a run of `{command}` on the data of {}, got {} on {}; name such a run, or leave {option} out",
                folder.display(),
                results.about.dataset.name,
                if is_one { "one" } else { "a run of another kind" },
                about.dataset.name,
            )),
        }
    };
    let ablation = ablation.map(|folder| {
        let ablation = read_results(folder.join("results.json"))?;
        let is_one = ablation.settings.compared == Compared::Ablation;
        beside("--ablation", &folder, "ablate", is_one, &ablation.about)?;
        Ok::<_, anyhow::Error>(ablation)
    });
    let ablation = ablation.transpose()?;
    let tuned = tuned.map(|folder| {
        let tuned = tuned::Report::read(folder.join("tuned.json"))?;
        beside("--tuned", &folder, "reproduce --recipe tuned", true, &tuned.about)?;
        Ok::<_, anyhow::Error>(tuned)
    });
    let tuned = tuned.transpose()?;
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

/// Why there is nothing to render in `folder`, and which runs inside it there are, as an audit and a curve have them.
fn no_record(folder: &Path) -> String {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut runs: Vec<_> = inside.filter(|path| path.join("results.json").exists()).collect();
    runs.sort();
    let runs: Vec<_> = runs.iter().map(|path| path.display().to_string()).collect();
    let next = match (folder.join("tuned.json").exists(), runs.is_empty()) {
        (true, _) => {
            "it is a tuned run, whose report is tuned.md; `report RUN --tuned` puts it on the page of another"
                .to_owned()
        }
        (false, false) => format!("name one of the runs inside it: {}", runs.join(", ")),
        (false, true) => "name the folder of a run".to_owned(),
    };
    format!("there is no results.json in {}: {next}", folder.display())
}
