//! Labels from numbers, one-hot rows and texts.

use std::collections::BTreeMap;
use std::fmt;

use mlprobe_data::missing::is_missing;

use super::labelled::{Labels, MAX_CLASSES, too_many_classes};
use super::problem::{Problem, shortened, wrong};

const NUMBER_THE_CLASSES: &str =
    "number the classes from 0, as numpy.unique(labels, return_inverse=True)[1] does";

/// A number as it stands in a file.
#[derive(Clone, Copy)]
pub enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    /// Rounded to the nearest float32.
    pub fn to_f32(self) -> f32 {
        match self {
            Self::Integer(x) => x as f32,
            Self::Float(x) => x as f32,
        }
    }

    /// As a class index: a whole number from 0 to 65,535.
    fn class(self) -> Option<u16> {
        match self {
            Self::Integer(x) => u16::try_from(x).ok(),
            Self::Float(x) if x.fract() == 0.0 && (0.0..MAX_CLASSES as f64).contains(&x) => Some(x as u16),
            Self::Float(_) => None,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(x) => x.fmt(f),
            Self::Float(x) if x.is_finite() && x.abs() >= 1e16 => write!(f, "{x:e}"),
            Self::Float(x) => x.fmt(f),
        }
    }
}

/// The error for a row without a label.
pub fn no_label<T>(actual: String) -> Result<T, Problem> {
    wrong("a label in every row", actual, "label or drop that row")
}

/// The label of a row.
pub fn label(row: usize, number: Number) -> Result<u16, Problem> {
    if matches!(number, Number::Float(x) if x.is_nan()) {
        return no_label(format!("NaN in row {row}"));
    }
    number.class().map_or_else(
        || {
            let expected = format!("labels that are whole numbers from 0 to {}", MAX_CLASSES - 1);
            wrong(expected, format!("{number} in row {row}"), NUMBER_THE_CLASSES)
        },
        Ok,
    )
}

/// A cell of one-hot labels.
pub fn cell(row: usize, number: Number) -> Result<u16, Problem> {
    match number.class() {
        Some(x @ 0..=1) => Ok(x),
        _ => not_one_hot(format!("{number} in row {row}")),
    }
}

/// The class of every row of `cells` (N, K), which `at` finds by row and class.
pub fn one_hot(n: usize, k: usize, at: impl Fn(usize, usize) -> u16) -> Result<Vec<u16>, Problem> {
    if k > MAX_CLASSES {
        return Err(too_many_classes(k));
    }
    let class = |row| {
        let mut ones = (0..k).filter(|&class| at(row, class) == 1);
        match (ones.next(), ones.next()) {
            (Some(class), None) => Ok(class as u16),
            (first, _) => {
                not_one_hot(format!("{} in row {row}", if first.is_none() { "no 1" } else { "several" }))
            }
        }
    };
    (0..n).map(class).collect()
}

fn not_one_hot<T>(actual: String) -> Result<T, Problem> {
    wrong("one label per row, or one-hot rows of zeros and a single 1", actual, NUMBER_THE_CLASSES)
}

/// Labels that are text, row by row.
pub struct Texts {
    /// Whether a text that stands for a missing value is a class.
    keep_na: bool,
    /// Classes in the order of their first rows.
    found: BTreeMap<String, u16>,
    rows: Vec<u16>,
}

impl Texts {
    pub fn new(keep_na: bool) -> Self {
        Self { keep_na, found: BTreeMap::new(), rows: Vec::new() }
    }

    /// Adds the label of the next row.
    pub fn push(&mut self, text: &str) -> Result<(), Problem> {
        let text = text.trim();
        let row = self.rows.len();
        if text.is_empty() {
            return no_label(format!("an empty one in row {row}"));
        }
        if !self.keep_na && is_missing(text) {
            let actual = format!("{text:?} in row {row}, which stands for a missing value");
            return wrong(
                "a label in every row",
                actual,
                "label or drop that row, or say with --keep-na that this is a class",
            );
        }
        let text = without_point(text);
        let class = match self.found.get(text) {
            Some(&class) => class,
            None => {
                let class =
                    u16::try_from(self.found.len()).map_err(|_| too_many_classes(self.found.len() + 1))?;
                self.found.insert(text.to_owned(), class);
                class
            }
        };
        self.rows.push(class);
        Ok(())
    }

    /// Class names are sorted by code point, and rows are indices into them.
    pub fn into_names(self) -> Labels {
        let mut index = vec![0; self.found.len()];
        for (sorted, &class) in self.found.values().enumerate() {
            index[usize::from(class)] = sorted as u16;
        }
        let indices = self.rows.iter().map(|&class| index[usize::from(class)]).collect();
        Labels { indices, names: Some(self.found.into_keys().collect()) }
    }

    /// As [`into_names`](Self::into_names), but if every text is a number, the labels are these numbers. A text such as
    /// `01` is a name, not a number, and so is the `nan` of somebody who means it.
    pub fn into_numbers_or_names(self) -> Result<Labels, Problem> {
        let number = |text: &String| {
            let digits = text.trim_start_matches('-');
            let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
            text.parse::<f64>().ok().filter(|_| !padded && !is_missing(text))
        };
        let numbers: Option<Vec<(u16, f64)>> =
            self.found.iter().map(|(text, &class)| Some((class, number(text)?))).collect();
        let Some(numbers) = numbers else { return Ok(self.into_names()) };
        let mut values = vec![0.0; numbers.len()];
        for (class, value) in numbers {
            values[usize::from(class)] = value;
        }
        let rows = self.rows.iter().enumerate();
        let indices: Result<_, _> =
            rows.map(|(row, &class)| label(row, Number::Float(values[usize::from(class)]))).collect();
        Ok(Labels { indices: indices?, names: None })
    }
}

/// A whole number without the decimal point that it has after a column was one of floats: `1.0` and `1` are one class in every
/// file. `1.50`, `01.0` and all other texts stay what they are.
fn without_point(text: &str) -> &str {
    let Some((whole, zeros)) = text.split_once('.') else { return text };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_whole = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
        && zeros.bytes().all(|byte| byte == b'0');
    match is_whole {
        true if digits == "0" => digits,
        true => whole,
        false => text,
    }
}

/// The error for bytes that are not text.
pub fn not_text<T>(row: usize, bytes: &[u8]) -> Result<T, Problem> {
    let actual = format!("\"{}\" in row {row}", shortened(&bytes.escape_ascii().to_string()));
    wrong("text in UTF-8", actual, "decode the labels before saving them: labels.astype(str)")
}
