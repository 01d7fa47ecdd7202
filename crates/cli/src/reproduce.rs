//! `mlprobe reproduce`: the whole study, from data to report.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use mlprobe_data::augment::{Preset, Transform};
use mlprobe_experiments::report::{Page, Pictures};
use mlprobe_experiments::results::{Results, read_results};
use mlprobe_experiments::settings::Compared;
use mlprobe_experiments::tuned::{self, EPOCHS};
use mlprobe_experiments::{FeatureSource, RunFolder, Session, Study, reproduction};

use crate::display::print_summary;
use crate::options::{Inputs, StudyOptions};
use crate::output;
use crate::run::RunOptions;

/// Does augmentation help? Trains every arm of the study with every seed, and writes a report
///
/// Features are extracted once and kept in cache/, or in the folder that MLPROBE_CACHE names, so a second run starts training
/// at once. The report is complete after each seed. Interrupt the run at any time; rerunning the same command resumes it with
/// bit-identical results. Once it is finished, the same command shows what it found, and trains again only with --fresh.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Transforms of the augmented images. 2022: rotation, cutout, crop, contrast and flip. 2023: enhancement, posterize,
    /// rotation, contrast and flip
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
    /// faithful: the original report's recipes and their controls. tuned: how accurate the same network on the same features
    /// can be; the recipe is selected on held-out training images, and fixes preset and epochs
    #[arg(long, value_enum, default_value_t = Recipe::Faithful)]
    recipe: Recipe,
}

#[derive(Clone, Copy, ValueEnum)]
enum Recipe {
    Faithful,
    Tuned,
}

pub fn run(Arguments { mut study, run, preset, recipe }: Arguments) -> Result<()> {
    let threads = study.threads.start()?;
    match recipe {
        Recipe::Faithful => {
            let inputs = study.load(Compared::Reproduction { preset })?;
            run_study(&inputs, run, threads, preset.transforms(), |source, session| {
                reproduction::study(source, preset, inputs.settings.clone(), session)
            })
        }
        Recipe::Tuned => {
            let epochs = *study.epochs.get_or_insert(EPOCHS as u32);
            if epochs as usize != EPOCHS {
                bail!("--epochs {epochs}: the tuned recipe has {EPOCHS} epochs; leave the option out");
            }
            run_tuned(&study.load(Compared::Tuned)?, run, threads)
        }
    }
}

/// Runs a study, leaves its report in the run folder, and prints what it found; the page shows these transforms.
pub fn run_study<'a>(
    inputs: &'a Inputs,
    run: RunOptions,
    threads: usize,
    transforms: &[Transform],
    study: impl for<'s> FnOnce(&'s FeatureSource<'s>, &Session<'_>) -> mlprobe_experiments::Result<Study<'s>>,
) -> Result<()> {
    print_summary(&finish_study(inputs, run, threads, transforms, study)?)
}

/// The reproduction as a part of another command, in a folder of its own. Returns what it found.
pub fn run_part(inputs: &Inputs, run: RunOptions, threads: usize, preset: Preset) -> Result<Results> {
    let folder = finish_study(inputs, run, threads, preset.transforms(), |source, session| {
        reproduction::study(source, preset, inputs.settings.clone(), session)
    })?;
    Ok(read_results(folder.join("results.json"))?)
}

/// As [`run_study`], and prints nothing. Returns the run folder.
pub fn finish_study<'a>(
    inputs: &'a Inputs,
    run: RunOptions,
    threads: usize,
    transforms: &[Transform],
    study: impl for<'s> FnOnce(&'s FeatureSource<'s>, &Session<'_>) -> mlprobe_experiments::Result<Study<'s>>,
) -> Result<PathBuf> {
    let source = inputs.source();
    let pictures = Pictures { kept: inputs.kept.as_ref(), ..Pictures::of(&inputs.dataset, transforms) };
    let folder = run.run(inputs.identity(&source), |folder, session| {
        let study = study(&source, session)?.threads(threads);
        study.run_in(session, |so_far| {
            folder.save(so_far)?;
            folder.save_page(&Page { pictures: Some(pictures), ..Page::new(&so_far.results) })
        })?;
        Ok(())
    })?;
    Ok(folder.path().to_owned())
}

fn run_tuned(inputs: &Inputs, run: RunOptions, threads: usize) -> Result<()> {
    let source = inputs.source();
    let folder: RunFolder = run.run(inputs.identity(&source), |folder, session| {
        let data = tuned::data(&source, session)?;
        folder.save_tuned(&tuned::run(&data, inputs.settings.clone(), threads, session)?)
    })?;
    let path = folder.path().join("tuned.md");
    let report = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    output::write(&format!("\n{report}\nReport: {}\n", path.display()))
}
