//! `cargo xtask reproduce --recipe tuned`: the recipe that a validation split selects.

use std::ops::ControlFlow;

use anyhow::{Result, bail};
use mlprobe_data::augment::Preset;
use mlprobe_experiments::tuned::{self, EPOCHS};
use mlprobe_experiments::{Event, Progress, RunFolder};

use crate::display::Display;
use crate::options::Options;
use crate::reproduce::reproduction;

pub fn run(mut options: Options) -> Result<()> {
    let threads = options.threads;
    let epochs = *options.epochs.get_or_insert(EPOCHS as u32);
    if epochs as usize != EPOCHS {
        bail!("--epochs {epochs}: the tuned recipe has {EPOCHS} epochs; leave the option out");
    }
    let setup = options.prepare("reproduce", &[("recipe", "tuned".to_owned())])?;
    let folder = RunFolder::create(&setup.out)?;
    let display = Display::default();
    let observer = |event: Event<'_>| {
        display.show(event);
        ControlFlow::Continue(())
    };
    let progress = Progress::new(&observer);
    let data = reproduction(&setup, Preset::default(), threads).tuned_data(&progress)?;
    let outcome = tuned::run(&data, &setup.protocol.seeds, threads, &progress)?;
    folder.save_tuned(&outcome)?;
    println!("\n{}\nReport: {}", outcome.report.markdown(), folder.path().join("tuned.md").display());
    Ok(())
}
