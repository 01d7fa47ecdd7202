//! `mlprobe plan`: what it takes to find a difference, before the study is run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mlprobe_experiments::report::plan_text;
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::{Results, plan_study};
use serde_json::to_string_pretty;

use crate::output;

/// How many seeds and test images does it take? Plans a study from a pilot of two or more seeds
///
/// The pilot is any finished run, such as `reproduce --seeds 2`. The plan says how many seeds and test images find a difference of a
/// given size with 80 % power, which margin can be proven, and how long it takes.
#[derive(Args)]
pub struct Arguments {
    /// The run folder of the pilot
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Difference in test accuracy to find, in percentage points
    #[arg(long, value_name = "POINTS", default_value_t = 0.5)]
    effect: f64,
    /// Number of seeds to plan for
    #[arg(long, value_name = "N", default_value_t = 5)]
    seeds: usize,
    /// Number of test images to plan for [default: as many as the pilot has]
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(Arguments { run, effect, seeds, images, json }: Arguments) -> Result<()> {
    let pilot: Results = read_results(run.join("results.json"))?;
    let images = images.unwrap_or(pilot.about.dataset.test_images);
    let plan = plan_study(&pilot, effect / 100.0, seeds, images)?;
    match json {
        true => output::write(&(to_string_pretty(&plan)? + "\n")),
        false => output::write(&plan_text(&plan)?),
    }
}
