//! `cargo xtask ablate`: which transform does what.

use anyhow::Result;
use clap::Args;
use mlprobe_data::augment::Preset;

use crate::options::Options;
use crate::reproduce::{Kind, run_study};

/// Tells which transform does what: each alone, and each preset, against as many copies without one.
///
/// Nine arms with every seed: about four times the training of `reproduce` at as many epochs. Features come from
/// cache/ where a run before has left them. A run that was interrupted goes on where it was when the same command is
/// started again.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    options: Options,
}

pub fn run(Arguments { options }: Arguments) -> Result<()> {
    let threads = options.threads;
    let setup = options.prepare("ablate", &[])?;
    run_study(&setup, Preset::default(), threads, Kind::Ablation)
}
