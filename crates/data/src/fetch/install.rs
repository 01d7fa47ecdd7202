//! One file of CIFAR-10, written and verified.

use std::io::{self, Read};
use std::path::Path;

use super::progress::{OnProgress, Progress};
use crate::cifar10::BatchFile;
use crate::{Error, Result, files};

/// Writes `source` as the file `batch` in `dir`, if it is that file. Errors in reading become what `unreadable` makes
/// of them.
pub(super) fn install(
    source: &mut dyn Read,
    unreadable: &dyn Fn(io::Error) -> Error,
    batch: &BatchFile,
    dir: &Path,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let path = dir.join(batch.name);
    let mut file = mlprobe_files::beside(&path).map_err(Error::io("create a file beside", &path))?;
    let label = format!("writing {}", batch.name);
    let mut on_bytes = |done| progress(Progress { label: &label, done, total: Some(batch.size) });
    // One byte more than expected tells a source that is too long, however long it is.
    let mut source = source.take(batch.size + 1);
    files::copy(&mut source, unreadable, file.as_file_mut(), &path, 0, &mut on_bytes)?;
    files::check(file.path(), batch.size, batch.sha256).map_err(|error| error.of(&path))?;
    mlprobe_files::persist(file, &path).map_err(Error::io("write", &path))
}
