//! What a study and a tuned recipe leave in the run folder.

use serde::Serialize;

use crate::analysis::arms::ArmResults;
use crate::analysis::reading::read_results;
use crate::analysis::results::Results;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::report::{Page, learning_curves, markdown, tuned_markdown};
use crate::study::Outcome;
use crate::tuned;

impl RunFolder {
    /// Writes the newest seed's models and predictions, then results and report of all seeds so far. Called
    /// after each seed, it leaves a whole report whatever happens next. A run that is resumed tells of its seeds one after the other
    /// again: a record that has these very runs and more stays until there are as many.
    ///
    /// # Errors
    /// [`Error::File`] naming the file that could not be written; files written before stay as they were.
    pub fn save(&self, outcome: &Outcome) -> Result<()> {
        let Outcome { results, runs, .. } = outcome;
        let mut names = vec!["results.json".to_owned()];
        for (arm, runs) in results.arms.iter().zip(runs) {
            let model = |seed: u64| format!("models/{}-seed{seed}.safetensors", arm.name);
            if let Some(run) = runs.last() {
                let path = self.path().join(model(run.record.seed));
                run.model.save(path).map_err(Error::training(&arm.name, run.record.seed))?;
            }
            names.extend(arm.runs.iter().map(|run| model(run.seed)));
        }
        names.extend(self.keep(outcome)?);
        if self.tells_more_than(results) {
            return Ok(());
        }
        self.write_json("results.json", results)?;
        self.save_digests(&names)?;
        self.save_report(results)
    }

    /// Writes what is drawn from `results` and can be drawn again: `report.md` and `learning-curves.svg`.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_report(&self, results: &Results) -> Result<()> {
        self.write("learning-curves.svg", learning_curves(results)?.as_bytes())?;
        self.write("report.md", markdown(results)?.as_bytes())
    }

    /// Writes results that were derived again, and what is drawn from them, beside the record and the report: `reanalysis.json`,
    /// `reanalysis.md` and, from the page, `reanalysis.html`.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_reanalysis(&self, page: &Page<'_>) -> Result<()> {
        self.write_json("reanalysis.json", page.results)?;
        self.write("reanalysis.md", markdown(page.results)?.as_bytes())?;
        self.write("reanalysis.html", page.render()?.as_bytes())
    }

    /// Writes `report.html`, unless the record tells of these very runs and of more, as in [`save`](Self::save).
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_page(&self, page: &Page<'_>) -> Result<()> {
        if self.tells_more_than(page.results) {
            return Ok(());
        }
        self.write("report.html", page.render()?.as_bytes())
    }

    /// Writes `tuned.json` ([`tuned::Report`]), `tuned.md` and for each seed the network, as
    /// `models/tuned-seedS.safetensors`. It takes features as they were extracted, or their square roots where the
    /// selected candidate says so. `SHA256SUMS` has their digests.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Training`] naming the file that could not be written.
    pub fn save_tuned(&self, tuned::Outcome { report, models }: &tuned::Outcome) -> Result<()> {
        let mut names = ["tuned.json", "tuned.md"].map(str::to_owned).to_vec();
        for model in models {
            let name = format!("models/{}-seed{}.safetensors", tuned::ARM, model.seed);
            model.network.save(self.path().join(&name)).map_err(Error::training(tuned::ARM, model.seed))?;
            names.push(name);
        }
        self.write("tuned.md", tuned_markdown(report)?.as_bytes())?;
        self.write_json("tuned.json", report)?;
        self.save_digests(&names)
    }

    /// Whether the record is of the same settings and has the runs of `results`, which are not all, and more.
    fn tells_more_than(&self, results: &Results) -> bool {
        if results.is_whole() {
            return false;
        }
        let Ok(record) = read_results(self.path().join("results.json")) else { return false };
        let scores = |arm: &ArmResults| -> Vec<(u64, f64, f64)> {
            arm.runs.iter().map(|run| (run.seed, run.train_accuracy, run.test_accuracy)).collect()
        };
        let has_more = |(there, here): (&ArmResults, &ArmResults)| {
            there.name == here.name
                && there.runs.len() > here.runs.len()
                && scores(there).starts_with(&scores(here))
        };
        record.settings == results.settings
            && record.arms.len() == results.arms.len()
            && record.arms.iter().zip(&results.arms).all(has_more)
    }

    fn write_json(&self, name: &'static str, content: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string_pretty(content)
            .map_err(|error| Error::Rendering { what: name, message: error.to_string() })?;
        self.write(name, json.as_bytes())
    }
}
