//! The study of the original report: as a whole, or in parts that may be computed on other machines.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mlprobe_data::augment::{Preset, Transform};
use mlprobe_experiments::report::{Page, Pictures};
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::settings::{Compared, Images, Settings};
use mlprobe_experiments::{
    Checkpoints, FeatureSource, Half, Identity, Progress, Protocol, SeededRows, Session, Start, reproduction,
};
use mlprobe_features::{Extractor as Features, FeatureCache};
use ndarray::{Array2, ArrayView4, Axis, s};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::calls::{Pace, in_study};
use crate::dataset::{Dataset, Tables};
use crate::errors::IntoPyErr;
use crate::extractors::Extractor;
use crate::studies::to_json;

const TRANSFORMS: [Transform; 6] = [
    Transform::Rotation,
    Transform::Cutout,
    Transform::Crop,
    Transform::ContrastFlip,
    Transform::Enhancement,
    Transform::Posterize,
];

/// A reproduction with everything that it follows from.
#[pyclass(frozen, module = "mlprobe._mlprobe")]
pub struct Reproduction {
    extractor: Py<Extractor>,
    dataset: Py<Dataset>,
    preset: Preset,
    settings: Settings,
    cache: FeatureCache,
    program: String,
}

#[pymethods]
impl Reproduction {
    /// `folder` is where the data set is, for the record; features are kept in `cache`; `program` is the file of this module.
    #[new]
    #[pyo3(signature = (
        extractor, dataset, *, folder, preset, seeds, epochs, batch_size, hidden, skip_broken, cache, program,
        tables=Tables::default()
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are named")]
    fn new(
        extractor: Py<Extractor>,
        dataset: Py<Dataset>,
        folder: PathBuf,
        preset: &str,
        seeds: u64,
        epochs: usize,
        batch_size: usize,
        hidden: Vec<usize>,
        skip_broken: bool,
        cache: PathBuf,
        program: PathBuf,
        tables: Tables,
    ) -> PyResult<Self> {
        let (labels, label_column, image_column, keep_na) = tables;
        let preset: Preset = preset.parse().map_err(|error: mlprobe_data::Error| error.into_py())?;
        let settings = Settings {
            compared: Compared::Reproduction { preset },
            images: Some(Images {
                skip_broken,
                labels,
                label_column,
                image_column,
                keep_na,
                ..Images::of(folder)
            }),
            extractor: Some(extractor.get().settings.clone()),
            protocol: Protocol { batch_size, hidden, ..Protocol::new((0..seeds).collect(), epochs) },
        };
        let program =
            mlprobe_files::sha256(&program).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(Self { extractor, dataset, preset, settings, cache: FeatureCache::new(cache), program })
    }

    /// Runs the study in the run folder `out`. Returns the results as JSON. Runs whose checkpoints are in the folder
    /// `checkpoints` are taken from there.
    #[pyo3(signature = (out, *, checkpoints=None, fresh=false, force=false, threads=0, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "they are named")]
    fn run(
        &self,
        py: Python<'_>,
        out: PathBuf,
        checkpoints: Option<PathBuf>,
        fresh: bool,
        force: bool,
        threads: usize,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let results = in_study(py, threads, progress, |observer, stop| {
            let network = self.network(stop);
            let source = self.source(&network);
            let pictures = Pictures::of(source.dataset(), self.preset.transforms());
            let start = Start {
                folder: out,
                identity: Identity { settings: self.settings.clone(), inputs: source.inputs() },
                program: self.program.clone(),
                fresh,
                force,
                checkpoint_every: Duration::from_secs(15),
                observer,
            };
            let folder = start.run(|folder, session| {
                if let Some(from) = &checkpoints {
                    bring(from, &folder.path().join("checkpoints"))?;
                }
                let study = reproduction::study(&source, self.preset, self.settings.clone(), session)?;
                let after_seed = |so_far: &_| {
                    folder.save(so_far)?;
                    folder.save_page(&Page { pictures: Some(pictures), ..Page::new(&so_far.results) })
                };
                study.threads(threads).run_in(session, after_seed).map(drop)
            })?;
            read_results(folder.path().join("results.json"))
        })?;
        to_json(&results)
    }

