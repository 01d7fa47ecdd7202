//! Features with labels as they were read, and the numbering of classes that several files share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::problem::{Problem, wrong};
use crate::Error;

/// The most classes, numbered from 0 to 65,535.
pub const MAX_CLASSES: usize = 1 << 16;

/// Which arrays or columns of a file to read, where their names do not tell, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The array, tensor or column of lists that holds the features. In a table with one column per feature, what the names of
    /// these columns begin with.
    pub features_key: Option<String>,
    /// The array, tensor or column that holds the labels.
    pub labels_key: Option<String>,
    /// Features whose elements are two bytes of unnamed type (`|V2`) or 16-bit integers are bfloat16.
    pub bfloat16: bool,
}

/// The labels of N examples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// (N), class indices.
    pub indices: Vec<u16>,
    /// The class of each index, if the file held text: sorted by code point and without repetition, as by `numpy.unique`.
    pub names: Option<Vec<String>>,
}

/// Features (N, D), all finite, with N labels; N and D are at least 1.
#[derive(Clone, Debug)]
pub struct LabelledArrays {
    /// The file that the features are from.
    pub path: PathBuf,
    /// (N, D).
    pub features: Array2<f32>,
    /// (N).
    pub labels: Labels,
    /// The names of the D columns, if the file is a table with one column per feature; else empty.
    pub columns: Vec<String>,
}

impl LabelledArrays {
    /// Pairs features with labels, which must be as many.
    pub(super) fn new(
        path: &Path,
        features: Array2<f32>,
        labels: Labels,
        columns: Vec<String>,
    ) -> Result<Self, Problem> {
        let (n, d) = features.dim();
        if features.is_empty() {
            return wrong(
                "at least one row and one feature",
                format!("shape ({n}, {d})"),
                "save some examples",
            );
        }
        if labels.indices.len() != n {
            let actual = format!("{} labels", labels.indices.len());
            return wrong(
                format!("one label for each of {n} rows of features"),
                actual,
                "check that both are of the same examples",
            );
        }
        Ok(Self { path: path.into(), features, labels, columns })
    }
}

/// Numbers the classes of all files of a comparison together: returns the labels of each file, and the K classes.
///
/// Text becomes indices into the sorted union of all class names, as scikit-learn's `LabelEncoder` numbers them. Labels that
/// are numbers stay what they are, and the classes are `0` to the largest label.
///
/// # Errors
/// [`Error::Array`] for the first file that differs from the one before it: in whether labels are text or numbers, in the
/// number of features, or in the names or the order of the columns that hold them; and for more than [`MAX_CLASSES`] names.
///
/// ```
/// use mlprobe_features::arrays::{Options, encode, read_labelled};
///
/// let folder = tempfile::tempdir()?;
/// let (train, test) = (folder.path().join("train.csv"), folder.path().join("test.csv"));
/// std::fs::write(&train, "x,label\n0.5,dog\n1.5,cow\n")?;
/// std::fs::write(&test, "x,label\n0.25,dog\n1.0,cat\n")?;
///
/// let [train, test] = [train, test].map(|path| read_labelled(path, &Options::default()));
/// let (labels, classes) = encode(&[&train?.main, &test?.main])?;
/// assert_eq!(classes, ["cat", "cow", "dog"]);
/// assert_eq!(labels, [[2, 1], [2, 0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(files: &[&LabelledArrays]) -> Result<(Vec<Vec<u16>>, Vec<String>), Error> {
    for pair in files.windows(2) {
        same_kind(pair[0], pair[1]).map_err(|problem| problem.at(&pair[1].path, "features and labels"))?;
    }
    let names: BTreeSet<&String> = files.iter().flat_map(|file| file.labels.names.iter().flatten()).collect();
    if names.len() > MAX_CLASSES
        && let Some(last) = files.last()
    {
        return Err(too_many_classes(names.len()).at(&last.path, "labels"));
    }
    if names.is_empty() {
        let labels: Vec<_> = files.iter().map(|file| file.labels.indices.clone()).collect();
        let largest = labels.iter().flatten().max().map_or(0, |&largest| usize::from(largest) + 1);
        return Ok((labels, (0..largest).map(|class| class.to_string()).collect()));
    }
    let names: Vec<&String> = names.into_iter().collect();
    let encoded = files.iter().map(|file| {
        let of_file = file.labels.names.iter().flatten();
        let index: Vec<u16> =
            of_file.map(|name| names.partition_point(|other| *other < name) as u16).collect();
        file.labels.indices.iter().map(|&class| index[usize::from(class)]).collect()
    });
    Ok((encoded.collect(), names.iter().map(|&name| name.clone()).collect()))
}

/// Whether two files can be compared.
fn same_kind(first: &LabelledArrays, second: &LabelledArrays) -> Result<(), Problem> {
    let in_first = |what: &str| format!("{what}, as in {}", first.path.display());
    let kind = |file: &LabelledArrays| if file.labels.names.is_some() { "text" } else { "numbers" };
    if kind(first) != kind(second) {
        let expected = in_first(&format!("labels that are {}", kind(first)));
        return wrong(expected, kind(second), "write the labels of all files in the same way");
    }
    let (d, other) = (first.features.ncols(), second.features.ncols());
    if d != other {
        let next = "compare features of the same extractor";
        return wrong(in_first(&format!("{d} features")), other.to_string(), next);
    }
    let differs = first.columns.iter().zip(&second.columns).position(|(a, b)| a != b);
    if let Some(i) = differs {
        let expected = in_first(&format!("`{}` in column {i} of the features", first.columns[i]));
        let actual = format!("`{}`", second.columns[i]);
        return wrong(expected, actual, "write the same columns in the same order");
    }
    Ok(())
}

pub(super) fn too_many_classes(classes: usize) -> Problem {
    Problem::Wrong {
        expected: format!("at most {MAX_CLASSES} classes"),
        actual: format!("at least {classes} different labels"),
        next: "check that this is the array or column of the labels",
    }
}
