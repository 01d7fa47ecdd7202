//! Shows how a study comes along, and what it found.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use mlprobe_experiments::page::answer;
use mlprobe_experiments::stats::Summary;
use mlprobe_experiments::{Event, Results};

use crate::interrupt;
use crate::progress::{Bar, Bars, Unit};

/// Bars for the stages under way, and a line for every finished run and seed.
#[derive(Default)]
pub struct Display {
    bars: Bars,
    stages: Mutex<HashMap<String, Bar>>,
}

impl Display {
    pub fn bars(&self) -> Bars {
        self.bars.clone()
    }

    /// Shows every event, and stops the study when the user has asked to.
    pub fn observer(&self) -> impl Fn(Event<'_>) -> ControlFlow<()> + Sync {
        |event| {
            self.show(event);
            if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
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
                "{stage}: a damaged cache file was set aside as {} and made again.",
                set_aside.display()
            )),
            Event::CheckpointDamaged { set_aside } => self.bars.line(format_args!(
                "A damaged checkpoint was set aside as {}; what it held is made again.",
                set_aside.display()
            )),
            Event::RunResumed { stage, amount, arm, seed, epochs_done, epochs } => {
                if let Some(bar) = stages.get(stage) {
                    bar.add_earlier(amount);
                }
                if epochs_done < epochs {
                    self.bars.line(format_args!(
                        "seed {seed}, {arm}: goes on after {epochs_done} of {epochs} epochs"
                    ));
                }
            }
            Event::RunFinished { arm, seed, test_accuracy } => self
                .bars
                .line(format_args!("seed {seed}, {arm}: {:.2} % on the test set", 100.0 * test_accuracy)),
            Event::Noted { arm, seed, note } => {
                self.bars.line(format_args!("seed {seed}, {arm}: NOTE: {note}."))
            }
            Event::SeedFinished { done, planned } => {
                self.bars.line(format_args!("{done} of {planned} seeds are done and in the report."));
            }
        }
    }
}

pub fn print_summary(results: &Results, folder: &Path) {
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
    if results.claims.is_empty() {
        println!("  {}", answer(results));
    }
    if !results.about.dataset.comparable && results.about.extractor.is_some() {
        println!(
            "\nThe original report's figures are for the whole of CIFAR-10: do not compare those of {} with them.",
            results.about.dataset.name
        );
    }
    println!("\nReport:  {} (the same in text: report.md)", folder.join("report.html").display());
    println!("Results: {}", folder.join("results.json").display());
}
