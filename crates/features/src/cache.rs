//! Features on disk, named after what they were made from.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use ndarray_npy::{ReadNpyExt, WriteNpyError, WriteNpyExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;

/// A folder of feature matrices. Each is an `.npy` file that NumPy reads, beside a `.json` file with its key and its
/// SHA-256; both are named after the key's digest.
///
/// Files are written under another name, renamed when they are whole, and checked when they are read. A damaged file is
/// renamed to end in `.damaged`, and its features are extracted again. Processes may share a folder: when several need the
/// same features at the same time, one extracts them and the others wait. Users may share it too: where one has made files that
/// another may not read, the other extracts the features and does not keep them.
///
/// Beside each entry stays an empty `.lock` file. It is never removed, not even after an error: a process that waits for a lock
/// that is gone would work at the same time as one that makes a new lock.
///
/// ```
/// use mlprobe_features::{Error, FeatureCache, Origin};
/// use ndarray::Array2;
///
/// let folder = tempfile::tempdir()?;
/// let cache = FeatureCache::new(folder.path());
/// let key = [("dataset", "two images"), ("extractor", "zeros")];
/// for expected in [Origin::Extracted, Origin::Cached] {
///     let (features, origin) = cache.get_or_extract(&key, || Ok::<_, Error>(Array2::zeros((2, 512))))?;
///     assert_eq!((features.dim(), origin), ((2, 512), expected));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FeatureCache {
    folder: PathBuf,
}

/// Where features came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// They were on disk, and whole.
    Cached,
    /// They were not on disk; they have been extracted and stored.
    Extracted,
    /// The file on disk was damaged; it has been renamed, and the features have been extracted again.
    Rebuilt {
        /// The damaged file under its new name.
        set_aside: PathBuf,
    },
    /// Files on disk may not be read or replaced, perhaps because they are another user's; the features have been extracted and
    /// not stored.
    NotKept {
        /// The file that is in the way.
        path: PathBuf,
    },
}

/// The content of the file beside a matrix.
#[derive(Serialize, Deserialize, PartialEq)]
struct Sidecar {
    key: Vec<(String, String)>,
    sha256: String,
}

impl FeatureCache {
    /// A cache in `folder`, which is created when the first features are stored.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The features (N, D) of `key`: from disk if they are there and undamaged, otherwise from `extract`.
    ///
    /// The key must name everything that the features depend on: images, transforms with their seed, extractor.
    ///
    /// # Errors
    /// Whatever `extract` returns; [`Error::Io`] if the folder cannot be read or written.
    pub fn get_or_extract<E: From<Error>>(
        &self,
        key: &[(&str, &str)],
        extract: impl FnOnce() -> Result<Array2<f32>, E>,
    ) -> Result<(Array2<f32>, Origin), E> {
        let key: Vec<(String, String)> =
            key.iter().map(|&(name, value)| (name.to_string(), value.to_string())).collect();
        let path = self.path(&key);
        let (features, origin) = match self.turn(&path, &key) {
            Ok(Turn::Found(features)) => return Ok((features, Origin::Cached)),
            Ok(Turn::Extract { origin, _lock }) => {
                let features = extract()?;
                match write(&path, key, &features) {
                    Ok(()) => (features, origin),
                    Err(error) => (features, not_kept(error)?),
                }
            }
            Err(error) => {
                let origin = not_kept(error)?;
                (extract()?, origin)
            }
        };
        Ok((features, origin))
    }

    /// The features of `key` if they are there, or else the right to extract them.
    fn turn(&self, path: &Path, key: &[(String, String)]) -> Result<Turn, Error> {
        if let Found::Whole(features) = read(path, key)? {
            return Ok(Turn::Found(features));
        }
        fs::create_dir_all(&self.folder).map_err(Error::io("creating", &self.folder))?;
        let lock_path = path.with_extension("lock");
        let _lock = mlprobe_files::lock(&lock_path).map_err(Error::io("locking", &lock_path))?;
        Ok(match read(path, key)? {
            Found::Whole(features) => Turn::Found(features),
            Found::Nothing => Turn::Extract { origin: Origin::Extracted, _lock },
            Found::Damaged => {
                let set_aside = path.with_extension("npy.damaged");
                fs::rename(path, &set_aside).map_err(Error::io("setting aside", path))?;
                Turn::Extract { origin: Origin::Rebuilt { set_aside }, _lock }
            }
        })
    }

