//! The run folder: who may write there, and whether its files are as they were written.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// What [`RunFolder::create`] makes, before anything is written there.
const EMPTY: [&str; 3] = [".lock", "models", "predictions"];

/// What is drawn from a record and may be drawn again at any time. Earlier versions have digests of some of these.
const RENDERED: [&str; 6] = [
    "report.md",
    "report.html",
    "learning-curves.svg",
    "reanalysis.json",
    "reanalysis.md",
    "reanalysis.html",
];

/// Where a study leaves what it found:
///
/// | file | content |
/// |---|---|
/// | `results.json` | [`Results`](crate::Results) |
/// | `report.md` | the same in words and tables; like the next two, it follows from the record and can be drawn again |
/// | `report.html` | the same as one page with figures and images |
/// | `learning-curves.svg` | accuracy over epochs for every arm |
/// | `models/ARM-seedS.safetensors` | the trained models |
/// | `predictions/ARM-seedS.npy` | the likeliest class of each test image (N) |
/// | `predictions/ARM-seedS-epochE.npy` | softmax outputs after epoch E, f32 (N, K), for each epoch to report at |
/// | `predictions/ARM-seedS-epochE-classes.npy` | the likeliest class after an epoch that is not the last (N) |
/// | `predictions/labels.npy` | the true class of each test image (N) |
/// | `predictions/probes/KIND-ARM-seedS.npy` | the likeliest class that a simple classifier found (N) |
/// | `run.json` | whose folder it is, and whether the run is finished |
/// | `SHA256SUMS` | digests of record, models and predictions, for `sha256sum --check` |
/// | `reanalysis.json`, `.md`, `.html` | answers derived again by a later version, see [`reanalyse`](crate::reanalyse) |
/// | `checkpoints/` | what an unfinished study needs in order to resume, see [`Checkpoints`](crate::Checkpoints) |
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
            fs::create_dir_all(&folder).map_err(failed("creating", &folder))?;
        }
        Self::open(path)
    }

    /// Holds a folder that is there against other processes.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let lock = mlprobe_files::try_lock(path.join(".lock")).map_err(failed("locking", &path))?;
        let lock = lock.ok_or_else(|| Error::InUse(path.clone()))?;
        let folder = Self { path, _lock: lock };
        for inside in ["", "models", "predictions", "predictions/probes", "checkpoints"] {
            // What a killed process had not yet renamed.
            let inside = folder.path.join(inside);
            mlprobe_files::sweep(&inside).map_err(failed("emptying", &inside))?;
        }
        Ok(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first file or folder at `path` that [`create`](Self::create) did not make; `None` if there is none, or no
    /// folder.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be read.
    pub(crate) fn first_foreign(path: &Path) -> Result<Option<PathBuf>> {
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(failed("reading", path))?,
        };
        let mut foreign = Vec::new();
        for entry in entries {
            let inside = entry.map_err(failed("reading", path))?.path();
            let holds_something = fs::read_dir(&inside).is_ok_and(|mut entries| entries.next().is_some());
            let is_ours = EMPTY.iter().any(|ours| inside.ends_with(ours));
            // A process may be writing its record just now.
            let name = inside.file_name().unwrap_or_default().to_string_lossy();
            if holds_something || !(is_ours || mlprobe_files::is_temporary(&name)) {
                foreign.push(inside);
            }
        }
        Ok(foreign.into_iter().min())
    }

    /// The first file of `SHA256SUMS` that is missing or not as it was written, itself included; `None` if all are.
    pub fn first_damaged(&self) -> Option<PathBuf> {
        let sums = self.path.join("SHA256SUMS");
        let Ok(lines) = fs::read_to_string(&sums) else { return Some(sums) };
        let named = lines.lines().map(|line| line.split_once("  ").unwrap_or_default());
        named.filter(|(_, name)| !RENDERED.contains(name)).find_map(|(digest, name)| {
            let path = self.path.join(name);
            let is_same = mlprobe_files::sha256(&path).is_ok_and(|actual| actual == digest);
            (!is_same).then_some(path)
        })
    }

    /// The files that `SHA256SUMS` names, and that file itself.
    pub(crate) fn recorded(&self) -> BTreeSet<String> {
        let sums = fs::read_to_string(self.path.join("SHA256SUMS")).unwrap_or_default();
        let names = sums.lines().filter_map(|line| Some(line.split_once("  ")?.1.to_owned()));
        // No run writes outside its folder.
        let is_inside =
            |name: &String| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        names.filter(is_inside).chain(["SHA256SUMS".to_owned()]).collect()
    }

    /// Removes those files of another run that this one has not replaced by its own: its record, models and predictions, what was
    /// derived from them again, and its report where this run has none.
    ///
    /// # Errors
    /// [`Error::File`] naming what could not be removed.
    pub(crate) fn remove_replaced(&self, replaced: &BTreeSet<String>) -> Result<()> {
        let own = self.recorded();
        let has_report = own.contains("results.json");
        let rendered = RENDERED.into_iter().filter(|name| !has_report || name.starts_with("reanalysis"));
        let replaced = replaced.difference(&own).map(String::as_str);
        for name in replaced.filter(|name| !RENDERED.contains(name)).chain(rendered) {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed.map_err(failed("removing", &path))?,
            }
        }
        Ok(())
    }

    /// Writes `SHA256SUMS` over these files.
    pub(crate) fn save_digests(&self, names: &[String]) -> Result<()> {
        let mut sums = String::new();
        for name in names {
            let path = self.path.join(name);
            let digest = mlprobe_files::sha256(&path).map_err(failed("reading", &path))?;
            sums += &format!("{digest}  {name}\n");
        }
        self.write("SHA256SUMS", sums.as_bytes())
    }

    /// Writes `name` beside its place and renames it when whole, so that a reader never sees a part.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        mlprobe_files::write(&path, bytes).map_err(failed("writing", &path))
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { operation, path, source }
}
