//! One life of a run: its folder is opened, an unfinished run is resumed, a finished one is recognised.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::checkpoints::Checkpoints;
use crate::engine::progress::{Event, Observer, Progress};
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::settings::Settings;

const RECORD: &str = "run.json";

/// What a run follows from: two runs with the same identity have the same results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// What was asked for.
    pub settings: Settings,
    /// Digests of the images or features that it works on, and the fingerprint of the extractor.
    pub inputs: Vec<String>,
}

/// A start of a run.
pub struct Start<'a> {
    /// The run folder.
    pub folder: PathBuf,
    /// What the run follows from.
    pub identity: Identity,
    /// Names the program, as the digest of its executable does: checkpoints of another one are not used.
    pub program: String,
    /// Begins from the start even where a run is finished or could be resumed.
    pub fresh: bool,
    /// Replaces the finished run of other settings, and tolerates files without a record of a run.
    pub force: bool,
    /// How long a run trains from one checkpoint to the next.
    pub checkpoint_every: Duration,
    /// Is told what happens, and may ask to stop.
    pub observer: &'a Observer<'a>,
}

/// Whose folder it is.
#[derive(Serialize, Deserialize)]
struct Record {
    identity: Identity,
    version: String,
    finished: bool,
    /// Files of another run that was here before: they stay until this one is finished.
    #[serde(default)]
    replaces: BTreeSet<String>,
}

impl Start<'_> {
    /// Holds the run folder against other processes and does `work` there, which resumes from the checkpoints of an earlier
    /// start and leaves its results. If an earlier start has finished this very run and its files are as they were written,
    /// nothing is done but to send [`Event::AlreadyFinished`]. Every command that computes runs in such a life.
    ///
    /// # Errors
    /// [`Error::Occupied`] if the folder holds the finished run of other settings, or files without a record of a run, unless
    /// `force` is set; [`Error::InUse`] if another process works there; [`Error::File`]; and those of `work`.
    pub fn run(self, work: impl FnOnce(&RunFolder, &Session<'_>) -> Result<()>) -> Result<RunFolder> {
        let Self { folder: path, identity, program, fresh, force, checkpoint_every, observer } = self;
        let look = |path: &Path| {
            // In this order: a run that begins here meanwhile writes its record before anything else.
            let foreign = RunFolder::first_foreign(path)?;
            let record = read_record(path);
            if !force {
                refuse_if_occupied(path, foreign, record.as_ref(), &identity)?;
            }
            Ok::<_, Error>(record)
        };
        look(&path)?; // nothing is made in a folder that is refused
        let folder = RunFolder::create(path)?;
        // Another process may have finished, or begun another run, until the folder was locked.
        let record = look(folder.path())?;
        let progress = Progress::new(observer);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let replaces = match record {
            Some(earlier) if (&earlier.identity, &earlier.version) != (&identity, &version) => {
                &folder.recorded() | &earlier.replaces
            }
            Some(earlier) => {
                if earlier.finished && !fresh {
                    match folder.first_damaged() {
                        None => {
                            progress.send(Event::AlreadyFinished);
                            return Ok(folder);
                        }
                        Some(path) => progress.send(Event::ResultDamaged { path: &path }),
                    }
                }
                earlier.replaces
            }
            None => BTreeSet::new(),
        };
        let mut record = Record { identity, version, finished: false, replaces };
        write_record(&folder, &record)?;
        let checkpoints =
            Checkpoints::new(folder.path().join("checkpoints"), &program).every(checkpoint_every);
        if fresh {
            checkpoints.clear()?;
        }
        let session = Session::resumable(progress, checkpoints.clone(), &record.identity.fingerprint())?;
        work(&folder, &session)?;
        folder.remove_replaced(&std::mem::take(&mut record.replaces))?;
        record.finished = true;
        write_record(&folder, &record)?;
        checkpoints.clear()?;
        Ok(folder)
    }
}

impl Identity {
    /// SHA-256 (hex) over settings and inputs.
    pub fn fingerprint(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        mlprobe_files::hex(&Sha256::digest(json))
    }
}

/// The folder may hold nothing, this run, or an unfinished one.
fn refuse_if_occupied(
    path: &Path,
    foreign: Option<PathBuf>,
    record: Option<&Record>,
    identity: &Identity,
) -> Result<()> {
    let what = match (record, foreign) {
        (Some(record), _) if record.finished && record.identity != *identity => {
            "the finished run of other settings".to_owned()
        }
        (None, Some(found)) => format!("files without a record of a run, such as {}", found.display()),
        _ => return Ok(()),
    };
    Err(Error::Occupied { path: path.to_owned(), what })
}

fn read_record(folder: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()
}

fn write_record(folder: &RunFolder, record: &Record) -> Result<()> {
    let json = serde_json::to_vec_pretty(record)
        .map_err(|error| Error::Rendering { what: RECORD, message: error.to_string() })?;
    folder.write(RECORD, &json)
}
