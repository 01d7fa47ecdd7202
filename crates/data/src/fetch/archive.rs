//! Files out of a gzipped tar archive, by name.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use tar::Archive;

use super::{OnProgress, install};
use crate::cifar10::BatchFile;
use crate::{Error, Result};

/// Writes the `batches` in the archive `path` to `dir`, each verified. Other entries are ignored, and folders in the
/// archive's names too, so that nothing is written outside of `dir`.
pub(super) fn unpack(
    path: &Path,
    batches: &[BatchFile],
    dir: &Path,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let mut missing: Vec<&BatchFile> = batches.iter().collect();
    for_each_file(path, |name, content| match missing.iter().position(|batch| batch.name == name) {
        Some(found) => {
            let batch = missing.swap_remove(found);
            install(content, &|e| damaged(path, e), batch, dir, progress)
        }
        None => Ok(()),
    })?;
    match missing.first() {
        Some(batch) => Err(Error::format(path, "entries", batch.name, "no such file in the archive")),
        None => Ok(()),
    }
}

/// Calls `visit` with the name, without folders, and the content of every regular file in the archive `path`.
pub(super) fn for_each_file(
    path: &Path,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("look at", path))?.len();
    let content =
        GzDecoder::new(BufReader::new(file)).take(size.saturating_mul(MAX_RATIO).saturating_add(SLACK));
    let mut archive = Archive::new(content);
    for entry in archive.entries().map_err(|e| damaged(path, e))? {
        let mut entry = entry.map_err(|e| damaged(path, e))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
        if let Some(name) = name {
            visit(&name, &mut entry)?;
        }
    }
    Ok(())
}

/// No archive of images unpacks to more than this many times its size, and a little for small ones: what lies behind, as
/// in a gzip bomb, is not read.
const MAX_RATIO: u64 = 16;
const SLACK: u64 = 1 << 20;

fn damaged(path: &Path, error: io::Error) -> Error {
    Error::format(path, "entries", "a gzipped tar archive", error.to_string())
}
