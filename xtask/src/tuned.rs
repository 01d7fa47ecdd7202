//! `cargo xtask reproduce --recipe tuned`: the recipe that a validation split selects.

use std::fs;

use anyhow::{Context, Result, bail};
use mlprobe_data::augment::Preset;
use mlprobe_experiments::tuned::{self, EPOCHS};
use mlprobe_experiments::{Progress, RunFolder};

use crate::display::Display;
use crate::interrupt;
use crate::options::Options;
use crate::reproduce::{is_whole, reproduction};

pub fn run(mut options: Options) -> Result<()> {
    let threads = options.threads;
    let epochs = *options.epochs.get_or_insert(EPOCHS as u32);
    if epochs as usize != EPOCHS {
        bail!("--epochs {epochs}: the tuned recipe has {EPOCHS} epochs; leave the option out");
    }
    let setup = options.prepare("reproduce", &[("recipe", "tuned".to_owned())])?;
    let folder = RunFolder::create(&setup.out)?;
    let display = Display::default();
    interrupt::listen(display.bars())?;
    let observer = display.observer();
    let progress = Progress::new(&observer).with_checkpoints(setup.checkpoints(&folder)?);
    let data = reproduction(&setup, Preset::default(), threads).tuned_data(&progress)?;
    let (seeds, path) = (&setup.protocol.seeds, folder.path().join("tuned.md"));
    if !(tuned::is_finished(&data, seeds, &progress)? && is_whole(&folder)) {
        folder.save_tuned(&tuned::run(&data, seeds, threads, &progress)?)?;
        progress.finish()?;
    }
    let report = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    println!("\n{report}\nReport: {}", path.display());
    Ok(())
}
