//! Training sets compared, and what is drawn from results.

use mlprobe_experiments::report::{self, Page};
use mlprobe_experiments::{About, Arm, LabelledFeatures, Progress, Protocol, Results, Session, Study};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::calls::in_study;
use crate::convert::{features, labels};
use crate::errors::IntoPyErr;

/// Trains the same network on each set (name, features, labels, learning rate), and returns the results as JSON.
#[pyfunction]
#[pyo3(signature = (sets, test, *, classes, seeds, epochs, batch_size, hidden, standardise, threads=0, progress=None))]
#[expect(clippy::too_many_arguments, reason = "they are named")]
pub fn compare(
    py: Python<'_>,
    sets: Vec<(String, Bound<'_, PyAny>, Bound<'_, PyAny>, f64)>,
    test: (Bound<'_, PyAny>, Bound<'_, PyAny>),
    classes: Vec<String>,
    seeds: u64,
    epochs: usize,
    batch_size: usize,
    hidden: Vec<usize>,
    standardise: bool,
    threads: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let set = |x: &Bound<'_, PyAny>, y: &Bound<'_, PyAny>| {
        LabelledFeatures::new(features(x)?, labels(y)?).map_err(IntoPyErr::into_py)
    };
    let test = set(&test.0, &test.1)?;
    let names: Vec<&str> = classes.iter().map(String::as_str).collect();
    let protocol = Protocol { batch_size, hidden, ..Protocol::new((0..seeds).collect(), epochs) };
    let mut study = Study::new(&test)
        .protocol(protocol)
        .about(About::features("given features", &names))
        .threads(threads);
    for (i, (name, x, y, learning_rate)) in sets.iter().enumerate() {
        let set = set(x, y)?;
        let arm = Arm::new(name, *learning_rate).with(&set);
        study = study.add(if standardise { arm.standardised() } else { arm });
        if i == 0 {
            study = study.baselines(&set, *learning_rate);
        } else {
            study = study.probe_neighbours(name, &sets[0].0).probe_logistic(name, &sets[0].0);
        }
    }
    let outcome = in_study(py, threads, progress, |observer, _| {
        study.run_in(&Session::new(Progress::new(observer)), |_| Ok(()))
    })?;
    to_json(&outcome.results)
}

/// What the scores alone do not say, a sentence each.
#[pyfunction]
pub fn notes(results: &str) -> PyResult<Vec<String>> {
    let results = from_json(results)?;
    Ok(results.notes.iter().map(ToString::to_string).collect())
}

/// Whether a text stands for a missing value, as it does in a table that the program reads.
#[pyfunction]
pub fn is_missing(text: &str) -> bool {
    mlprobe_data::missing::is_missing(text)
}

/// The few lines that stand in a terminal.
#[pyfunction]
pub fn summary(results: &str) -> PyResult<String> {
    report::summary(&from_json(results)?).map_err(IntoPyErr::into_py)
}

/// The page, HTML with all that it shows.
#[pyfunction]
pub fn page(results: &str) -> PyResult<String> {
    Page::new(&from_json(results)?).render().map_err(IntoPyErr::into_py)
}

/// Accuracy over epochs for every arm, as SVG.
#[pyfunction]
pub fn learning_curves(results: &str) -> PyResult<String> {
    report::learning_curves(&from_json(results)?).map_err(IntoPyErr::into_py)
}

pub fn to_json(results: &Results) -> PyResult<String> {
    serde_json::to_string(results).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

fn from_json(results: &str) -> PyResult<Results> {
    serde_json::from_str(results).map_err(|error| {
        PyValueError::new_err(format!(
            "expected results of this version of mlprobe: {error}; run the study again"
        ))
    })
}
