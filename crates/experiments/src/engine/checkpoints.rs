//! Checkpoints: what an unfinished study needs in order to resume, however it ended.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const EXTENSION: &str = "checkpoint";
/// Bytes of the SHA-256 that a checkpoint begins with.
const DIGEST: usize = 32;

/// A folder of checkpoints, one per run.
///
/// A checkpoint carries the fingerprint of everything that its content follows from: training rows, recipe, seed,
/// instruction set, program. One of other settings is not used. Each is written beside its place and renamed, and begins
/// with the SHA-256 of the rest. A damaged one is set aside under a name ending in `.damaged` and not used either.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    program: String,
    pause: Duration,
}

/// What a checkpoint's place holds.
pub(crate) enum Found<T> {
    /// Nothing of this fingerprint.
    Nothing,
    /// What was saved.
    Whole(T),
    /// A damaged file, now under this name.
    Damaged(PathBuf),
}

impl Checkpoints {
    /// Checkpoints in `folder`, which is made when it is needed. `program` names what computes, as the digest of the
    /// executable does: checkpoints of another program are not used.
    pub fn new(folder: impl Into<PathBuf>, program: &str) -> Self {
        Self { folder: folder.into(), program: program.to_owned(), pause: Duration::from_secs(15) }
    }

    /// How long a run trains from one checkpoint to the next, 15 seconds by default. An epoch that takes longer is the most
    /// that can be lost beyond that.
    #[must_use]
    pub fn every(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Removes all checkpoints, so that everything starts from the beginning.
    ///
    /// # Errors
    /// [`Error::File`] naming what could not be removed.
    pub fn clear(&self) -> Result<()> {
        let failed = |source| Error::File { operation: "emptying", path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                fs::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The time from one save of a run to the next.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    /// What was saved as `name` by this program, with content that follows from `parts`. A damaged
    /// file is set aside.
    pub(crate) fn load<T: DeserializeOwned>(&self, name: &str, parts: &[String]) -> Result<Found<T>> {
        let path = self.path(name);
        let failed = |operation| {
            let path = path.clone();
            move |source| Error::File { operation, path, source }
        };
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            bytes => bytes.map_err(failed("reading"))?,
        };
        match bytes.split_first_chunk::<DIGEST>() {
            Some((digest, content)) if Sha256::digest(content)[..] == digest[..] => {
                // The content of another program may be something else altogether; the fingerprint stands first.
                let expected = self.fingerprint(parts);
                let found = postcard::take_from_bytes::<String>(content).ok();
                let (_, content) = found.filter(|(fingerprint, _)| *fingerprint == expected).unzip();
                let content = content.and_then(|content| postcard::from_bytes(content).ok());
                Ok(content.map_or(Found::Nothing, Found::Whole))
            }
            _ => {
                let set_aside = path.with_extension(format!("{EXTENSION}.damaged"));
                fs::rename(&path, &set_aside).map_err(failed("setting aside"))?;
                Ok(Found::Damaged(set_aside))
            }
        }
    }

    /// Replaces what is saved as `name` by `content`.
    pub(crate) fn save(&self, name: &str, parts: &[String], content: &impl Serialize) -> Result<()> {
        let path = self.path(name);
        let failed = |operation, path: &PathBuf| {
            let path = path.clone();
            move |source| Error::File { operation, path, source }
        };
        fs::create_dir_all(&self.folder).map_err(failed("creating", &self.folder))?;
        let content = postcard::to_extend(&self.fingerprint(parts), vec![0; DIGEST])
            .and_then(|bytes| postcard::to_extend(content, bytes));
        let mut bytes =
            content.map_err(|error| Error::Rendering { what: "a checkpoint", message: error.to_string() })?;
        let digest = Sha256::digest(&bytes[DIGEST..]);
        bytes[..DIGEST].copy_from_slice(&digest);
        mlprobe_files::write(&path, &bytes).map_err(failed("writing", &path))
    }

    /// SHA-256 (hex) over program and `parts`.
    pub(crate) fn fingerprint(&self, parts: &[String]) -> String {
        let mut digest = Sha256::new();
        let all = [env!("CARGO_PKG_VERSION").to_owned(), self.program.clone()];
        for part in all.iter().chain(parts) {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        mlprobe_files::hex(&digest.finalize())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }
}
