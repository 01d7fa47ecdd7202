//! `cargo xtask reproduce`: the whole study, from data to report.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_data::{Dataset, cifar10, mini};
use mlprobe_experiments::reproduction::Reproduction;
use mlprobe_experiments::stats::Summary;
use mlprobe_experiments::{Event, Progress, Protocol, Results, RunFolder};
use mlprobe_features::{Extractor, FeatureCache, SqueezeNet};
use rayon::ThreadPoolBuilder;

use crate::progress::{Bar, Bars, Unit};
use crate::{data, paths};

/// Answers the study's three claims: trains every arm with every seed, and writes a report.
///
/// Features are extracted once and kept in cache/, so a second run starts training at once. After each seed
/// the report is whole; a run that is interrupted leaves that of the seeds finished until then.
#[derive(Args)]
pub struct Arguments {
    /// Images: cifar10; mini, 3,000 images that come with the repository; auto, cifar10 if it can be had and mini
    /// otherwise; or a folder with files in one of the two formats [default: auto, with --quick: mini]
    #[arg(long, value_name = "auto|cifar10|mini|DIR")]
    dataset: Option<String>,
    /// How many seeds, 0, 1, 2, ...: runs of every arm. Intervals need at least 2 [default: 5, with --quick: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Passes over the training set; the report reads half of them too [default: 800, with --quick: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// The transforms of augmented images. 2022: rotation, cutout, crop, contrast and flip. 2023: enhancement,
    /// posterize, rotation, contrast and flip
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
    /// Side in pixels that images are resized to for the extractor, 16 to 1024; its time grows with the square
    /// [default: 128, with --quick: 64]
    #[arg(long, value_name = "N")]
    input_size: Option<usize>,
    /// Threads; the results are the same for any number [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Folder for results, report, models and predictions [default: a folder in runs/ named after the options]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A first look in under a minute that touches everything: the mini set, 2 seeds, 20 epochs, 64 pixels,
    /// unless told otherwise
    #[arg(long)]
    quick: bool,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments { preset, threads, quick, .. } = arguments;
    let protocol = Protocol {
        seeds: (0..arguments.seeds.unwrap_or(if quick { 2 } else { 5 })).collect(),
        epochs: arguments.epochs.unwrap_or(if quick { 20 } else { 800 }) as usize,
        ..Protocol::default()
    };
    let input_size = arguments.input_size.unwrap_or(if quick { 64 } else { SqueezeNet::DEFAULT_INPUT_SIZE });
    let extractor = SqueezeNet::new(input_size)?;
    ThreadPoolBuilder::new().num_threads(threads).build_global().context("starting worker threads")?;
    let choice = arguments.dataset.unwrap_or_else(|| if quick { "mini" } else { "auto" }.to_owned());
    let Images { dataset, option, comparable } = load(&choice)?;

    let options = format!(
        "--dataset {option} --seeds {} --epochs {} --preset {preset} --input-size {input_size}",
        protocol.seeds.len(),
        protocol.epochs,
    );
    let out = arguments.out.unwrap_or_else(|| {
        let (seeds, epochs) = (protocol.seeds.len(), protocol.epochs);
        let name = format!("{}-{preset}-{input_size}px-{seeds}seeds-{epochs}epochs", dataset.name);
        paths::root().join("runs").join(name)
    });
    let folder = RunFolder::create(&out)?;
    let cache = FeatureCache::new(paths::root().join("cache"));
    let reproduction = Reproduction {
        dataset: &dataset,
        comparable,
        extractor: &extractor,
        cache: &cache,
        preset,
        protocol,
        threads,
        commit: commit(),
        command: format!("cargo xtask reproduce {options}"),
    };
    let (train, test) = (dataset.train.len(), dataset.test.len());
    eprintln!("{}: {train} training and {test} test images, features by {}.", dataset.name, extractor.name());

    let display = Display::default();
    let observer = |event: Event<'_>| {
        display.show(event);
        ControlFlow::Continue(())
    };
    let progress = Progress::new(&observer);
    let outcome = reproduction.study(&progress)?.run(&progress, |so_far| folder.save(so_far))?;
    print_summary(&outcome.results, folder.path());
    Ok(())
}

/// The images to work on, and how the command line names them.
struct Images {
    dataset: Dataset,
    option: String,
    comparable: bool,
}

