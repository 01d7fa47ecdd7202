//! The rows of a table in any of the forms in which image sets come with one.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use csv::{ReaderBuilder, Trim};
use serde_json::{Map, Value};

use super::names::{part_of, text_of};
use crate::folder_tree::is_image;
use crate::{Error, Result};

/// Rows of as many fields each, without white space around them.
pub(super) type Rows = Vec<Vec<String>>;

/// The file of CUB-200 that says which images are for training.
pub(super) const CUB_SPLIT: &str = "train_test_split.txt";
/// The file of CUB-200 that names the classes of images.
const CUB_LABELS: &str = "image_class_labels.txt";

/// Whether the file's name is that of a table of images, or of a list of them.
pub(super) fn is_table(path: &Path) -> bool {
    let [name, stem] =
        [path.file_name(), path.file_stem()].map(|name| text_of(name.unwrap_or_default()).to_lowercase());
    match ending(path).as_str() {
        // Predictions to hand in, as competitions have them, are no labels.
        "csv" | "tsv" => !name.contains("submission"),
        "jsonl" | "ndjson" => true,
        // One of a few for the whole set, not one per image, as those of boxes are.
        "txt" => {
            let of_lists =
                ["list", "lists", "lst", "file", "files", "label", "labels", "annotation", "annotations"];
            let is_list =
                |words: &str| words.split(' ').all(|word| word.is_empty() || of_lists.contains(&word));
            name == CUB_LABELS
                || is_annotations(path)
                || is_list(&stem.replace(['_', '-'], " "))
                // DTD has `train1.txt` to `train10.txt`; `train_0001.txt` is of one image.
                || part_of(&stem).is_some_and(|(_, rest)| is_list(&rest) || rest.len() < 3 && rest.parse::<u8>().is_ok())
        }
        _ => false,
    }
}

/// Tiny ImageNet's `val_annotations.txt`.
pub(super) fn is_annotations(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with("annotations.txt"))
}

fn ending(path: &Path) -> String {
    path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase()
}

