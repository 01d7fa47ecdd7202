//! `mlprobe draws`: how many transformed copies of each image help.

use anyhow::Result;
use clap::Args;
use mlprobe_data::augment::Preset;
use mlprobe_experiments::reproduction;
use mlprobe_experiments::settings::{Compared, Draws};

use crate::options::StudyOptions;
use crate::reproduce::run_study;
use crate::run::RunOptions;

/// How many draws per image? Trains with 1, 2, 4 and 8 transformed copies of each image, and without any
///
/// All arms make the same number of updates at the same learning rate: every epoch has the original images and as many further
/// rows. With 0 draws these are the original images again; with c draws, epoch e has draw e mod c of the transformed copies.
/// Each number is compared with the fewest draws and with the next smaller number. The features of every draw are kept in cache/,
/// about as many bytes as those of the original images; `fresh` makes a draw for every epoch. Interrupt the run at any time;
/// rerunning the same command resumes it.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Numbers of draws, two or more; fresh is a new draw in every epoch
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "0,1,2,4,8")]
    draws: Vec<Draws>,
    /// Transforms of the augmented images
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
}

pub fn run(Arguments { study, run, mut draws, preset }: Arguments) -> Result<()> {
    let threads = study.threads.start()?;
    draws.sort();
    let inputs = study.load(Compared::Draws { preset, draws: draws.clone() })?;
    run_study(&inputs, run, threads, preset.transforms(), |source, session| {
        reproduction::draws(source, preset, &draws, inputs.settings.clone(), session)
    })
}
