//! How much data? The same study at growing parts of the training images.

use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use crate::analysis::answers::Answer;
use crate::analysis::questions::{Measure, Question};
use crate::analysis::reading::read_json;
use crate::analysis::results::Results;
use crate::error::{Error, Result};
use crate::folder::RunFolder;

/// The parts of the training images that a curve is made of unless others are asked for.
pub const PARTS: [f64; 7] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

/// The answers about accuracy at each part of the training images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataCurve {
    /// The data set's name.
    pub data_set: String,
    /// Passes over the training set.
    pub epochs: usize,
    /// Seeds at every part.
    pub seeds: usize,
    /// From the smallest part to the largest.
    pub points: Vec<CurvePoint>,
}

/// What was found at one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The part of the training images, above 0 and at most 1.
    pub part: f64,
    /// How many training images it holds.
    pub images: usize,
    /// Mean test accuracy of every arm, a fraction, by name.
    pub arms: Vec<(String, f64)>,
    /// The answers about accuracy.
    pub answers: Vec<Answer>,
}

impl CurvePoint {
    /// The answer to `question`; `None` if one of its arms diverged.
    pub(crate) fn answer(&self, question: &Question) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.contrast == *question)
    }
}

impl DataCurve {
    /// The arms of all parts, since one that diverged is missing from some.
    pub(crate) fn arms(&self) -> Vec<&str> {
        let mut arms: Vec<&str> = Vec::new();
        for (name, _) in self.points.iter().flat_map(|point| &point.arms) {
            if !arms.contains(&name.as_str()) {
                arms.push(name);
            }
        }
        arms
    }

    /// The questions that are answered at some part.
    pub(crate) fn questions(&self) -> Vec<&Question> {
        let mut questions: Vec<&Question> = Vec::new();
        for answer in self.points.iter().flat_map(|point| &point.answers) {
            if !questions.contains(&&answer.contrast) {
                questions.push(&answer.contrast);
            }
        }
        questions
    }

    /// A `curve.json` in `folder` may be replaced by that of a curve with these `parts`: it has no others.
    ///
    /// # Errors
    /// [`Error::Occupied`] if it has others, or is something else.
    pub fn check_replaced(folder: &RunFolder, parts: &[f64]) -> Result<()> {
        let earlier = match read_json(&folder.path().join("curve.json")) {
            Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(()),
            earlier => earlier?.and_then(serde_json::from_value::<Self>),
        };
        let what = match earlier {
            Err(_) => "a curve.json of something else".to_owned(),
            Ok(earlier) => {
                let others = earlier.points.iter().map(|point| point.part);
                let others = others.filter(|part| !parts.contains(part));
                let others: Vec<_> = others.map(|part| format!("{} %", 100.0 * part)).collect();
                if others.is_empty() {
                    return Ok(());
                }
                format!("a curve with other parts too, {}, which --parts may name as well", others.join(", "))
            }
        };
        Err(Error::Occupied { path: folder.path().to_owned(), what })
    }

    /// The curve of finished runs of one study, each at another part of the training images.
    pub fn of(runs: &[Results]) -> Self {
        let first = runs.first();
        let point = |run: &Results| CurvePoint {
            part: run.settings.protocol.subset.map_or(1.0, |subset| subset.fraction),
            images: run.arms.iter().map(|arm| arm.train_images).min().unwrap_or(0),
            arms: run
                .arms
                .iter()
                .filter_map(|arm| Some((arm.name.clone(), arm.readings.last()?.test_accuracy.mean)))
                .collect(),
            answers: run
                .answers
                .iter()
                .filter(|answer| answer.contrast.measure == Measure::Accuracy)
                .cloned()
                .collect(),
        };
        let mut points: Vec<CurvePoint> = runs.iter().map(point).collect();
        points.sort_by(|a, b| a.part.total_cmp(&b.part));
        Self {
            data_set: first.map(|run| run.about.dataset.name.clone()).unwrap_or_default(),
            epochs: first.map_or(0, Results::epochs),
            seeds: runs.iter().map(|run| run.seeds_done).min().unwrap_or(0),
            points,
        }
    }
}
