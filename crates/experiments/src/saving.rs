//! What a study and a tuned recipe leave in the run folder.

use ndarray::{ArrayBase, ArrayView1, Data, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use serde::Serialize;

use crate::analysis::results::Results;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::report::{Page, learning_curves, markdown, tuned_markdown};
use crate::study::Outcome;
use crate::tuned;

impl RunFolder {
    /// Writes the newest seed's models and predictions, then results and report of all seeds so far. Called
    /// after each seed, it leaves a whole report whatever happens next.
    ///
    /// # Errors
    /// [`Error::File`] naming the file that could not be written; files written before stay as they were.
    pub fn save(&self, outcome: &Outcome) -> Result<()> {
        let Outcome { results, runs } = outcome;
        let report_at = &results.settings.protocol.report_at;
        for (arm, runs) in results.arms.iter().zip(runs) {
            let Some(run) = runs.last() else { continue };
            let name = format!("{}-seed{}", arm.name, run.record.seed);
            let model = self.path().join("models").join(format!("{name}.safetensors"));
            run.model.save(model).map_err(Error::training(&arm.name, run.record.seed))?;
            for tested in &run.tested {
                let name = format!("predictions/{name}-epoch{}.npy", tested.epoch);
                self.write_npy(&name, &tested.probabilities)?;
            }
            if let Some(last) = run.tested.last() {
                self.write_npy(&format!("predictions/{name}.npy"), &ArrayView1::from(&last.predicted))?;
            }
        }
        self.save_results(results)?;
        let mut names = ["results.json", "report.md", "learning-curves.svg"].map(str::to_owned).to_vec();
        for arm in &results.arms {
            for run in &arm.runs {
                let name = format!("{}-seed{}", arm.name, run.seed);
                names.push(format!("models/{name}.safetensors"));
                names.push(format!("predictions/{name}.npy"));
                names.extend(report_at.iter().map(|epoch| format!("predictions/{name}-epoch{epoch}.npy")));
            }
        }
        self.save_digests(&names)
    }

    /// Writes `results.json` and what is drawn from it.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_results(&self, results: &Results) -> Result<()> {
        self.write("learning-curves.svg", learning_curves(results)?.as_bytes())?;
        self.write("report.md", markdown(results)?.as_bytes())?;
        self.write_json("results.json", results)
    }

    /// Writes `report.html`.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_page(&self, page: &Page<'_>) -> Result<()> {
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

    fn write_json(&self, name: &'static str, content: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string_pretty(content)
            .map_err(|error| Error::Rendering { what: name, message: error.to_string() })?;
        self.write(name, json.as_bytes())
    }

    fn write_npy<T, S, D>(&self, name: &str, array: &ArrayBase<S, D>) -> Result<()>
    where
        T: WritableElement,
        S: Data<Elem = T>,
        D: Dimension,
    {
        let mut bytes = Vec::new();
        array
            .write_npy(&mut bytes)
            .map_err(|error| Error::Rendering { what: "predictions", message: error.to_string() })?;
        self.write(name, &bytes)
    }
}
