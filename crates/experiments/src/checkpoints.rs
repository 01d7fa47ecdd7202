//! Checkpoints: what an unfinished study needs to go on where it was, however it ended.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use mlprobe_kernels::Isa;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::folder::write_whole;
use crate::progress::{Event, Progress};
use crate::results::VERSION;

const EXTENSION: &str = "checkpoint";
/// The checkpoint with the seconds of each stage so far.
const STAGES: &str = "stages";
/// The only checkpoint of a study whose results have been written.
const FINISHED: &str = "finished";
/// Bytes of the SHA-256 that a checkpoint begins with.
const DIGEST: usize = 32;

/// A folder of checkpoints, one a run, given to [`Progress::with_checkpoints`].
///
/// A checkpoint carries the fingerprint of everything that its content follows from: training rows, recipe, seed,
/// instruction set, program. One of other settings is not used. Each is written beside its place and renamed, and begins
/// with the SHA-256 of the rest. A damaged one is set aside under a name ending in `.damaged` and not used either.
///
/// ```
/// use mlprobe_experiments::{About, Arm, Checkpoints, LabelledFeatures, Progress, Protocol, Study};
///
/// let points = LabelledFeatures::new(ndarray::array![[0.0], [1.0]], vec![0, 1])?;
/// let protocol = Protocol { epochs: 20, ..Protocol::default() };
/// let study = Study::new(About::features("points", &["zero", "one"]), protocol, &points)
///     .arm(Arm::new("points", 0.1).with(&points));
///
/// let folder = tempfile::tempdir()?;
/// let progress = Progress::silent().with_checkpoints(Checkpoints::new(folder.path(), "my program 1.0"));
/// if !study.is_finished(&progress)? {
///     let outcome = study.run(&progress, |_| Ok(()))?; // goes on where an earlier start was interrupted
///     // ... write down what was found ...
///     progress.finish()?;
/// }
/// assert!(study.is_finished(&progress)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    program: String,
    pause: Duration,
}

impl Checkpoints {
    /// Checkpoints in `folder`, which is made when it is needed. `program` names what computes, as the digest of the
    /// executable does: checkpoints of another program are not used.
    pub fn new(folder: impl Into<PathBuf>, program: &str) -> Self {
        Self { folder: folder.into(), program: program.to_owned(), pause: Duration::from_secs(15) }
    }

