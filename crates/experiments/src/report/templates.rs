//! The templates, and how numbers are written in them.

use std::iter;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::format;
use crate::engine::notes::magnitude;
use crate::error::{Error, Result};

/// The templates by the names they use for each other. In those whose name ends in `.html`, values are escaped.
const TEMPLATES: [(&str, &str); 23] = [
    ("words.txt", include_str!("../../templates/words.txt.j2")),
    ("summary.txt", include_str!("../../templates/summary.txt.j2")),
    ("report.md", include_str!("../../templates/report.md.j2")),
    ("tuned.md", include_str!("../../templates/tuned.md.j2")),
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
    ("claims.txt", include_str!("../../templates/claims.txt.j2")),
    ("plan.txt", include_str!("../../templates/plan.txt.j2")),
    ("curve.md", include_str!("../../templates/curve.md.j2")),
    ("audit.html", include_str!("../../templates/audit.html.j2")),
    ("audit.txt", include_str!("../../templates/audit.txt.j2")),
    ("audit-words.txt", include_str!("../../templates/audit-words.txt.j2")),
    ("audit.md", include_str!("../../templates/audit.md.j2")),
    ("pool.md", include_str!("../../templates/pool.md.j2")),
];

/// The template `name` filled with `model`.
pub(super) fn render(name: &'static str, model: &impl Serialize) -> Result<String> {
    fill(name, model).map_err(|error| {
        let causes = iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let message = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        Error::Rendering { what: name, message }
    })
}

fn fill(name: &str, model: &impl Serialize) -> std::result::Result<String, minijinja::Error> {
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
    environment.add_filter("spoken", |name: &str| name.replace('_', " "));
    environment.add_filter("percentage", |number: f64| format!("{}", (100.0 * number).round() / 100.0));
    environment.add_filter("magnitude", magnitude);
    environment.add_filter("md", format::markdown);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    environment.get_template(name)?.render(Value::from(Serde(model)))
}
