//! Labelled features in files: NumPy's `.npz` and `.npy`, safetensors, tables of text, and Parquet (feature `parquet`).
//!
//! | file | features (N, D) | labels (N) |
//! |---|---|---|
//! | `.npz`, safetensors | an array `features`, `X`, `embeddings`, `data` or the like | an array `labels`, `y`, `targets` or the like |
//! | two `.npy` files ([`read_pair`]) | the only array of the first | the only array of the second |
//! | `.csv`, `.tsv` | one column per feature; the first line tells `,` from `;`, tabs and `|` | a column `label`, `y`, `target`, `class` or the like |
//! | Parquet | one column of lists, or one column per feature | likewise |
//!
//! Names are understood in upper and lower case and in singular and plural, `numpy.savez(file, features, labels)` too
//! (`arr_0`, `arr_1`). A file may hold a training and a test set, `X_train`, `y_train`, `X_test` and `y_test`. Where names do
//! not tell, nothing is guessed: the error lists what is there, and [`Options`] say which is which.
//!
//! Features are numbers of any type, float16 and bfloat16 too, and become `f32`. A column that only numbers the rows is no
//! feature: the index of a pandas data frame, whole numbers under a name such as `id`, and, in 10 rows or more, a column that
//! holds each of 0 to N - 1 or of 1 to N once. It is left out, and [`LabelledArrays::notes`] say so, unless
//! [`Options::features_key`] names the features. A `y` behind `x` among other columns is a place and no label. A column that tells
//! the label of every row, or has a name such as `split`, stays, and the notes name it. [`match_columns`] brings the columns of
//! several tables into one order.
//!
//! Labels are whole numbers from 0 to 65,535 of any type, of shape (N), (N, 1) or (1, N), or one-hot (N, K), or text, whose
//! classes are sorted as by `numpy.unique`; [`encode`] numbers the classes of several files together. The texts `1` and `1.0`
//! are one class, `01` is another. Texts such as `NA`, `nan` and `None` are missing values unless [`Options::keep_na`] says
//! that they are classes. Any order of bytes and of axes in memory will do. Missing values, infinity, numbers too large for
//! sums of squares in `f32`, negative or broken labels and different lengths are errors that name file, array and row. Nothing is
//! unpickled: arrays of Python objects are refused. Memory is set aside for what a file holds, not for what its header claims.
//!
//! ```
//! use mlprobe_features::arrays::{Options, read_labelled, write_npz};
//! use ndarray::array;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("train.npz");
//! write_npz(&path, array![[0.5_f32, 1.0], [0.0, 2.0], [3.0, 0.25]].view(), &[0, 1, 1])?;
//!
//! let train = read_labelled(&path, &Options::default())?.main;
//! assert_eq!(train.features.dim(), (3, 2));
//! assert_eq!(train.labels.indices, [0, 1, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same in Python: `numpy.savez("train.npz", features=features, labels=labels)`.

mod archive;
mod csv;
mod kinds;
mod labelled;
mod labels;
mod names;
mod npy;
mod numbering;
#[cfg(feature = "parquet")]
mod pages;
#[cfg(feature = "parquet")]
mod parquet;
mod problem;
mod table;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use ndarray::{Array1, ArrayView2};
use ndarray_npy::NpzWriter;

pub use labelled::{LabelledArrays, Labels, MAX_CLASSES, Options, encode, match_columns};

use crate::Error;
use archive::Archive;
use names::{Found, Kind, Pair};
#[cfg(feature = "images")]
pub(crate) use problem::shortened;
use problem::{Problem, wrong};

/// What a file holds.
#[derive(Clone, Debug)]
pub struct LabelledFile {
    /// Its only set of examples, or the training set.
    pub main: LabelledArrays,
    /// The test set, if there is one beside the training set.
    pub test: Option<LabelledArrays>,
}

/// Reads features and labels from one file of any kind but `.npy`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Array`] naming what in it is wrong.
pub fn read_labelled(path: impl AsRef<Path>, options: &Options) -> Result<LabelledFile, Error> {
    let path = path.as_ref();
    if let Some(main) = read_table(path, options) {
        return Ok(LabelledFile { main: main?, test: None });
    }
    let whole = |problem: Problem| problem.at(path, "features and labels");
    let mut archive = open(path)?;
    if matches!(archive, Archive::Npy(..)) {
        let next = "give features and labels as two files, or as one .npz file";
        return wrong("two arrays", "an .npy file, which holds one", next).map_err(whole);
    }
    let names = archive.names().map_err(whole)?;
    let Found { main, test } =
        names::find(&names, options).map_err(|(kind, problem)| problem.at(path, kind.name()))?;
    let mut take = |[features, labels]: &Pair| {
        let taken = archive.array(features, |array| array.features(options.bfloat16));
        let features = taken.map_err(|problem| problem.at(path, features))?;
        let taken = archive.array(labels, |array| array.labels(features.nrows(), options));
        let labels = taken.map_err(|problem| problem.at(path, labels))?;
        LabelledArrays::new(path, features, labels, Vec::new(), options)
            .map_err(|(place, problem)| problem.at(path, &place))
    };
    Ok(LabelledFile { main: take(&main)?, test: test.as_ref().map(take).transpose()? })
}

