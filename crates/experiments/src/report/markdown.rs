//! The reports in plain text: `report.md`, `tuned.md`, and the few lines for a terminal.

use serde::Serialize;

use super::model::Model;
use super::templates::render;
use crate::analysis::answers::Answer;
use crate::analysis::questions::Question;
use crate::analysis::results::Results;
use crate::curve::DataCurve;
use crate::error::Result;
use crate::planning::StudyPlan;
use crate::pooling::PooledComparison;
use crate::study::Outcome;
use crate::tuned::Report;

/// The report as Markdown.
///
/// # Errors
/// [`Error::Rendering`](crate::Error::Rendering), which no results that this crate made should cause.
pub fn markdown(results: &Results) -> Result<String> {
    render("report.md", &Model::of(results))
}

/// The report in a few lines for a terminal.
///
/// # Errors
/// As [`markdown`].
pub fn summary(results: &Results) -> Result<String> {
    render("summary.txt", &Model::of(results))
}

/// The report on a tuned recipe as Markdown.
///
/// # Errors
/// As [`markdown`].
pub fn tuned_markdown(report: &Report) -> Result<String> {
    #[derive(Serialize)]
    struct Tuned<'a> {
        #[serde(flatten)]
        report: &'a Report,
        names: Vec<String>,
        command: Option<String>,
    }
    let names = report.candidates.iter().map(|tried| tried.candidate.to_string()).collect();
    let command = report.settings.as_ref().and_then(|settings| settings.command());
    render("tuned.md", &Tuned { report, names, command })
}

/// A plan in a few lines for a terminal.
///
/// # Errors
/// As [`markdown`].
pub fn plan_text(plan: &StudyPlan) -> Result<String> {
    render("plan.txt", plan)
}

/// A data curve as Markdown.
///
/// # Errors
/// As [`markdown`].
pub fn curve_markdown(curve: &DataCurve) -> Result<String> {
    #[derive(Serialize)]
    struct Contrast<'a> {
        question: &'a Question,
        /// One per part; none where an arm diverged.
        answers: Vec<Option<&'a Answer>>,
    }
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        curve: &'a DataCurve,
        names: Vec<&'a str>,
        contrasts: Vec<Contrast<'a>>,
    }
    let answers = |question| curve.points.iter().map(|point| point.answer(question)).collect();
    let contrast = |question| Contrast { question, answers: answers(question) };
    let contrasts = curve.questions().into_iter().map(contrast).collect();
    render("curve.md", &Whole { curve, names: curve.arms(), contrasts })
}

/// Pooled comparisons as Markdown.
///
/// # Errors
/// As [`markdown`].
pub fn pool_markdown(comparisons: &[PooledComparison]) -> Result<String> {
    #[derive(Serialize)]
    struct All<'a> {
        comparisons: &'a [PooledComparison],
    }
    render("pool.md", &All { comparisons })
}

impl Outcome {
    /// What was found, in a few lines for a terminal.
    pub fn summary(&self) -> String {
        summary(&self.results).unwrap_or_else(|error| error.to_string())
    }
}
