//! `mlprobe curve`: the same study at growing parts of the training images.

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::curve::{DataCurve, PARTS};
use mlprobe_experiments::report::{curve_markdown, growth_figure};
use mlprobe_experiments::settings::{Compared, Subset};
use mlprobe_experiments::{Error, Settings};

use crate::options::StudyOptions;
use crate::progress::print;
use crate::reproduce::run_part;
use crate::run::RunOptions;
use crate::{front, output};

/// When does augmentation help? Runs the study at 1, 2, 5, 10, 20, 50 and 100 % of the training images
///
/// The parts are stratified and nested: each holds the same share of every class and lies within the next larger one. Every part is a
/// run of its own in the folder, with its report. Interrupt the command at any time; rerunning it resumes.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Parts of the training images in per cent, such as 1,10,100
    #[arg(long, value_name = "P,P,...", value_delimiter = ',')]
    parts: Vec<f64>,
    /// Transforms of the augmented images
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
}

pub fn run(Arguments { study, run, parts, preset }: Arguments) -> Result<()> {
    let threads = study.threads.start()?;
    let parts =
        if parts.is_empty() { PARTS.to_vec() } else { parts.iter().map(|part| part / 100.0).collect() };
    let mut inputs = study.load(Compared::Reproduction { preset })?;
    if inputs.settings.protocol.subset.is_some() {
        bail!("--resample and `curve` both choose parts of the training images; leave --resample out");
    }
    let out = match run.out() {
        Some(out) => out,
        None => front::runs()
            .join(name(&inputs.settings).context("the curve has no folder; name one with --out")?),
    };
    let held = RunOptions::hold(&out)?;
    if !run.force() {
        DataCurve::check_replaced(&held, &parts)?;
    }
    let (mut runs, mut diverged) = (Vec::new(), None);
    for part in parts {
        inputs.settings.protocol.subset = Some(Subset { fraction: part, per_seed: false });
        inputs.settings.protocol.check()?;
        print(format_args!("{} % of the training images:", 100.0 * part));
        let run = run.clone().inside(out.join(format!("part-{}", 100.0 * part)));
        match run_part(&inputs, run, threads, preset) {
            Ok(results) => runs.push(results),
            Err(error) if error.downcast_ref().is_some_and(Error::is_divergence) => {
                print(format_args!("NOTE: {error}. So did every arm: this part is left out."));
                diverged = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    if let (true, Some(error)) = (runs.is_empty(), diverged) {
        return Err(error);
    }
    let curve = DataCurve::of(&runs);
    let text = curve_markdown(&curve)?;
    let write = |name: &str, content: &str| {
        let path = out.join(name);
        mlprobe_files::write(&path, content.as_bytes()).with_context(|| format!("writing {}", path.display()))
    };
    write("curve.json", &serde_json::to_string_pretty(&curve)?)?;
    write("curve.svg", &growth_figure(&curve)?)?;
    write("curve.md", &text)?;
    output::write(&format!("\n{text}\nCurve: {}\n", out.join("curve.md").display()))
}

/// The folder of the curve, named as a run of the study would be.
fn name(settings: &Settings) -> Option<String> {
    Some(settings.folder_name()?.replacen("reproduce-", "curve-", 1))
}
