//! `results.json` and `tuned.json` read back, without trusting them: what is read fits together, so that it can be
//! rendered.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::comparison::At;
use crate::error::{Error, Result};
use crate::results::{ArmResults, Results, SCHEMA};
use crate::tuned;

/// No number that was measured is larger, and figures of such numbers can still be drawn.
const LARGEST: f64 = 1e15;
/// Fields of numbers that may be of any size, since they name something.
const NAMES: [&str; 2] = ["seed", "seeds"];

/// Reads a `results.json`.
///
/// # Errors
/// [`Error::File`] if it cannot be read, [`Error::Schema`] if it holds something else, [`Error::Content`] naming the
/// field if its parts do not fit together.
pub fn read_results(path: impl AsRef<Path>) -> Result<Results> {
    let path = path.as_ref();
    let schema = |actual| Error::Schema { path: path.to_owned(), expected: SCHEMA, actual };
    let value = read_json(path)?.map_err(|error| schema(error.to_string()))?;
    match value.get("schema").and_then(Value::as_u64) {
        Some(found) if found == u64::from(SCHEMA) => {}
        Some(found) => return Err(schema(format!("schema {found}"))),
        None => return Err(schema("no field `schema`".to_owned())),
    }
    check_numbers(path, "", &value)?;
    let results = serde_json::from_value(value).map_err(|error| schema(error.to_string()))?;
    check_results(path, &results)?;
    Ok(results)
}

/// Reads a `tuned.json`.
///
/// # Errors
/// [`Error::File`] if it cannot be read, [`Error::Content`] if it holds something else.
pub fn read_tuned(path: impl AsRef<Path>) -> Result<tuned::Report> {
    let path = path.as_ref();
    let other = |error| content(path, "content", "the report of a tuned run", error);
    let value = read_json(path)?.map_err(other)?;
    check_numbers(path, "", &value)?;
    let report: tuned::Report = serde_json::from_value(value).map_err(other)?;
    let (selected, count) = (report.selected, report.candidates.len());
    require(path, selected < count, "selected", || format!("below {count}, the candidates"), selected)?;
    Ok(report)
}

fn read_json(path: &Path) -> Result<serde_json::Result<Value>> {
    let bytes = fs::read(path).map_err(|source| Error::File {
        operation: "reading",
        path: path.to_owned(),
        source,
    })?;
    Ok(serde_json::from_slice(&bytes))
}

/// Every number is of a size that can be drawn.
fn check_numbers(path: &Path, field: &str, value: &Value) -> Result<()> {
    match value {
        Value::Number(number) => {
            let fits = number.as_f64().is_some_and(|number| number.abs() <= LARGEST);
            require(path, fits, field, || format!("a number of at most {LARGEST:e} in size"), number)
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .try_for_each(|(i, value)| check_numbers(path, &format!("{field}[{i}]"), value)),
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| !NAMES.contains(&name.as_str())).try_for_each(|(name, value)| {
                let dot = if field.is_empty() { "" } else { "." };
                check_numbers(path, &format!("{field}{dot}{name}"), value)
            })
        }
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// There is a run for every finished seed, and a score for every arm and class.
fn check_results(path: &Path, results: &Results) -> Result<()> {
    let Results { about, protocol, seeds_done, arms, comparisons, robustness, costs, .. } = results;
    let same = |field: &str, expected: usize, actual: usize, of: &str| {
        require(path, actual == expected, field, || format!("{expected}, one for each {of}"), actual)
    };
    let classes = about.dataset.classes.len();
    require(path, (1..=256).contains(&classes), "dataset.classes", || "1 to 256 of them".into(), classes)?;
    protocol.check().map_err(|error| content(path, "protocol", "one that can be run", error))?;
    let planned = protocol.seeds.len();
    require(path, *seeds_done <= planned, "seeds_done", || format!("at most {planned}"), seeds_done)?;
    for (i, arm) in arms.iter().enumerate() {
        same(&format!("arms[{i}].runs"), *seeds_done, arm.runs.len(), "finished seed")?;
        let is_read = *seeds_done == 0 || !arm.readings.is_empty();
        require(path, is_read, &format!("arms[{i}].readings"), || "one or more".into(), "none")?;
        check_quality(path, &format!("arms[{i}].quality"), arm, classes)?;
    }
    for (i, comparison) in comparisons.iter().enumerate() {
        let field = format!("comparisons[{i}]");
        for name in [&comparison.a, &comparison.b] {
            let known = arms.iter().any(|arm| arm.name == *name);
            require(path, known, &field, || "names of arms".into(), name)?;
        }
        same(&format!("{field}.differences"), *seeds_done, comparison.differences.len(), "finished seed")?;
        same(&format!("{field}.mcnemar"), *seeds_done, comparison.mcnemar.len(), "finished seed")?;
    }
    let read = |at| comparisons.iter().filter(|comparison| comparison.at == at).count();
    same("comparisons", read(At::Half), read(At::Full), "comparison after half of the epochs")?;
    for (i, test) in robustness.iter().enumerate() {
        same(&format!("robustness[{i}].arms"), arms.len(), test.arms.len(), "arm")?;
    }
    for (i, cost) in costs.iter().enumerate() {
        same(&format!("costs[{i}].arms"), arms.len(), cost.arms.len(), "arm")?;
    }
    Ok(())
}

/// What is said of classes is said of those that there are.
fn check_quality(path: &Path, field: &str, arm: &ArmResults, classes: usize) -> Result<()> {
    let Some(quality) = &arm.quality else {
        return require(path, arm.runs.is_empty(), field, || "one of the finished runs".into(), "null");
    };
    let rows = quality.confusion.iter().map(Vec::len).chain([quality.confusion.len(), quality.classes.len()]);
    for count in rows {
        require(path, count == classes, field, || format!("{classes} classes"), count)?;
    }
    let mistakes = quality.mistakes.iter().flat_map(|mistake| [mistake.label, mistake.predicted]);
    let pairs = quality.confused.iter().flat_map(|pair| [pair.confused.label, pair.confused.predicted]);
    for label in mistakes.chain(pairs) {
        require(path, usize::from(label) < classes, field, || format!("labels below {classes}"), label)?;
    }
    Ok(())
}

fn require(
    path: &Path,
    holds: bool,
    field: &str,
    expected: impl FnOnce() -> String,
    actual: impl ToString,
) -> Result<()> {
    if holds { Ok(()) } else { Err(content(path, field, expected(), actual)) }
}

fn content(path: &Path, field: &str, expected: impl Into<String>, actual: impl ToString) -> Error {
    let (expected, actual) = (expected.into(), actual.to_string());
    Error::Content { path: path.to_owned(), field: field.to_owned(), expected, actual }
}
