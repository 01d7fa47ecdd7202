//! Shows how the work proceeds, and what was found.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use mlprobe_experiments::Event;
use mlprobe_experiments::report::summary;
use mlprobe_experiments::results::read_results;

use crate::progress::{Bar, Bars, Unit};
use crate::{interrupt, output};

/// Bars for the stages under way, and a line for every finished run and seed.
#[derive(Default)]
pub struct Display {
    bars: Bars,
    stages: Mutex<HashMap<String, Bar>>,
    /// Notes that have been shown.
    noted: Mutex<HashSet<String>>,
}

impl Display {
    pub fn bars(&self) -> Bars {
        self.bars.clone()
    }

    /// Shows an event, and stops the work when the user has asked to.
    pub fn observe(&self, event: Event<'_>) -> ControlFlow<()> {
        self.show(event);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

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
                "{stage}: a damaged cache file was set aside as {}, and its features are extracted again.",
                set_aside.display()
            )),
            Event::CheckpointDamaged { set_aside } => self.bars.line(format_args!(
                "A damaged checkpoint was set aside as {}; what it held is computed again.",
                set_aside.display()
            )),
            Event::AlreadyFinished => {
                self.bars.line("This run is finished: here is what it found. Use --fresh to train again.");
            }
            Event::ResultDamaged { path } => self.bars.line(format_args!(
                "{} is missing or was changed, so the run is computed again.",
                path.display()
            )),
            Event::RunResumed { stage, amount, arm, seed, epochs_done, epochs } => {
                if let Some(bar) = stages.get(stage) {
                    bar.add_earlier(amount);
                }
                if epochs_done < epochs {
                    self.bars.line(format_args!(
                        "seed {seed}, {arm}: resumes after {epochs_done} of {epochs} epochs"
                    ));
                }
            }
            Event::RunFinished { arm, seed, test_accuracy } => self
                .bars
                .line(format_args!("seed {seed}, {arm}: {:.2} % on the test set", 100.0 * test_accuracy)),
            Event::Diverged { arm, seed, error } => self.bars.line(format_args!(
                "seed {seed}, {arm}: {error}. It is left out; the rest is run to the end."
            )),
            Event::Noted { arm, seed, note } => {
                // A note on the training set holds for every seed: once is enough.
                let of = if arm.is_empty() { String::new() } else { format!("{arm}: ") };
                let text = format!("{of}NOTE: {note}.");
                if self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
                    self.bars.line(format_args!("seed {seed}, {text}"));
                }
            }
            Event::SeedFinished { done, planned } => {
                self.bars.line(format_args!("Seed {done} of {planned} is done and in the report."));
            }
        }
    }
}

/// Prints what a run folder holds, in a few lines.
///
/// # Errors
/// If its results cannot be read, or standard output cannot be written to.
pub fn print_summary(folder: &Path) -> Result<()> {
    let summary = summary(&read_results(folder.join("results.json"))?)?;
    let page = folder.join("report.html");
    output::write(&format!(
        "\n{summary}\n\nReport:  {} (the same in text: report.md)\nResults: {}\n",
        page.display(),
        folder.join("results.json").display()
    ))
}
