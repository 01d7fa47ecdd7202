//! What the recipe leaves in a run folder.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::folder::{RunFolder, write_whole};
use crate::stats::Summary;
use crate::tuned::model::failed;
use crate::tuned::{ARM, Outcome, Report};

impl RunFolder {
    /// Writes `tuned.json` ([`Report`]), `tuned.md` ([`Report::markdown`]) and for each seed the network, as
    /// `models/tuned-seedS.safetensors`. It takes features as they were extracted, or their square roots where the
    /// selected candidate says so. `SHA256SUMS` has their digests.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Training`] naming the file that could not be written.
    pub fn save_tuned(&self, Outcome { report, models }: &Outcome) -> Result<()> {
        let mut names = ["tuned.json", "tuned.md"].map(str::to_owned).to_vec();
        for model in models {
            let name = format!("models/{ARM}-seed{}.safetensors", model.seed);
            model.network.save(self.path().join(&name)).map_err(|source| failed(model.seed, source))?;
            names.push(name);
        }
        let json = serde_json::to_string_pretty(report)
            .map_err(|error| Error::Rendering { what: "tuned.json", message: error.to_string() })?;
        write_whole(&self.path().join("tuned.md"), report.markdown().as_bytes())?;
        write_whole(&self.path().join("tuned.json"), json.as_bytes())?;
        self.save_digests(&names)
    }
}

impl Report {
    /// The report in words and tables.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, text: &mut String) -> std::fmt::Result {
        let Self { about, candidates, selected, runs, .. } = self;
        let dataset = &about.dataset;
        writeln!(text, "# The tuned recipe: {}\n", dataset.name)?;
        if !dataset.comparable && about.extractor.is_some() {
            writeln!(
                text,
                "> **Not comparable with published figures.** Those are for the whole of CIFAR-10.\n"
            )?;
        }
        writeln!(
            text,
            "Test accuracy in per cent:\n\n| seed | single view | averaged with the mirror image |"
        )?;
        writeln!(text, "|--:|--:|--:|")?;
        for run in runs {
            let [single, averaged] = [run.test.accuracy, run.test.averaged_accuracy].map(percent);
            writeln!(text, "| {} | {single} | {averaged} |", run.seed)?;
        }
        let [single, averaged] = [&self.accuracy, &self.averaged_accuracy].map(mean);
        writeln!(text, "| mean | {single} | {averaged} |\n")?;

        writeln!(
            text,
            "Selected: {}; by the loss on {} training images that were held out of training. It was then trained anew \
             on all training images with each seed, and test labels were read once, after that. Selection, training \
             and scoring took {:.0} s with {} threads.\n",
            candidates[*selected].candidate, self.validation_images, self.seconds, about.machine.threads,
        )?;
        writeln!(text, "| candidate | validation loss | single view | averaged |\n|---|--:|--:|--:|")?;
        for (i, tried) in candidates.iter().enumerate() {
            let mark = if i == *selected { "**" } else { "" };
            let [single, averaged] =
                [tried.validation.accuracy, tried.validation.averaged_accuracy].map(percent);
            let loss = tried.validation.loss;
            writeln!(text, "| {mark}{}{mark} | {loss:.4} | {single} | {averaged} |", tried.candidate)?;
        }
        let extractor = about.extractor.as_ref().map_or("given features", |extractor| &extractor.name);
        writeln!(
            text,
            "\nFeatures: {extractor}. Machine: {}, {} cores. Version {} {}.",
            about.machine.cpu, about.machine.cores, about.version, about.commit,
        )?;
        if !about.command.is_empty() {
            writeln!(text, "\n```console\n$ {}\n```", about.command)?;
        }
        Ok(())
    }
}

fn percent(fraction: f64) -> String {
    format!("{:.2}", 100.0 * fraction)
}

fn mean(summary: &Summary) -> String {
    let std = summary.std.map(|std| format!(" ± {}", percent(std))).unwrap_or_default();
    percent(summary.mean) + &std
}
