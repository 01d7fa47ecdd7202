//! What a run keeps of its models' predictions, so that its answers can be derived again.

use std::fs;

use mlprobe_stats::require;
use ndarray::{Array1, Array2, ArrayBase, ArrayView1, Data, Dimension, Ix1, Ix2};
use ndarray_npy::{ReadNpyExt, ReadableElement, WritableElement, WriteNpyExt};

use crate::analysis::probes::Probe;
use crate::analysis::results::Results;
use crate::engine::scoring::Tested;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::study::Outcome;

const LABELS: &str = "predictions/labels.npy";

/// What the models of a run said of its N test images, read back.
pub(crate) struct Kept {
    /// (N), the true classes.
    pub labels: Vec<u16>,
    /// For each arm, for each seed: one [`Tested`] per epoch to report at.
    pub tested: Vec<Vec<Vec<Tested>>>,
}

impl RunFolder {
    /// Writes the labels, what the models of the newest seed said of the test images, and what the probes said. Returns the names of
    /// the files of all seeds so far.
    pub(crate) fn keep(&self, outcome: &Outcome) -> Result<Vec<String>> {
        let Outcome { results, runs, labels, probed } = outcome;
        self.write_npy(LABELS, &ArrayView1::from(labels))?;
        for (arm, runs) in results.arms.iter().zip(runs) {
            let Some(run) = runs.last() else { continue };
            let (seed, last) = (run.record.seed, results.epochs());
            for tested in &run.tested {
                self.write_npy(&probabilities(&arm.name, seed, tested.epoch), &tested.probabilities)?;
                let classes = classes(&arm.name, seed, tested.epoch, last);
                self.write_npy(&classes, &ArrayView1::from(&tested.predicted))?;
            }
        }
        if !probed.is_empty() {
            let folder = self.path().join("predictions/probes");
            fs::create_dir_all(&folder).map_err(|source| Error::File {
                operation: "creating",
                path: folder,
                source,
            })?;
        }
        let mut names = vec![LABELS.to_owned()];
        for said in probed {
            for (seed, predicted) in results.settings.protocol.seeds.iter().zip(&said.predicted) {
                let name = of_probe(said.probe, &said.arm, *seed);
                self.write_npy(&name, &ArrayView1::from(predicted))?;
                names.push(name);
            }
        }
        for arm in &results.arms {
            for run in &arm.runs {
                for &epoch in &results.settings.protocol.report_at {
                    names.push(probabilities(&arm.name, run.seed, epoch));
                    names.push(classes(&arm.name, run.seed, epoch, results.epochs()));
                }
            }
        }
        Ok(names)
    }

    /// What was kept of the run that `results` tell of, as it was written.
    ///
    /// # Errors
    /// [`Error::Content`] if it keeps no labels, as runs of earlier versions did not, or if a file was changed; [`Error::File`].
    pub(crate) fn kept(&self, results: &Results) -> Result<Kept> {
        let content = |expected: &str, actual: String| Error::Content {
            path: self.path().to_owned(),
            field: "predictions".to_owned(),
            expected: expected.to_owned(),
            actual,
        };
        if !self.recorded().contains(LABELS) {
            let actual = "none, as in a record of an earlier version or without its run".to_owned();
            return Err(content("the labels and predictions that a run keeps", actual));
        }
        if let Some(path) = self.first_damaged() {
            let actual = format!("{} missing or changed", path.display());
            return Err(content("the files as SHA256SUMS has them", actual));
        }
        let (images, classes_of) = (results.about.dataset.test_images, results.about.dataset.classes.len());
        let labels = self.classes(LABELS, images)?;
        let tested_at = |arm: &str, seed: u64, epoch: usize| {
            let name = probabilities(arm, seed, epoch);
            let probabilities: Array2<f32> = self.read_npy::<_, Ix2>(&name)?;
            let actual = probabilities.dim();
            if actual != (images, classes_of) {
                let expected = format!("{images} images of {classes_of} classes in {name}");
                return Err(content(&expected, format!("{actual:?}")));
            }
            let predicted = self.classes(&classes(arm, seed, epoch, results.epochs()), images)?;
            Ok(Tested { epoch, probabilities, predicted })
        };
        let mut tested = Vec::new();
        for arm in &results.arms {
            let of_run = |seed| {
                let epochs = results.settings.protocol.report_at.iter();
                epochs.map(|&epoch| tested_at(&arm.name, seed, epoch)).collect::<Result<Vec<_>>>()
            };
            tested.push(arm.runs.iter().map(|run| of_run(run.seed)).collect::<Result<_>>()?);
        }
        Ok(Kept { labels, tested })
    }

    /// The likeliest classes (N) of the test images that a probe of this kind found for each seed, trained on the rows of `arm`.
    pub(crate) fn probed(&self, probe: Probe, arm: &str, results: &Results) -> Result<Vec<Vec<u16>>> {
        let seeds = results.settings.protocol.seeds.iter().take(results.seeds_done);
        let images = results.about.dataset.test_images;
        seeds.map(|&seed| self.classes(&of_probe(probe, arm, seed), images)).collect()
    }

    /// A class for each of `images` images.
    fn classes(&self, name: &str, images: usize) -> Result<Vec<u16>> {
        let classes: Array1<u16> = self.read_npy::<_, Ix1>(name)?;
        let (expected, next) = (format!("{images} classes in {name}"), "restore the file");
        require(classes.len() == images, "reading predictions", &expected, classes.len(), next)?;
        Ok(classes.to_vec())
    }

    fn read_npy<T: ReadableElement, D: Dimension>(
        &self,
        name: &str,
    ) -> Result<ArrayBase<ndarray::OwnedRepr<T>, D>> {
        let path = self.path().join(name);
        let file = fs::File::open(&path).map_err(|source| Error::File {
            operation: "reading",
            path: path.clone(),
            source,
        })?;
        ndarray::Array::read_npy(file).map_err(|error| Error::Content {
            path,
            field: "array".into(),
            expected: "an array as it was written".into(),
            actual: error.to_string(),
        })
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

/// Softmax outputs, f32 (N, K).
fn probabilities(arm: &str, seed: u64, epoch: usize) -> String {
    format!("predictions/{arm}-seed{seed}-epoch{epoch}.npy")
}

/// The likeliest class of each test image, u16 (N). They do not follow from the softmax outputs, in which two that were different
/// may be equal after rounding.
fn classes(arm: &str, seed: u64, epoch: usize, last: usize) -> String {
    match epoch == last {
        true => format!("predictions/{arm}-seed{seed}.npy"),
        false => format!("predictions/{arm}-seed{seed}-epoch{epoch}-classes.npy"),
    }
}

/// The likeliest class of each test image, u16 (N).
fn of_probe(probe: Probe, arm: &str, seed: u64) -> String {
    let kind = match probe {
        Probe::NearestNeighbours { .. } => "nearest-neighbours",
        Probe::LogisticRegression { .. } => "logistic-regression",
    };
    format!("predictions/probes/{kind}-{arm}-seed{seed}.npy")
}
