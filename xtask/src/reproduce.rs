//! `cargo xtask reproduce`: the whole study, from data to report.

use anyhow::Result;
use clap::{Args, ValueEnum};
use mlprobe_data::augment::Preset;
use mlprobe_experiments::page::{Page, Pictures};
use mlprobe_experiments::reproduction::Reproduction;
use mlprobe_experiments::{Progress, RunFolder, read_results};

use crate::display::{Display, print_summary};
use crate::interrupt;
use crate::options::{Options, Setup, commit};
use crate::tuned;

/// Answers the study's three claims: trains every arm with every seed, and writes a report.
///
/// Features are extracted once and kept in cache/, or in the folder that MLPROBE_CACHE names, so a second run starts
/// training at once. After each seed the report is whole. A run that was interrupted, by Ctrl-C or in any other way, goes
/// on where it was when the same command is started again, and ends with the same results, bit for bit. Once it is
/// finished, the same command shows what it found, and trains again only with --fresh.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    options: Options,
    /// The transforms of augmented images. 2022: rotation, cutout, crop, contrast and flip. 2023: enhancement,
    /// posterize, rotation, contrast and flip
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
    /// faithful: the report's recipes and their controls. tuned: how accurate the same network on the same features can
    /// be; the recipe is selected on held-out training images, and fixes preset and epochs
    #[arg(long, value_enum, default_value_t = Recipe::Faithful)]
    recipe: Recipe,
}

#[derive(Clone, Copy, ValueEnum)]
enum Recipe {
    Faithful,
    Tuned,
}

pub fn run(Arguments { options, preset, recipe }: Arguments) -> Result<()> {
    let threads = options.threads;
    match recipe {
        Recipe::Faithful => {
            let setup = options.prepare("reproduce", &[("preset", preset.to_string())])?;
            run_study(&setup, preset, threads, Kind::Reproduction)
        }
        Recipe::Tuned => tuned::run(options),
    }
}

/// The studies there are.
#[derive(Clone, Copy)]
pub enum Kind {
    Reproduction,
    Ablation,
}

/// Runs a study, with bars, and leaves its report in the run folder.
pub fn run_study(setup: &Setup, preset: Preset, threads: usize, kind: Kind) -> Result<()> {
    let folder = RunFolder::create(&setup.out)?;
    let study = reproduction(setup, preset, threads);
    let display = Display::default();
    interrupt::listen(display.bars())?;
    let observer = display.observer();
    let progress = Progress::new(&observer).with_checkpoints(setup.checkpoints(&folder)?);
    let study = match kind {
        Kind::Reproduction => study.study(&progress),
        Kind::Ablation => study.ablation(&progress),
    }?;
    if study.is_finished(&progress)? && is_whole(&folder) {
        print_summary(&read_results(folder.path().join("results.json"))?, folder.path());
        return Ok(());
    }
    let pictures = Pictures { dataset: &setup.dataset, transforms: preset.transforms() };
    let outcome = study.run(&progress, |so_far| {
        folder.save(so_far)?;
        folder.save_page(&Page { pictures: Some(pictures), ..Page::new(&so_far.results) })
    })?;
    progress.finish()?;
    print_summary(&outcome.results, folder.path());
    Ok(())
}

/// Whether the files of a finished run are all there as they were written. Says so, or what is not.
pub fn is_whole(folder: &RunFolder) -> bool {
    let damaged = folder.first_damaged();
    match &damaged {
        None => eprintln!("This run is finished: here is what it found. Use --fresh to train again."),
        Some(file) => eprintln!("{} is missing or was changed: training again.", file.display()),
    }
    damaged.is_none()
}

/// What to run, said on standard error too.
pub fn reproduction(setup: &Setup, preset: Preset, threads: usize) -> Reproduction<'_> {
    let Setup { dataset, comparable, protocol, extractor, cache, command, .. } = setup;
    eprintln!("Features by {}.", extractor.name());
    Reproduction {
        dataset,
        comparable: *comparable,
        extractor: extractor.as_ref(),
        cache,
        preset,
        protocol: protocol.clone(),
        threads,
        commit: commit(),
        command: command.clone(),
    }
}
