//! `results.json` read back, without trusting it: what is read fits together, so that it can be rendered.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::analysis::analyse::answer_from_comparisons;
use crate::analysis::arms::ArmResults;
use crate::analysis::results::{Results, SCHEMA};
use crate::error::{Error, Result};
use crate::settings::Protocol;

/// The oldest schema that is still read.
const OLDEST: u32 = 2;

/// No number that was measured is larger, and figures of such numbers can still be drawn. Features and logits are numbers of 32
/// bits, below 3.5e38, so losses, their differences and their deviations stay below it.
const LARGEST: f64 = 1e40;
/// Fields of numbers that may be of any size, since they were asked for and are not drawn.
const NAMES: [&str; 3] = ["seed", "seeds", "learning_rate"];

/// Reads a `results.json`.
///
/// # Errors
/// [`Error::File`] if it cannot be read, [`Error::Schema`] if it holds something else, [`Error::Content`] naming the
/// field if its parts do not fit together.
pub fn read_results(path: impl AsRef<Path>) -> Result<Results> {
    let path = path.as_ref();
    let schema = |actual| Error::Schema { path: path.to_owned(), expected: SCHEMA, actual };
    let mut value = read_json(path)?.map_err(|error| schema(error.to_string()))?;
    let found = value.get("schema").and_then(Value::as_u64);
    match found {
        Some(found) if found == u64::from(SCHEMA) => {}
        Some(found) if found == u64::from(OLDEST) => upgrade(&mut value),
        Some(found) => return Err(schema(format!("schema {found}"))),
        None => return Err(schema("no field `schema`".to_owned())),
    }
    check_numbers(path, "", &value)?;
    let mut results: Results = serde_json::from_value(value).map_err(|error| schema(error.to_string()))?;
    check_results(path, &results)?;
    if found == Some(u64::from(OLDEST)) {
        answer_from_comparisons(&mut results)?;
    }
    if results.questions.is_empty() {
        results.questions = results.answers.iter().map(|answer| answer.contrast.clone()).collect();
    }
    Ok(results)
}

/// Brings a record of schema 2 to schema 3: what schema 3 keeps as settings, notes and classifiers stood in words before, and
/// stays what it is. Answers are not there; they follow from the rest.
fn upgrade(value: &mut Value) {
    let Value::Object(record) = value else { return };
    let mut protocol = record.remove("protocol").unwrap_or_default();
    if let Some(epochs) = protocol["epochs"].as_u64() {
        protocol["report_at"] = json!(Protocol::half_and_all(epochs as usize));
    }
    record.insert(
        "settings".into(),
        json!({"compared": {"study": "given"}, "images": null, "extractor": null, "protocol": protocol}),
    );
    record.insert("schema".into(), json!(SCHEMA));
    record.insert("answers".into(), json!([]));
    record.insert("claims".into(), json!([]));
    for note in record.entry("notes").or_insert(json!([])).as_array_mut().into_iter().flatten() {
        note["note"] = json!("text");
    }
    for baseline in record.get_mut("baselines").and_then(Value::as_array_mut).into_iter().flatten() {
        let accuracy = baseline["test_accuracy"].take();
        baseline["classifier"] = json!("named");
        baseline["test_accuracy"] =
            json!({"n": 1, "mean": accuracy, "std": null, "min": accuracy, "max": accuracy});
    }
}

pub(crate) fn read_json(path: &Path) -> Result<serde_json::Result<Value>> {
    let bytes = fs::read(path).map_err(|source| Error::File {
        operation: "reading",
        path: path.to_owned(),
        source,
    })?;
    Ok(serde_json::from_slice(&bytes))
}

/// Every number is of a size that can be drawn.
pub(crate) fn check_numbers(path: &Path, field: &str, value: &Value) -> Result<()> {
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
    let Results { about, settings, seeds_done, arms, comparisons, robustness, costs, answers, .. } = results;
    let protocol = &settings.protocol;
    let same = |field: &str, expected: usize, actual: usize, of: &str| {
        require(path, actual == expected, field, || format!("{expected}, one for each {of}"), actual)
    };
    let classes = about.dataset.classes.len();
    require(
        path,
        (1..=65_536).contains(&classes),
        "dataset.classes",
        || "1 to 65,536 of them".into(),
        classes,
    )?;
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
    for (i, answer) in answers.iter().enumerate() {
        for name in [&answer.contrast.a, &answer.contrast.b] {
            let known = arms.iter().any(|arm| arm.name == *name);
            require(path, known, &format!("answers[{i}].contrast"), || "names of arms".into(), name)?;
        }
    }
    for (i, probe) in results.probes.iter().enumerate() {
        for name in [&probe.answer.contrast.a, &probe.answer.contrast.b] {
            let known = arms.iter().any(|arm| arm.name == *name);
            require(path, known, &format!("probes[{i}].contrast"), || "names of arms".into(), name)?;
        }
    }
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
    let matrix = if quality.confusion.is_empty() { classes } else { quality.confusion.len() };
    let rows = quality.confusion.iter().map(Vec::len).chain([matrix, quality.classes.len()]);
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

pub(crate) fn require(
    path: &Path,
    holds: bool,
    field: &str,
    expected: impl FnOnce() -> String,
    actual: impl ToString,
) -> Result<()> {
    if holds { Ok(()) } else { Err(content(path, field, expected(), actual)) }
}

pub(crate) fn content(path: &Path, field: &str, expected: impl Into<String>, actual: impl ToString) -> Error {
    let (expected, actual) = (expected.into(), actual.to_string());
    Error::Content { path: path.to_owned(), field: field.to_owned(), expected, actual }
}