fn load(choice: &str) -> Result<Images> {
    let option = |option: &str| option.to_owned();
    match choice {
        "mini" => {
            Ok(Images { dataset: mini::load(paths::mini())?, option: option("mini"), comparable: false })
        }
        "cifar10" => {
            data::fetch_cifar10(None).context(
                "CIFAR-10 cannot be had. Put its files into data/cifar-10-batches-bin, or use --dataset mini",
            )?;
            Ok(Images {
                dataset: cifar10::load(paths::cifar10())?,
                option: option("cifar10"),
                comparable: true,
            })
        }
        "auto" => load("cifar10").or_else(|error| {
            eprintln!(
                "\n*** CIFAR-10 cannot be had: going on with the mini set. ***\n\
                 *** Its figures are not comparable with published ones.  ***\n\n{error:#}\n"
            );
            load("mini")
        }),
        folder => load_folder(Path::new(folder)),
    }
}

/// A folder of the user's: the mini set's format if it has an index, else the six batches of the binary version.
fn load_folder(folder: &Path) -> Result<Images> {
    if !folder.is_dir() {
        bail!("--dataset {}: expected auto, cifar10, mini or a folder; check the path", folder.display());
    }
    let folder = folder.canonicalize()?;
    let comparable = cifar10::verify(&folder).iter().all(|file| file.outcome.is_ok());
    let mut dataset =
        if folder.join("index.csv").exists() { mini::load(&folder)? } else { cifar10::load(&folder)? };
    if !comparable {
        dataset.name = folder.file_name().map_or("images".into(), |name| name.to_string_lossy().into_owned());
    }
    Ok(Images { dataset, option: folder.display().to_string(), comparable })
}

/// Bars for the stages under way, and a line for every finished run and seed.
#[derive(Default)]
struct Display {
    bars: Bars,
    stages: Mutex<HashMap<String, Bar>>,
}

impl Display {
    fn show(&self, event: Event<'_>) {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::StageStarted { stage, total, unit } => {
                stages.insert(stage.to_owned(), self.bars.start(stage, Some(total), Unit::Count(unit)));
            }
            Event::Advanced { stage, amount } => {
                if let Some(bar) = stages.get(stage) {
                    bar.add(amount);
                }
            }
            Event::StageFinished { stage, .. } => drop(stages.remove(stage)),
            Event::CacheRebuilt { stage, set_aside } => self.bars.line(format_args!(
                "{stage}: a damaged cache file was set aside as {} and made again.",
                set_aside.display()
            )),
            Event::RunFinished { arm, seed, test_accuracy } => self
                .bars
                .line(format_args!("seed {seed}, {arm}: {:.2} % of the test images", 100.0 * test_accuracy)),
            Event::SeedFinished { done, planned } => {
                self.bars.line(format_args!("{done} of {planned} seeds are done and in the report."));
            }
        }
    }
}

fn print_summary(results: &Results, folder: &Path) {
    let percent = |accuracy: &Summary| match accuracy.std {
        Some(std) => format!("{:.2} ± {:.2}", 100.0 * accuracy.mean, 100.0 * std),
        None => format!("{:.2}", 100.0 * accuracy.mean),
    };
    println!("\nTest accuracy in per cent, mean ± standard deviation over {} seeds:\n", results.seeds_done);
    let (half, full) = (results.protocol.half(), results.protocol.epochs);
    println!("  {:<20} {:>16} {:>16}", "arm", format!("{half} epochs"), format!("{full} epochs"));
    for arm in &results.arms {
        let cells: Vec<_> =
            arm.readings.iter().map(|reading| format!("{:>16}", percent(&reading.test_accuracy))).collect();
        println!("  {:<20} {}", arm.name, cells.join(" "));
    }
    println!();
    for claim in &results.claims {
        println!("  {} {}: {}.", claim.id, claim.claim, claim.verdict.as_str());
    }
    if !results.about.dataset.comparable {
        println!(
            "\n{} is not the whole of CIFAR-10: do not compare with published figures.",
            results.about.dataset.name
        );
    }
    println!("\nReport:  {}", folder.join("report.md").display());
    println!("Results: {}", folder.join("results.json").display());
}

/// The commit of the working tree, marked if it has changes; empty where Git cannot tell.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(paths::root()).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"]))
    {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with changes"),
        (None, _) => String::new(),
    }
}
