//! `mlprobe plan`: what it takes to find a difference, before the study is run.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::report::plan_text;
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::settings::Compared;
use mlprobe_experiments::{Results, plan_study, reproduction};
use serde_json::to_string_pretty;

use crate::options::{Seeds, StudyOptions};
use crate::output;
use crate::reproduce::finish_study;
use crate::run::RunOptions;

/// Seeds of a pilot: the fewest that show how much they vary.
const PILOT: Seeds = Seeds::Fixed(2);
/// Seeds to plan for unless the user names others.
const SEEDS: u64 = 5;

/// How many seeds and test images does it take? Plans a study from a pilot of two or more seeds
///
/// The pilot is any finished run, or, with --dataset or --quick, the study on these images with two seeds, which is then run. The
/// plan says how many seeds and test images find a difference of a given size with 80 % power, which margin can be proven, and how
/// long it takes. Interrupt the pilot at any time; rerunning the same command resumes it.
#[derive(Args)]
#[command(mut_arg("seeds", |seeds| seeds.value_name("N").help("Number of seeds to plan for [default: 5]")))]
pub struct Arguments {
    /// The run folder of the pilot
    #[arg(value_name = "RUN", conflicts_with_all = [
        "ImageOptions", "ExtractorOptions", "TrainingOptions", "RunOptions", "epochs", "quick", "preset",
    ])]
    pilot: Option<PathBuf>,
    /// Difference in test accuracy to find, in percentage points
    #[arg(long, value_name = "POINTS", default_value_t = 0.5)]
    effect: f64,
    /// Number of test images to plan for [default: as many as the pilot has]
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    study: StudyOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Transforms of the augmented images
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
}

pub fn run(Arguments { pilot, effect, images, json, mut study, run, preset }: Arguments) -> Result<()> {
    let seeds = match study.seeds.replace(PILOT) {
        None => SEEDS,
        Some(Seeds::Fixed(seeds)) => seeds,
        Some(Seeds::Auto) => bail!("--seeds auto: a plan is for a number of seeds; name one"),
    };
    let folder = match pilot {
        Some(folder) => folder,
        None if !study.names_images() => bail!(
            "there is no pilot to plan from; name the folder of a finished run, as in `plan runs/RUN`, or the images to run one \
             on, as in `plan --dataset photos`"
        ),
        None => {
            let threads = study.threads.start()?;
            let inputs = study.load(Compared::Reproduction { preset })?;
            finish_study(&inputs, run, threads, preset.transforms(), |source, session| {
                reproduction::study(source, preset, inputs.settings.clone(), session)
            })?
        }
    };
    let results: Results = read_results(folder.join("results.json"))?;
    let images = images.unwrap_or(results.about.dataset.test_images);
    let plan = plan_study(&results, effect / 100.0, seeds as usize, images)?;
    match json {
        true => output::write(&(to_string_pretty(&plan)? + "\n")),
        false => output::write(&format!("{}\nPilot: {}\n", plan_text(&plan)?, folder.display())),
    }
}