    fn path(&self, key: &[(String, String)]) -> PathBuf {
        let mut digest = Sha256::new();
        for part in key.iter().flat_map(|(name, value)| [name, value]) {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        self.folder.join(format!("{}.npy", &mlprobe_files::hex(&digest.finalize())[..32]))
    }
}

/// What there is to do about an entry.
enum Turn {
    /// Nothing: these are its features.
    Found(Array2<f32>),
    /// To extract its features and write them, for which one process at a time has the lock.
    Extract {
        origin: Origin,
        /// The system releases the lock when the file is closed, also that of a process that was killed.
        _lock: File,
    },
}

/// An entry that is there and may not be used is no reason to end; that nothing may be written at all is one.
fn not_kept(error: Error) -> Result<Origin, Error> {
    match error {
        Error::Io { path, source, .. } if source.kind() == ErrorKind::PermissionDenied && path.is_file() => {
            Ok(Origin::NotKept { path })
        }
        other => Err(other),
    }
}

/// Writes the matrix first, then the sidecar that confirms it: a kill in between leaves a matrix that is not used.
fn write(path: &Path, key: Vec<(String, String)>, features: &Array2<f32>) -> Result<(), Error> {
    let mut sha256 = String::new();
    write_whole(path, |part| {
        let mut file = BufWriter::new(File::create(part)?);
        features.write_npy(&mut file).map_err(|error| match error {
            WriteNpyError::Io(error) => error,
            other => io::Error::other(other),
        })?;
        file.flush()?;
        sha256 = mlprobe_files::sha256(part)?;
        Ok(())
    })?;
    write_whole(&path.with_extension("json"), |part| {
        fs::write(part, serde_json::to_vec_pretty(&Sidecar { key, sha256 })?)
    })
}

/// Writes a file under another name, which is always the same: the next attempt overwrites what a kill has left.
fn write_whole(path: &Path, content: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Error> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    // That of another user can perhaps not be written to, but removed.
    if part.exists() && File::options().append(true).open(part).is_err() {
        fs::remove_file(part).map_err(Error::io("removing", part))?;
    }
    content(part).and_then(|()| mlprobe_files::rename(part, path)).map_err(|error| {
        // This frees room on a full disk. What cannot be removed is overwritten by the next attempt.
        let _ = fs::remove_file(part);
        Error::io("writing", path)(error)
    })
}

enum Found {
    Whole(Array2<f32>),
    Damaged,
    Nothing,
}

/// Reads the matrix twice: first for its digest, then to parse it. Only verified bytes are parsed, and memory holds one copy.
fn read(path: &Path, key: &[(String, String)]) -> Result<Found, Error> {
    let (Some(sha256), Some(sidecar)) = (
        if_there(path, mlprobe_files::sha256(path))?,
        if_there(&path.with_extension("json"), fs::read(path.with_extension("json")))?,
    ) else {
        return Ok(Found::Nothing);
    };
    let sidecar: Option<Sidecar> = serde_json::from_slice(&sidecar).ok();
    if sidecar.is_none_or(|sidecar| sidecar.key != key || sidecar.sha256 != sha256) {
        return Ok(Found::Damaged);
    }
    let file = File::open(path).map_err(Error::io("reading", path))?;
    Ok(Array2::read_npy(BufReader::new(file)).map_or(Found::Damaged, Found::Whole))
}

fn if_there<T>(path: &Path, read: io::Result<T>) -> Result<Option<T>, Error> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", path)(error)),
    }
}