/// All rows of the file `path`; the first may be headers.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Io`] if it cannot be read; [`Error::Table`] if rows differ in length.
pub(super) fn rows(path: &Path) -> Result<Rows> {
    match ending(path).as_str() {
        "jsonl" | "ndjson" => objects(path),
        "txt" => {
            let lines = lines(path)?;
            if path.file_name().is_some_and(|name| name == CUB_LABELS) {
                return cub(path);
            }
            if lines.first().is_some_and(|line| line.contains(['\t', ',', ';'])) {
                separated(path)
            } else {
                Ok(listed(lines))
            }
        }
        _ => separated(path),
    }
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let text = fs::read(path).map_err(Error::io("read", path))?;
    let text =
        String::from_utf8(text).map_err(|e| Error::table(path, "text", "a table in UTF-8", e.to_string()))?;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

/// Lines with a path and, after a blank, a label; or with a path only.
fn listed(lines: Vec<String>) -> Rows {
    let pairs: Option<Rows> = lines
        .iter()
        .map(|line| {
            let (name, label) = name_and_label(line)?;
            Some(vec![name.trim_end().to_owned(), label.trim_start().to_owned()])
        })
        .collect();
    pairs.unwrap_or_else(|| lines.into_iter().map(|line| vec![line]).collect())
}

/// A path and a label, either of which may have blanks in it: the path ends where its ending does, or, without one, at the first
/// blank if there are words behind it, as in `1025794 Boeing 707`, and else at the last.
fn name_and_label(line: &str) -> Option<(&str, &str)> {
    let blanks = || line.match_indices(char::is_whitespace).map(|(at, _)| line.split_at(at));
    let whole = || blanks().find(|(name, _)| is_image(Path::new(name)));
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let first = || blanks().next().filter(|(_, label)| !label.split_whitespace().all(is_number));
    whole().or_else(first).or_else(|| line.rsplit_once(char::is_whitespace))
}

/// The second field of each line of a file in the folder of `path`, by the first.
fn numbered(path: &Path, name: &str) -> Result<HashMap<String, String>> {
    let of_line = |line: String| {
        let (number, rest) = line.split_once(char::is_whitespace)?;
        Some((number.to_owned(), rest.trim().to_owned()))
    };
    Ok(lines(&path.with_file_name(name))?.into_iter().filter_map(of_line).collect())
}

/// CUB-200: images, their classes and which are for training, by the numbers of images.
fn cub(path: &Path) -> Result<Rows> {
    let (images, labels) = (numbered(path, "images.txt")?, numbered(path, CUB_LABELS)?);
    let names = numbered(path, "classes.txt").unwrap_or_default();
    let trains = numbered(path, CUB_SPLIT).unwrap_or_default();
    let mut rows: Rows = labels
        .into_iter()
        .filter_map(|(number, class)| {
            let mut row = vec![images.get(&number)?.clone(), names.get(&class).cloned().unwrap_or(class)];
            if !trains.is_empty() {
                row.push(trains.get(&number).cloned().unwrap_or_default());
            }
            Some(row)
        })
        .collect();
    rows.sort_unstable();
    let headers = ["path", "label", "is_train"];
    rows.insert(
        0,
        headers[..if trains.is_empty() { 2 } else { 3 }].iter().map(|header| (*header).to_owned()).collect(),
    );
    Ok(rows)
}

/// CUB-200: the paths of images, with 1 for training and 0 for testing.
pub(super) fn cub_split(path: &Path) -> Result<Rows> {
    let (images, trains) = (numbered(path, "images.txt")?, numbered(path, CUB_SPLIT)?);
    let mut rows: Rows = trains
        .into_iter()
        .filter_map(|(number, train)| Some(vec![images.get(&number)?.clone(), train]))
        .collect();
    rows.sort_unstable();
    rows.insert(0, vec!["path".to_owned(), "is_train".to_owned()]);
    Ok(rows)
}

/// One JSON object per line, as the `metadata.jsonl` of Hugging Face.
fn objects(path: &Path) -> Result<Rows> {
    let mut read: Vec<Map<String, Value>> = Vec::new();
    for (number, line) in (1..).zip(lines(path)?) {
        let object = serde_json::from_str(&line)
            .map_err(|e| Error::table(path, format!("line {number}"), "a JSON object", e.to_string()))?;
        read.push(object);
    }
    let keys: BTreeSet<&String> = read.iter().flat_map(Map::keys).collect();
    let field = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    };
    let rows = read.iter().map(|object| keys.iter().map(|key| field(object.get(*key))).collect());
    Ok(std::iter::once(keys.iter().map(|key| (*key).clone()).collect()).chain(rows).collect())
}

/// Fields with a comma, semicolon, tab or bar between them, whichever the first line has most of. Empty fields behind the last
/// column, which a comma at the end of a line makes, count for nothing.
fn separated(path: &Path) -> Result<Rows> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io("open", path))?);
    let start = file.fill_buf().map_err(Error::io("read", path))?;
    let first_line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| first_line.iter().filter(|&&byte| byte == delimiter).count();
    let delimiter = *[b',', b';', b'\t', b'|'].iter().rev().max_by_key(|&&d| count(d)).unwrap_or(&b',');
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(Trim::All)
        .from_reader(file);
    let mut rows = Rows::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            Error::table(path, format!("line {line}"), "text in UTF-8 (CSV UTF-8 in Excel)", "other bytes")
        })?;
        rows.push(record.iter().map(|field| field.trim_start_matches('\u{feff}').to_owned()).collect());
    }
    rows.retain(|row| row.iter().any(|field| !field.is_empty()));
    let filled =
        |row: &Vec<String>| row.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1);
    let (width, given) = (rows.iter().map(filled).max().unwrap_or(0), rows.first().map_or(0, Vec::len));
    for (number, row) in (1..).zip(&mut rows) {
        if row.len() < given.min(width) || filled(row) > given {
            let (expected, actual) =
                (format!("a row of {given} fields, as the first row has"), row.len().to_string());
            return Err(Error::table(path, format!("a row, number {number}"), expected, actual));
        }
        row.resize(width, String::new());
    }
    Ok(rows)
}