/// Reads features from one file and labels from another, each `.npy`, `.npz` or safetensors.
///
/// # Errors
/// As [`read_labelled`].
pub fn read_pair(
    features: impl AsRef<Path>,
    labels: impl AsRef<Path>,
    options: &Options,
) -> Result<LabelledArrays, Error> {
    let path = features.as_ref();
    let features = read_one(path, Kind::Features, options, |archive, name| {
        archive.array(name, |array| array.features(options.bfloat16))
    })?;
    let labels = read_one(labels.as_ref(), Kind::Labels, options, |archive, name| {
        archive.array(name, |array| array.labels(features.nrows(), options))
    })?;
    LabelledArrays::new(path, features, labels, Vec::new(), options)
        .map_err(|(place, problem)| problem.at(path, &place))
}

/// Writes `features` (N, D) as float32 and `labels` (N) as int64 to an `.npz` file, which appears under its name only when
/// it is whole. Equal arrays give equal bytes.
///
/// # Errors
/// [`Error::Shape`] if there is not one label per row; [`Error::Io`].
pub fn write_npz(path: impl AsRef<Path>, features: ArrayView2<'_, f32>, labels: &[u16]) -> Result<(), Error> {
    let path = path.as_ref();
    if features.nrows() != labels.len() {
        return Err(Error::Shape {
            operation: "writing features and labels",
            expected: format!("one label for each of {} rows", features.nrows()),
            actual: labels.len().to_string(),
        });
    }
    let write = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut file = mlprobe_files::beside(path)?;
        let mut npz = NpzWriter::new(BufWriter::new(file.as_file_mut()));
        npz.add_array(Kind::Features.name(), &features)?;
        npz.add_array(
            Kind::Labels.name(),
            &labels.iter().map(|&label| i64::from(label)).collect::<Array1<_>>(),
        )?;
        npz.finish()?.flush()?;
        Ok(mlprobe_files::persist(file, path)?)
    };
    write().map_err(|error| Error::Io {
        operation: "writing",
        path: path.into(),
        source: error.downcast().map_or_else(io::Error::other, |error| *error),
    })
}

/// The table in a file; `None` if it is not a table.
fn read_table(path: &Path, options: &Options) -> Option<Result<LabelledArrays, Error>> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut start));
    if read.is_ok() && start == b"PAR1" {
        return Some(read_parquet(path, options));
    }
    let extension = path.extension().unwrap_or_default();
    let has = |known: &str| extension.eq_ignore_ascii_case(known);
    (has("csv") || has("tsv")).then(|| csv::read(path, has("tsv"), options))
}

#[cfg(feature = "parquet")]
fn read_parquet(path: &Path, options: &Options) -> Result<LabelledArrays, Error> {
    parquet::read(path, options)
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(path: &Path, _options: &Options) -> Result<LabelledArrays, Error> {
    let next = "build with the cargo feature `parquet`, or save the arrays as .npz";
    wrong("a program that reads Parquet", "one that was built without it", next)
        .map_err(|problem| problem.at(path, "the table"))
}

/// The file of arrays at `path`.
fn open(path: &Path) -> Result<Archive, Error> {
    Archive::open(path).map_err(|problem| problem.at(path, "features and labels"))
}

/// Takes the array of this `kind` out of a file.
fn read_one<T>(
    path: &Path,
    kind: Kind,
    options: &Options,
    take: impl FnOnce(&mut Archive, &str) -> Result<T, Problem>,
) -> Result<T, Error> {
    let mut archive = open(path)?;
    let names = archive.names();
    let is_npy = matches!(archive, Archive::Npy(..));
    let default = Options::default();
    let name = names.and_then(|names| {
        // The array of an .npy file has no name to ask for.
        names::pick(&names, kind, if is_npy { &default } else { options }).map(str::to_owned)
    });
    let taken = name.and_then(|name| take(&mut archive, &name));
    taken.map_err(|problem| problem.at(path, kind.name()))
}
