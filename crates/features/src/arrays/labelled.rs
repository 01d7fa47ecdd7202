//! Features with labels as they were read, and the numbering of classes that several files share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use super::numbering::{called, is_bookkeeping, numbering, suspects, twins};
use super::problem::{Problem, listed, wrong};
use crate::Error;

/// The most classes, numbered from 0 to 65,535.
pub const MAX_CLASSES: usize = 1 << 16;

/// Which arrays or columns of a file to read, where their names do not tell, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The array, tensor or column of lists that holds the features. In a table with one column per feature, what the names of
    /// these columns begin with.
    pub features_key: Option<String>,
    /// The array, tensor or column that holds the labels.
    pub labels_key: Option<String>,
    /// Features whose elements are two bytes of unnamed type (`|V2`) or 16-bit integers are bfloat16.
    pub bfloat16: bool,
    /// Labels such as `NA`, `nan` and `None` are classes, not missing values. An empty label is always missing.
    pub keep_na: bool,
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
    /// The names of columns that are no features because they only number the rows.
    pub left_out: Vec<String>,
    /// What was done to the file's columns that its reader should know, in whole sentences that begin with the file.
    pub notes: Vec<String>,
}

impl LabelledArrays {
    /// Pairs features with labels, which must be as many, and leaves out features that only number the rows unless the options
    /// name the features. The problem comes with the place it is about.
    pub(super) fn new(
        path: &Path,
        features: Array2<f32>,
        labels: Labels,
        columns: Vec<String>,
        options: &Options,
    ) -> Result<Self, (String, Problem)> {
        let whole = |problem: Result<(), Problem>| {
            problem.map_err(|problem| ("features and labels".to_owned(), problem))
        };
        let (n, d) = features.dim();
        if features.is_empty() {
            let actual = format!("shape ({n}, {d})");
            whole(wrong("at least one row and one feature", actual, "save some examples"))?;
        }
        if labels.indices.len() != n {
            whole(wrong(
                format!("one label for each of {n} rows of features"),
                format!("{} labels", labels.indices.len()),
                "check that both are of the same examples",
            ))?;
        }
        let mut set =
            Self { path: path.into(), features, labels, columns, left_out: Vec::new(), notes: Vec::new() };
        if let Some((row, column)) = too_large(&set.features) {
            let actual = format!("{:e} in row {row}", set.features[[row, column]]);
            let expected =
                "numbers whose squares add up to less than 3.4e38 in every row, the largest float32";
            let next = "divide the features before you save them, or give them mean 0 and deviation 1";
            return wrong(expected, actual, next).map_err(|problem| (called(&set.columns, column), problem));
        }
        if options.features_key.is_none() {
            let numbering = numbering(set.features.view(), &set.columns)?;
            set.leave_out(&numbering, "only numbers the rows");
            for name in set.columns.clone().iter().filter(|name| is_bookkeeping(name)) {
                set.note(format!(
                    "column `{name}` is taken for a feature: remove it if it says what a row is for, or what it weighs"
                ));
            }
            for j in twins(set.features.view(), &set.labels.indices) {
                let column = called(&set.columns, j);
                set.note(format!(
                    "{column} tells the label of every row: remove it if it is the label in another form"
                ));
            }
            for j in suspects(set.features.view()) {
                let column = called(&set.columns, j);
                set.note(format!(
                    "{column} has another whole number in every row: remove it if it numbers rows"
                ));
            }
        }
        Ok(set)
    }

    /// Takes away these features, in ascending order, and says why: `COLUMN <why>`.
    fn leave_out(&mut self, which: &[usize], why: &str) {
        if which.is_empty() {
            return;
        }
        for &j in which {
            self.note(format!("{} is left out: it {why}", called(&self.columns, j)));
            self.left_out.extend(self.columns.get(j).cloned());
        }
        self.keep(&(0..self.features.ncols()).filter(|j| !which.contains(j)).collect::<Vec<_>>());
    }

    /// Keeps these features, in this order.
    fn keep(&mut self, which: &[usize]) {
        self.features = self.features.select(Axis(1), which);
        if !self.columns.is_empty() {
            self.columns = which.iter().map(|&j| self.columns[j].clone()).collect();
        }
    }