    /// The sets of features that the study needs beside those of the augmented images: names for `extract`.
    #[staticmethod]
    fn sets() -> Vec<&'static str> {
        ["train", "test"].into_iter().chain(TRANSFORMS.map(Transform::name)).collect()
    }

    /// The names of the arms.
    #[staticmethod]
    fn arms() -> [&'static str; 4] {
        use reproduction::{AUGMENTED, DUPLICATED, UNAUGMENTED, UNAUGMENTED_FAST};
        [UNAUGMENTED, AUGMENTED, DUPLICATED, UNAUGMENTED_FAST]
    }

    /// Brings one set of features into the cache: one of `sets`, or the augmented images of a seed.
    fn extract(&self, py: Python<'_>, set: &Bound<'_, PyAny>, threads: usize) -> PyResult<()> {
        let transform = |name: &str| TRANSFORMS.into_iter().find(|transform| transform.name() == name);
        let (name, seed) = (set.extract::<String>().ok(), set.extract::<u64>().ok());
        if name.as_deref().is_some_and(|name| !["train", "test"].contains(&name) && transform(name).is_none())
            || name.is_some() == seed.is_some()
        {
            return Err(PyValueError::new_err(format!(
                "expected one of {:?} or a seed, got {set}",
                Self::sets()
            )));
        }
        in_study(py, threads, None, |observer, stop| {
            let network = self.network(stop);
            let (source, session) = (self.source(&network), Session::new(Progress::new(observer)));
            match (name.as_deref(), seed) {
                (Some("train"), _) => source.original(Half::Train, &session).map(drop),
                (Some("test"), _) => source.original(Half::Test, &session).map(drop),
                (Some(name), _) => {
                    transform(name).map_or(Ok(()), |t| source.transformed_test(t, &session).map(drop))
                }
                (None, seed) => {
                    let copies = source.augmented(self.preset.transforms(), "augmented images");
                    seed.map_or(Ok(()), |seed| copies.prepare(seed, &session))
                }
            }
        })
    }

    /// Trains one arm with one seed, and leaves a checkpoint of its end in the folder `checkpoints`.
    fn train(&self, py: Python<'_>, arm: &str, seed: u64, checkpoints: PathBuf) -> PyResult<()> {
        in_study(py, 1, None, |observer, stop| {
            let network = self.network(stop);
            let source = self.source(&network);
            let checkpoints = Checkpoints::new(checkpoints, &self.program);
            let session = Session::resumable(Progress::new(observer), checkpoints, "a part")?;
            let study = reproduction::study(&source, self.preset, self.settings.clone(), &session)?;
            study.train(arm, seed, &session)
        })
    }
}

impl Reproduction {
    fn network<'a>(&'a self, stop: &'a AtomicBool) -> Interruptible<'a> {
        Interruptible { network: self.extractor.get().network.as_ref(), stop }
    }

    fn source<'a>(&'a self, network: &'a Interruptible<'_>) -> FeatureSource<'a> {
        let Dataset { inner, comparable, .. } = self.dataset.get();
        FeatureSource::new(inner, *comparable, network, &self.cache, String::new())
    }
}

/// Copies the checkpoints of one folder into another.
fn bring(from: &Path, to: &Path) -> mlprobe_experiments::Result<()> {
    let failed = |source| mlprobe_experiments::Error::File {
        operation: "copying checkpoints from",
        path: from.into(),
        source,
    };
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
    }
    Ok(())
}

/// An extractor that works in pieces, and stops after one of them when it is asked to.
struct Interruptible<'a> {
    network: &'a dyn Features,
    stop: &'a AtomicBool,
}

impl Features for Interruptible<'_> {
    fn name(&self) -> String {
        self.network.name()
    }

    fn dim(&self) -> usize {
        self.network.dim()
    }

    fn input_size(&self) -> usize {
        self.network.input_size()
    }

    fn fingerprint(&self) -> String {
        self.network.fingerprint()
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, mlprobe_features::Error> {
        let total = images.len_of(Axis(0));
        let mut features = Array2::zeros((total, self.dim()));
        let (mut pace, mut done) = (Pace::new(rayon::current_num_threads(), usize::MAX), 0);
        while done < total {
            if self.stop.load(Ordering::Relaxed) {
                return Err(mlprobe_features::Error::Stopped { done, total });
            }
            let range = done..total.min(done + pace.items());
            let piece = images.slice(s![range.clone(), .., .., ..]);
            let rows = pace.piece(|| self.network.extract_with(piece, progress));
            features.slice_mut(s![range.clone(), ..]).assign(&rows.map_err(|error| error.behind(done))?);
            done = range.end;
        }
        Ok(features)
    }
}
