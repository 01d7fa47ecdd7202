//! `report.md`: the results laid out by a template, which holds all of the report's words.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};

use crate::claims::{ACCURACY_MARGIN, COST_MARGIN, FEWEST_SEEDS};
use crate::error::{Error, Result};
use crate::results::Results;

const TEMPLATE: &str = include_str!("../../templates/report.md.j2");

/// The report as Markdown.
///
/// # Errors
/// [`Error::Rendering`], which no results that this crate made should cause.
pub fn markdown(results: &Results) -> Result<String> {
    render(results).map_err(|error| Error::Rendering { what: "report.md", message: format!("{error:#}") })
}

fn render(results: &Results) -> std::result::Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("percent", percent);
    environment.add_filter("points", points);
    environment.add_filter("whole", |number: f64| format!("{number:.0}"));
    environment.add_filter("tenths", |number: f64| format!("{number:.1}"));
    environment.add_filter("hundredths", |number: f64| format!("{number:.2}"));
    environment.add_filter("duration", duration);
    environment.add_filter("thousands", thousands);
    environment.render_str(
        TEMPLATE,
        context! {
            item => results.about.item(),
            trained_on => results.trained_on(),
            top5 => results.about.dataset.classes.len() > 5, // with fewer, every label is among them
            half => results.protocol.half(),
            seeds_planned => results.protocol.seeds.len(),
            whole => results.is_whole(),
            accuracy_margin => ACCURACY_MARGIN,
            cost_margin => COST_MARGIN,
            fewest_seeds => FEWEST_SEEDS,
            ..Value::from(Serde(results)),
        },
    )
}

/// A fraction in per cent: 0.7731 gives 77.31.
fn percent(fraction: f64) -> String {
    format!("{:.2}", 100.0 * fraction)
}

/// A difference of fractions in percentage points with its sign: 0.0029 gives +0.29.
fn points(fraction: f64) -> String {
    format!("{:+.2}", 100.0 * fraction)
}

/// Seconds in words: 0.5 gives "0.5 s", 200 gives "3 min 20 s".
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// 50000 gives 50,000.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!(percent(0.7731), "77.31");
        assert_eq!((points(0.0029), points(-0.0029)), ("+0.29".into(), "-0.29".into()));
        let seconds = [0.46, 9.6, 59.6, 200.0, 3600.0].map(duration);
        assert_eq!(seconds, ["0.5 s", "10 s", "1 min 0 s", "3 min 20 s", "1 h 0 min"]);
        let numbers = [0, 999, 1000, 50_000, 1_234_567].map(thousands);
        assert_eq!(numbers, ["0", "999", "1,000", "50,000", "1,234,567"]);
    }
}
