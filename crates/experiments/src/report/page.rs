//! `report.html`: one file that needs no network and no script, with everything that a run found, in figures, tables
//! and images.
//!
//! Every number comes from [`Results`], so `results.json` holds it too. Only the images come from the data set, and
//! they are shown if it is given.

use serde::Serialize;

use super::figures::{Figures, figures};
use super::model::Model;
use super::pictures::{Pictures, Shown};
use super::templates::render;
use crate::analysis::results::Results;
use crate::error::Result;
use crate::tuned::Report;

/// What a page is made of.
///
/// ```
/// use mlprobe_experiments::{LabelledFeatures, Study, report::Page};
/// use ndarray::Array2;
///
/// let set = |first: usize| {
///     let features = Array2::from_shape_fn((20, 2), |(i, j)| (first + i + j) as f32);
///     LabelledFeatures::new(features, (0..20).map(|i| i % 2).collect())
/// };
/// let (train, test) = (set(0)?, set(20)?);
/// let outcome = Study::new(&test).arm("one", &train).arm("other", &train).seeds(2).epochs(2).run()?;
///
/// let html = Page::new(&outcome.results).render()?;
/// assert!(html.starts_with("<!doctype html>"));
/// # Ok::<(), mlprobe_experiments::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// What it is about.
    pub results: &'a Results,
    /// The images behind the results; without them there is no gallery, and no mistake is shown.
    pub pictures: Option<Pictures<'a>>,
    /// Each transform alone, of the same data set: becomes a section.
    pub ablation: Option<&'a Results>,
    /// The tuned recipe on the same data set: becomes a section.
    pub tuned: Option<&'a Report>,
}

impl<'a> Page<'a> {
    /// A page of `results` alone.
    pub fn new(results: &'a Results) -> Self {
        Self { results, pictures: None, ablation: None, tuned: None }
    }

    /// The whole page.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the pictures are not those of the results' data set;
    /// [`Error::Rendering`](crate::Error::Rendering), which no results that this crate made should cause.
    pub fn render(&self) -> Result<String> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            model: Model<'a>,
            figures: Figures,
            pictures: Option<Shown>,
            ablation: Option<Model<'a>>,
            tuned: Option<&'a Report>,
            candidates: Vec<String>,
        }
        let Self { results, pictures, ablation, tuned } = *self;
        let candidates = tuned.iter().flat_map(|report| &report.candidates);
        let whole = Whole {
            model: Model::of(results),
            figures: figures(results, ablation)?,
            pictures: pictures.map(|pictures| pictures.shown(results)).transpose()?,
            ablation: ablation.map(Model::of),
            tuned,
            candidates: candidates.map(|tried| tried.candidate.to_string()).collect(),
        };
        render("report.html", &whole)
    }
}