    /// Adds what the reader of the file should know.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(format!("{}: {note}", self.path.display()));
    }
}

/// Row and column of the largest number in the first row of `features` (N, D) whose sum of squares, which distances and
/// products consist of, is beyond float32.
fn too_large(features: &Array2<f32>) -> Option<(usize, usize)> {
    let squares = |row: ArrayView1<'_, f32>| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    let row = features.outer_iter().position(|row| squares(row) > f64::from(f32::MAX))?;
    let largest = (0..features.ncols()).max_by(|&a, &b| {
        let size = |column: usize| features[[row, column]].abs();
        size(a).total_cmp(&size(b))
    });
    Some((row, largest?))
}

/// Makes the columns of all files those of the first, in its order: leaves out what any of the files leaves out because it only
/// numbers the rows, and brings columns of the same names into the same order. Each file's notes say so.
///
/// # Errors
/// [`Error::Array`] for the first file whose columns have other names, with the difference.
///
/// ```
/// use mlprobe_features::arrays::{Options, match_columns, read_labelled};
///
/// let folder = tempfile::tempdir()?;
/// let (train, test) = (folder.path().join("train.csv"), folder.path().join("test.csv"));
/// std::fs::write(&train, "x,y,label\n0.5,1,dog\n1.5,2,cow\n")?;
/// std::fs::write(&test, "y,x,label\n4,0.25,dog\n")?;
///
/// let [train, test] = [train, test].map(|path| read_labelled(path, &Options::default()));
/// let mut files = [train?.main, test?.main];
/// match_columns(&mut files)?;
/// assert_eq!(files[1].columns, ["x", "y"]);
/// assert_eq!(files[1].features, ndarray::array![[0.25, 4.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn match_columns(files: &mut [LabelledArrays]) -> Result<(), Error> {
    let left_out: Vec<(String, PathBuf)> = files
        .iter()
        .flat_map(|file| file.left_out.iter().map(|name| (name.clone(), file.path.clone())))
        .collect();
    for file in files.iter_mut() {
        for (name, other) in &left_out {
            if let Some(j) = file.columns.iter().position(|column| column == name) {
                if file.columns.len() == 1 {
                    let actual = format!("only `{name}`, which numbers the rows in {}", other.display());
                    return wrong("at least one feature", actual, "name the features with --features-key")
                        .map_err(|problem| problem.at(&file.path, "features"));
                }
                file.leave_out(&[j], &format!("only numbers the rows in {}", other.display()));
            }
        }
    }
    let Some((first, others)) = files.split_first_mut() else { return Ok(()) };
    for file in others.iter_mut().filter(|file| !first.columns.is_empty() && !file.columns.is_empty()) {
        if file.columns == first.columns {
            continue;
        }
        let [mut expected, mut actual] = [&first.columns, &file.columns].map(|names| names.clone());
        expected.sort_unstable();
        actual.sort_unstable();
        if expected != actual || expected.windows(2).any(|pair| pair[0] == pair[1]) {
            let problem = other_columns(first, file);
            return Err(problem.at(&file.path, "features and labels"));
        }
        let place = |name: &String| file.columns.iter().position(|other| other == name);
        let order: Vec<usize> = first.columns.iter().filter_map(place).collect();
        file.keep(&order);
        file.note(format!(
            "its columns are in another order than those of {}, and were matched by their names",
            first.path.display()
        ));
    }
    Ok(())
}

/// The difference between the columns of two files.
fn other_columns(first: &LabelledArrays, file: &LabelledArrays) -> Problem {
    let without = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter().filter(|name| !others.contains(name)).cloned().collect()
    };
    let missing = without(&first.columns, &file.columns);
    let more = without(&file.columns, &first.columns);
    let actual = match (missing.is_empty(), more.is_empty()) {
        (true, true) => "a name that is there more than once, and another order".to_owned(),
        (false, true) => format!("all but {}", listed(&missing)),
        (true, false) => format!("also {}", listed(&more)),
        (false, false) => format!("{} in place of {}", listed(&more), listed(&missing)),
    };
    Problem::Wrong {
        expected: format!("the columns of {}", first.path.display()),
        actual,
        next: "give the features of all files the same names",
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
