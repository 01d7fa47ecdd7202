//! The run folder: results, report, figure, models and predictions, each file written beside its place and
//! renamed when whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ndarray::{ArrayBase, ArrayView1, Data, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};

use crate::error::{Error, Result};
use crate::page::Page;
use crate::report;
use crate::results::Results;
use crate::study::Outcome;

/// Where a study leaves what it found:
///
/// | file | content |
/// |---|---|
/// | `results.json` | [`Results`] |
/// | `report.md` | the same in words and tables |
/// | `report.html` | the same as one page with figures and images |
/// | `learning-curves.svg` | accuracy over epochs for every arm |
/// | `models/ARM-seedS.safetensors` | the trained models |
/// | `predictions/ARM-seedS.npy` | the likeliest class of each test image, u8 (N) |
/// | `predictions/ARM-seedS-probabilities.npy` | softmax outputs, f32 (N, K) |
/// | `predictions/ARM-seedS-half-probabilities.npy` | the same after half of the epochs |
/// | `SHA256SUMS` | digests of the files a study writes, without the page, for `sha256sum --check` |
/// | `checkpoints/` | what an unfinished study needs to go on, see [`Checkpoints`](crate::Checkpoints) |
///
/// One process at a time may hold a run folder.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// The lock goes when this is closed, also that of a process that was killed.
    _lock: File,
}

impl RunFolder {
    /// Makes the folder and its parents where they are missing, and holds it against other processes.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process holds it; [`Error::File`] if it cannot be made.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        for folder in ["models", "predictions"] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(|source| Error::File {
                operation: "creating",
                path: folder,
                source,
            })?;
        }
        let failed = |source| Error::File { operation: "locking", path: path.clone(), source };
        let lock = mlprobe_files::try_lock(path.join(".lock")).map_err(failed)?;
        let lock = lock.ok_or_else(|| Error::InUse(path.clone()))?;
        let folder = Self { path, _lock: lock };
        for inside in ["", "models", "predictions", "checkpoints"] {
            folder.sweep(inside)?;
        }
        Ok(folder)
    }

    /// Removes what a killed process had not yet renamed.
    fn sweep(&self, inside: &str) -> Result<()> {
        let path = self.path.join(inside);
        mlprobe_files::sweep(&path).map_err(|source| Error::File { operation: "emptying", path, source })
    }

    /// Where the checkpoints of this folder's study belong.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The first file of `SHA256SUMS` that is missing or not as it was written, itself included; `None` if all are.
    pub fn first_damaged(&self) -> Option<PathBuf> {
        let sums = self.path.join("SHA256SUMS");
        let Ok(lines) = fs::read_to_string(&sums) else { return Some(sums) };
        lines.lines().find_map(|line| {
            let (digest, name) = line.split_once("  ").unwrap_or_default();
            let path = self.path.join(name);
            let is_same = mlprobe_files::sha256(&path).is_ok_and(|actual| actual == digest);
            (!is_same).then_some(path)
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the newest seed's models and predictions, then results and report of all seeds so far. Called
    /// after each seed, it leaves a whole report whatever happens next.
    ///
    /// # Errors
    /// [`Error::File`] naming the file that could not be written; files written before stay as they were.
    pub fn save(&self, outcome: &Outcome) -> Result<()> {
        for (arm, runs) in outcome.results.arms.iter().zip(&outcome.runs) {
            let Some(run) = runs.last() else { continue };
            let name = format!("{}-seed{}", arm.name, run.record.seed);
            run.model.save(self.path.join("models").join(format!("{name}.safetensors"))).map_err(
                |source| Error::Training {
                    arm: arm.name.clone(),
                    seed: run.record.seed,
                    source: Box::new(source),
                },
            )?;
            let file = |suffix| self.path.join("predictions").join(format!("{name}{suffix}.npy"));
            write_npy(&file(""), &ArrayView1::from(&run.full.predicted))?;
            write_npy(&file("-probabilities"), &run.full.probabilities)?;
            write_npy(&file("-half-probabilities"), &run.half.probabilities)?;
        }
        self.save_results(&outcome.results)?;
        let mut names = ["results.json", "report.md", "learning-curves.svg"].map(str::to_owned).to_vec();
        for arm in &outcome.results.arms {
            for run in &arm.runs {
                let name = format!("{}-seed{}", arm.name, run.seed);
                names.push(format!("models/{name}.safetensors"));
                let rests = ["", "-probabilities", "-half-probabilities"];
                names.extend(rests.map(|rest| format!("predictions/{name}{rest}.npy")));
            }
        }
        self.save_digests(&names)
    }

    /// Writes `results.json` and what is drawn from it.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_results(&self, results: &Results) -> Result<()> {
        let json = serde_json::to_string_pretty(results)
            .map_err(|error| Error::Rendering { what: "results.json", message: error.to_string() })?;
        write_whole(&self.path.join("learning-curves.svg"), report::learning_curves(results)?.as_bytes())?;
        write_whole(&self.path.join("report.md"), report::markdown(results)?.as_bytes())?;
        write_whole(&self.path.join("results.json"), json.as_bytes())
    }

    /// Writes `report.html`.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_page(&self, page: &Page<'_>) -> Result<()> {
        write_whole(&self.path.join("report.html"), page.render()?.as_bytes())
    }

    /// Writes `SHA256SUMS` over these files.
    pub(crate) fn save_digests(&self, names: &[String]) -> Result<()> {
        let mut sums = String::new();
        for name in names {
            let path = self.path.join(name);
            let digest = mlprobe_files::sha256(&path).map_err(|source| Error::File {
                operation: "reading",
                path,
                source,
            })?;
            sums += &format!("{digest}  {name}\n");
        }
        write_whole(&self.path.join("SHA256SUMS"), sums.as_bytes())
    }
}

fn write_npy<T, S, D>(path: &Path, array: &ArrayBase<S, D>) -> Result<()>
where
    T: WritableElement,
    S: Data<Elem = T>,
    D: Dimension,
{
    let mut bytes = Vec::new();
    array
        .write_npy(&mut bytes)
        .map_err(|error| Error::Rendering { what: "predictions", message: error.to_string() })?;
    write_whole(path, &bytes)
}

/// Writes beside `path` and renames when whole, so that a reader never sees a part.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    mlprobe_files::write(path, bytes).map_err(|source| Error::File {
        operation: "writing",
        path: path.to_owned(),
        source,
    })
}