    /// How long a run trains from one checkpoint to the next, 15 seconds unless told otherwise. More may be lost only of
    /// an epoch that takes longer.
    #[must_use]
    pub fn every(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Removes all checkpoints, so that everything starts anew.
    ///
    /// # Errors
    /// [`Error::File`] naming what could not be removed.
    pub fn clear(&self) -> Result<()> {
        self.remove(|_| true)
    }

    /// Removes the checkpoints whose name is `unwanted`.
    fn remove(&self, unwanted: impl Fn(&str) -> bool) -> Result<()> {
        let failed = |source| Error::File { operation: "emptying", path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if path.extension().is_some_and(|extension| extension == EXTENSION) && unwanted(&name) {
                fs::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }
}

/// The place of one checkpoint, and the fingerprint that its content has to have.
pub(crate) struct Slot<'a> {
    progress: &'a Progress<'a>,
    checkpoints: &'a Checkpoints,
    name: String,
    fingerprint: String,
}

impl Slot<'_> {
    /// What was saved here, if it was, with the same fingerprint and whole. A damaged file is set aside, with an event.
    pub(crate) fn load<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let path = self.checkpoints.path(&self.name);
        let failed = |operation| {
            let path = path.clone();
            move |source| Error::File { operation, path, source }
        };
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(failed("reading"))?,
        };
        match bytes.split_first_chunk::<DIGEST>() {
            Some((digest, content)) if Sha256::digest(content)[..] == digest[..] => {
                // Of another program, the content may be something else altogether; the fingerprint stands first.
                let found = postcard::take_from_bytes::<String>(content).ok();
                let (_, content) = found.filter(|(fingerprint, _)| *fingerprint == self.fingerprint).unzip();
                Ok(content.and_then(|content| postcard::from_bytes(content).ok()))
            }
            _ => {
                let set_aside = path.with_extension(format!("{EXTENSION}.damaged"));
                fs::rename(&path, &set_aside).map_err(failed("setting aside"))?;
                self.progress.send(Event::CheckpointDamaged { set_aside: &set_aside });
                Ok(None)
            }
        }
    }

    /// Replaces what is here by `content`, and the seconds of the stages by what they are now.
    pub(crate) fn save(&self, content: &impl Serialize) -> Result<()> {
        self.write(content)?;
        match self.progress.study_slot(STAGES) {
            Some(stages) => stages.write(&self.progress.stages()),
            None => Ok(()),
        }
    }

    /// The time from one [`save`](Self::save) to the next.
    pub(crate) fn pause(&self) -> Duration {
        self.checkpoints.pause
    }

    fn write(&self, content: &impl Serialize) -> Result<()> {
        let path = self.checkpoints.path(&self.name);
        let failed =
            |source| Error::File { operation: "creating", path: self.checkpoints.folder.clone(), source };
        fs::create_dir_all(&self.checkpoints.folder).map_err(failed)?;
        let content = postcard::to_extend(&self.fingerprint, vec![0; DIGEST])
            .and_then(|bytes| postcard::to_extend(content, bytes));
        let mut bytes =
            content.map_err(|error| Error::Rendering { what: "a checkpoint", message: error.to_string() })?;
        let digest = Sha256::digest(&bytes[DIGEST..]);
        bytes[..DIGEST].copy_from_slice(&digest);
        write_whole(&path, &bytes)
    }
}

impl Progress<'_> {
    /// The place of the checkpoint called `name`, a file name, whose content follows from `parts`, from the program and
    /// from the instruction set. `None` if no checkpoints are kept.
    pub(crate) fn slot(&self, name: &str, parts: impl FnOnce() -> Vec<String>) -> Option<Slot<'_>> {
        let checkpoints = self.checkpoints()?;
        let mut digest = Sha256::new();
        let all = [VERSION.to_owned(), checkpoints.program.clone(), Isa::current().name().to_owned()];
        for part in all.into_iter().chain(parts()) {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let fingerprint = mlprobe_files::hex(&digest.finalize());
        Some(Slot { progress: self, checkpoints, name: name.to_owned(), fingerprint })
    }

    /// Says by its `settings`, all of them, which study is begun. Seconds that stages took in earlier starts count from
    /// now on, and the study is no longer finished.
    pub(crate) fn begin(&self, settings: impl FnOnce() -> String) -> Result<()> {
        self.set_study(settings);
        if let Some(stages) = self.study_slot(STAGES) {
            self.set_earlier_stages(stages.load()?.unwrap_or_default());
            stages.checkpoints.remove(|name| name == FINISHED)?;
        }
        Ok(())
    }

    /// Whether an earlier start called [`finish`](Self::finish) for the study with these settings.
    pub(crate) fn is_finished(&self, settings: impl FnOnce() -> String) -> Result<bool> {
        self.set_study(settings);
        let mark = self.study_slot(FINISHED).map(|slot| slot.load::<()>()).transpose()?;
        Ok(mark.flatten().is_some())
    }

    /// Replaces the checkpoints of the study by a mark that it is finished. To be called when its results are written.
    ///
    /// # Errors
    /// [`Error::File`] naming what could not be written or removed.
    pub fn finish(&self) -> Result<()> {
        let Some(slot) = self.study_slot(FINISHED) else { return Ok(()) };
        slot.write(&())?;
        slot.checkpoints.remove(|name| name != FINISHED)
    }

    fn study_slot(&self, name: &str) -> Option<Slot<'_>> {
        self.study().and_then(|settings| self.slot(name, || vec![settings]))
    }
}
