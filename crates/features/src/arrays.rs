//! Features and labels in NumPy's files, `.npy` and `.npz`.
//!
//! An `.npz` file holds the features (N, D) as `features` and the labels (N) as `labels`; `X` and `y`, as scikit-learn
//! calls them, are understood too. An `.npy` file holds one array, so features and labels take two.
//!
//! Features are float32 or float64, integers or booleans, and become `f32`; labels are integers 0 to 255 of any type.
//! Either order in memory and of bytes will do. Nothing is unpickled: arrays of Python objects are refused. Memory is
//! set aside for what a file holds, not for what its header claims.
//!
//! ```
//! use mlprobe_features::arrays::{read_features, read_labels, write_npz};
//! use ndarray::array;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("train.npz");
//! write_npz(&path, array![[0.5_f32, 1.0], [0.0, 2.0], [3.0, 0.25]].view(), &[0, 1, 1])?;
//!
//! assert_eq!(read_features(&path)?.dim(), (3, 2));
//! assert_eq!(read_labels(&path)?, [0, 1, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same in Python: `numpy.savez("train.npz", features=features, labels=labels)`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ndarray::{Array1, Array2, ArrayView2};
use ndarray_npy::NpzWriter;
use zip::ZipArchive;

use crate::Error;
use crate::npy::{MAGIC, Npy, Problem};

/// Names of the features in an `.npz` file, ours first.
const FEATURES: [&str; 2] = ["features", "X"];
/// Names of the labels in an `.npz` file, ours first.
const LABELS: [&str; 2] = ["labels", "y"];
/// Deflate makes at most so many bytes of one.
const DEFLATE_RATIO: u64 = 1032;

/// Reads features (N, D), finite, from an `.npz` file or from an `.npy` file that holds nothing else.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Array`] naming what in it is wrong.
pub fn read_features(path: impl AsRef<Path>) -> Result<Array2<f32>, Error> {
    read(path.as_ref(), &FEATURES, |array| array.features())
}

/// Reads labels (N) from an `.npz` file or from an `.npy` file that holds nothing else.
///
/// # Errors
/// As [`read_features`].
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u8>, Error> {
    read(path.as_ref(), &LABELS, |array| array.labels())
}

/// Writes `features` (N, D) as float32 and `labels` (N) as int64 to an `.npz` file, which appears under its name only when
/// it is whole. Equal arrays give equal bytes.
///
/// # Errors
/// [`Error::Shape`] if there is not a label for each row; [`Error::Io`].
pub fn write_npz(path: impl AsRef<Path>, features: ArrayView2<'_, f32>, labels: &[u8]) -> Result<(), Error> {
    let path = path.as_ref();
    if features.nrows() != labels.len() {
        return Err(Error::Shape {
            operation: "writing features and labels",
            expected: format!("a label for each of {} rows", features.nrows()),
            actual: labels.len().to_string(),
        });
    }
    let write = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut file = mlprobe_files::beside(path)?;
        let mut npz = NpzWriter::new(BufWriter::new(file.as_file_mut()));
        npz.add_array(FEATURES[0], &features)?;
        npz.add_array(LABELS[0], &labels.iter().map(|&label| i64::from(label)).collect::<Array1<_>>())?;
        npz.finish()?.flush()?;
        Ok(mlprobe_files::persist(file, path)?)
    };
    write().map_err(|error| Error::Io {
        operation: "writing",
        path: path.into(),
        source: error.downcast().map_or_else(io::Error::other, |error| *error),
    })
}

/// Takes an array out of a file: the only one of an `.npy` file, of an `.npz` file the first found of these names.
fn read<T>(
    path: &Path,
    names: &[&str],
    take: impl FnOnce(Npy<&mut dyn Read>) -> Result<T, Problem>,
) -> Result<T, Error> {
    let io = |source| Error::Io { operation: "reading", path: path.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut start = Vec::new();
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut start).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut file = BufReader::new(file);
    let (name, taken) = match start.starts_with(b"PK") {
        false => (names[0], Npy::open(&mut file as &mut dyn Read, size, size).and_then(take)),
        true => read_member(&mut file, size, names, take),
    };
    let wrong = |expected, actual, next| Error::Array {
        path: path.into(),
        array: name.into(),
        expected,
        actual,
        next,
    };
    taken.map_err(|problem| match problem {
        Problem::Wrong { expected, actual, next } => wrong(expected, actual, next),
        Problem::Read(source) if source.raw_os_error().is_some() => io(source),
        // Not from the system, but from what unpacks an archive, or from the end of the file.
        Problem::Read(source) => {
            let actual = match source.kind() {
                io::ErrorKind::UnexpectedEof => "the end of the file".into(),
                _ => source.to_string(),
            };
            wrong("all of its numbers".into(), actual, "write the file again")
        }
    })
}

/// Takes the first found of `names` out of an `.npz` file of `size` bytes, and says which it was.
fn read_member<'n, T>(
    file: &mut BufReader<File>,
    size: u64,
    names: &[&'n str],
    take: impl FnOnce(Npy<&mut dyn Read>) -> Result<T, Problem>,
) -> (&'n str, Result<T, Problem>) {
    let mut name = names[0];
    let find = || {
        let mut archive = ZipArchive::new(file).map_err(damaged)?;
        let found =
            names.iter().find_map(|name| Some((*name, archive.index_for_name(&format!("{name}.npy"))?)));
        let Some((found, index)) = found else {
            let mut held: Vec<_> = archive.file_names().map(|name| name.trim_end_matches(".npy")).collect();
            held.sort_unstable();
            return Err(Problem::Wrong {
                expected: format!("an array of this name, or `{}`", names[1..].join("`, `")),
                actual: if held.is_empty() { "no array".into() } else { format!("`{}`", held.join("`, `")) },
                next: "save it as numpy.savez(file, features=features, labels=labels)",
            });
        };
        name = found;
        let mut member = archive.by_index(index).map_err(damaged)?;
        let (whole, stored) = (member.size(), member.compressed_size());
        if stored > size || whole > stored.saturating_mul(DEFLATE_RATIO) {
            return Err(Problem::Wrong {
                expected: format!("at most {size} bytes, the whole file's, before it is unpacked"),
                actual: format!("{stored} bytes that make {whole}"),
                next: "write the file again",
            });
        }
        Npy::open(&mut member as &mut dyn Read, whole, stored).and_then(take)
    };
    let taken = find();
    (name, taken)
}

fn damaged(error: zip::result::ZipError) -> Problem {
    match error {
        zip::result::ZipError::Io(error) => Problem::Read(error),
        error => Problem::Wrong {
            expected: "a whole .npz file".into(),
            actual: error.to_string(),
            next: "write the file again",
        },
    }
}
