//! Tables: a column of labels, and the features in one column of lists or in one column per feature.

use ndarray::Array2;

use super::labelled::Options;
use super::labels::Number;
use super::names::{Kind, recognise};
use super::problem::{Problem, listed, wrong};

/// What is in a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Column {
    /// Numbers, or text that may be numbers.
    Plain,
    /// Lists of numbers.
    List,
    /// Something that cannot be features.
    Other,
}

/// The columns that are read, by index.
#[derive(Debug, PartialEq)]
pub struct Chosen {
    pub label: usize,
    /// One column of lists, or at least one of numbers.
    pub features: Vec<usize>,
}

/// Which columns are features and label. Those of the `index` of a data frame are no features unless one is asked for by its
/// whole name. The problem comes with the column, or the kind, it is about.
pub fn choose(
    names: &[String],
    kinds: &[Column],
    index: &[String],
    options: &Options,
) -> Result<Chosen, (String, Problem)> {
    let label = label(names, options).map_err(|problem| ("labels".to_owned(), problem))?;
    let is_index = |name: &String| index.contains(name) && options.features_key.as_ref() != Some(name);
    let others: Vec<usize> = (0..names.len()).filter(|&i| i != label && !is_index(&names[i])).collect();
    let lists: Vec<usize> = others.iter().copied().filter(|&i| kinds[i] == Column::List).collect();
    let features = match &options.features_key {
        Some(key) => match lists.iter().find(|&&i| names[i] == *key) {
            Some(&list) => vec![list],
            None => others.iter().copied().filter(|&i| names[i].starts_with(key.as_str())).collect(),
        },
        None => {
            let known = |&&i: &&usize| matches!(recognise(&names[i]), Some((Kind::Features, _)));
            let known: Vec<usize> = lists.iter().filter(known).copied().collect();
            match (lists.len(), known.len()) {
                (0, _) => others,
                (1, _) => lists,
                (_, 1) => known,
                _ => vec![],
            }
        }
    };
    if features.is_empty() {
        let expected = match &options.features_key {
            Some(key) => format!("columns whose names begin with `{key}`"),
            None => "one column of lists, or one column per feature".into(),
        };
        let next = "say which columns they are with --features-key";
        return Err(("features".into(), Problem::Wrong { expected, actual: listed(names), next }));
    }
    for &i in &features {
        if kinds[i] == Column::Other {
            let next = "leave this column out, or name the others with --features-key";
            let problem = wrong("numbers", "something else", next);
            return problem.map_err(|problem| (format!("column `{}`", names[i]), problem));
        }
    }
    Ok(Chosen { label, features })
}

fn label(names: &[String], options: &Options) -> Result<usize, Problem> {
    let is_label = |name: &String| match &options.labels_key {
        Some(key) => name == key,
        None => matches!(recognise(name), Some((Kind::Labels, _))),
    };
    let mut found: Vec<usize> = (0..names.len()).filter(|&i| is_label(&names[i])).collect();
    let is_beside_x = found.len() > 1 && names.iter().any(|name| is(name, "x"));
    if options.labels_key.is_none() && (is_beside_x || is_coordinates(names)) {
        found.retain(|&i| !is(&names[i], "y"));
    }
    match found[..] {
        [label] => Ok(label),
        _ => wrong(
            match &options.labels_key {
                Some(key) => format!("one column `{key}`"),
                None => {
                    "one column of labels, under a name such as label, y or target, in the first line".into()
                }
            },
            listed(names),
            "say which one it is with --labels-key",
        ),
    }
}

/// Whether `y` comes behind `x` among other columns: then it may be a place, as in `x, y, z`.
fn is_coordinates(names: &[String]) -> bool {
    let others = names.iter().filter(|name| !name.is_empty()).count() > 2;
    others && names.windows(2).any(|pair| is(&pair[0], "x") && is(&pair[1], "y"))
}

fn is(name: &str, letter: &str) -> bool {
    name.trim().eq_ignore_ascii_case(letter)
}

/// Features that arrive row by row.
#[derive(Default)]
pub struct Rows {
    values: Vec<f32>,
    /// D, once a row is there.
    dim: usize,
    rows: usize,
}

impl Rows {
    /// The index of the row that is being read.
    pub fn row(&self) -> usize {
        self.rows
    }

    /// Adds a feature to the row.
    pub fn push(&mut self, number: Number) -> Result<(), Problem> {
        let value = number.to_f32();
        if !value.is_finite() {
            let actual = format!("{number} in row {}", self.rows);
            return wrong("finite numbers within the range of float32", actual, "correct or drop that row");
        }
        self.values.push(value);
        Ok(())
    }

    /// Ends the row, which must be as long as the first.
    pub fn end_row(&mut self) -> Result<(), Problem> {
        let dim = self.values.len() - self.dim * self.rows;
        if self.rows > 0 && dim != self.dim {
            let expected = format!("{} features in every row", self.dim);
            return wrong(expected, format!("{dim} in row {}", self.rows), "correct or drop that row");
        }
        self.dim = dim;
        self.rows += 1;
        Ok(())
    }

    /// (N, D).
    pub fn into_features(self) -> Result<Array2<f32>, Problem> {
        Array2::from_shape_vec((self.rows, self.dim), self.values)
            .or_else(|error| wrong("a matrix", error.to_string(), super::problem::WRITE_AGAIN))
    }
}
