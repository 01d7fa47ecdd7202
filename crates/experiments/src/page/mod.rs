//! `report.html`: one file that needs no network and no script, with everything that a run found, in figures, tables
//! and images.
//!
//! Every number comes from [`Results`], so `results.json` holds it too. Only the images come from the data set, and
//! they are shown if it is given.

mod answer;
mod figures;
mod format;
mod pictures;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};

pub use pictures::Pictures;

use crate::claims::{ACCURACY_MARGIN, COST_MARGIN, FEWEST_SEEDS};
use crate::comparison::Comparison;
use crate::error::{Error, Result};
use crate::results::Results;
use crate::tuned::Report;

/// The page and its parts, by the names they use for each other. Names that end in `.html` are escaped.
const TEMPLATES: [(&str, &str); 11] = [
    ("report.html", include_str!("../../templates/report.html.j2")),
    ("style.css", include_str!("../../templates/page/style.css")),
    ("macros.html", include_str!("../../templates/page/macros.html.j2")),
    ("answer.html", include_str!("../../templates/page/answer.html.j2")),
    ("training.html", include_str!("../../templates/page/training.html.j2")),
    ("differences.html", include_str!("../../templates/page/differences.html.j2")),
    ("costs.html", include_str!("../../templates/page/costs.html.j2")),
    ("quality.html", include_str!("../../templates/page/quality.html.j2")),
    ("further.html", include_str!("../../templates/page/further.html.j2")),
    ("images.html", include_str!("../../templates/page/images.html.j2")),
    ("run.html", include_str!("../../templates/page/run.html.j2")),
];

/// The answer in a sentence, by rule from what the intervals say: what the page opens with.
pub fn answer(results: &Results) -> String {
    answer::answer(results)
}

/// What a page is made of.
///
/// ```
/// use mlprobe_experiments::{About, Arm, LabelledFeatures, Progress, Protocol, Study, page::Page};
/// use ndarray::Array2;
///
/// let set = LabelledFeatures::new(Array2::from_shape_fn((20, 2), |(i, j)| (i + j) as f32), vec![0; 20])?;
/// let protocol = Protocol { seeds: vec![1, 2], epochs: 2, batch_size: 5, hidden: vec![4] };
/// let study = Study::new(About::features("points", &["a", "b"]), protocol, &set)
///     .arm(Arm::new("slow", 0.001).with(&set))
///     .arm(Arm::new("fast", 0.01).with(&set));
/// let outcome = study.run(&Progress::silent(), |_| Ok(()))?;
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
    /// [`Error::Argument`] if the pictures are not those of the results' data set; [`Error::Rendering`], which no
    /// results that this crate made should cause.
    pub fn render(&self) -> Result<String> {
        let Self { results, pictures, ablation, tuned } = self;
        let pictures = pictures.map(|pictures| pictures.shown(results)).transpose()?;
        let figures = figures::figures(results, *ablation)?;
        let same = |a: &&Comparison, b: &&Comparison| (&a.effect, &a.a, &a.b) == (&b.effect, &b.a, &b.b);
        let comparisons: Vec<&Comparison> = results.comparisons.iter().collect();
        let effects: Vec<_> = comparisons.chunk_by(same).collect();
        let candidates: Vec<String> = tuned
            .iter()
            .flat_map(|report| &report.candidates)
            .map(|tried| tried.candidate.to_string())
            .collect();
        let context = context! {
            answer => answer::answer(results),
            figures => Serde(&figures),
            pictures => Serde(&pictures),
            effects => Serde(&effects),
            ablation => Serde(ablation),
            tuned => Serde(tuned),
            candidates,
            item => results.about.item(),
            trained_on => results.trained_on(),
            top5 => results.about.dataset.classes.len() > 5, // with fewer, every label is among them
            half => results.protocol.half(),
            seeds_planned => results.protocol.seeds.len(),
            whole => results.is_whole(),
            original => answer::ORIGINAL,
            accuracy_margin => ACCURACY_MARGIN,
            cost_margin => COST_MARGIN,
            fewest_seeds => FEWEST_SEEDS,
            ..Value::from(Serde(results)),
        };
        fill(&context)
            .map_err(|error| Error::Rendering { what: "report.html", message: format!("{error:#}") })
    }
}

fn fill(context: &Value) -> std::result::Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("percent", format::percent);
    environment.add_filter("points", format::points);
    environment.add_filter("amount", format::amount);
    environment.add_filter("fixed", format::fixed);
    environment.add_filter("probability", format::probability);
    environment.add_filter("duration", format::duration);
    environment.add_filter("thousands", format::thousands);
    environment.add_filter("count", format::count);
    environment.add_filter("prose", format::prose);
    environment.add_filter("spoken", |name: &str| name.replace('_', " "));
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    environment.get_template("report.html")?.render(context)
}
