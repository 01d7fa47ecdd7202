//! The arms and their differences: seeds, means and intervals side by side.

use super::Figure;
use mlprobe_stats::Interval;

use super::canvas::{Ink, Names};
use super::rows::{Line, Row, Rows};
use super::waterfall::{End, Step, Waterfall};
use crate::analysis::answers::Answer;
use crate::analysis::arms::ArmResults;
use crate::analysis::comparison::Comparison;
use crate::analysis::questions::Measure;
use crate::analysis::results::Results;
use crate::error::Result;
use crate::report::format::{interval, mean_and_range, percent, points, probability};
use crate::report::model::{Decomposition, ORIGINAL, decomposition as decomposed, item};

/// Names are cut to this many letters where they stand beside a row.
const NAME: usize = 18;
/// Letters that fit above rows.
const HEADING: usize = 58;

/// What the marks of a difference mean.
fn how_to_read(results: &Results) -> String {
    format!(
        "Thick lines are 95\u{a0}% intervals over new seeds, thin lines over new seeds and new test {}s. Small dots are single \
         seeds. A difference within the grey band counts as none.",
        item(results)
    )
}

/// The margin inside which a difference in accuracy counts as none, in per cent.
fn margin(results: &Results) -> Option<f64> {
    let accuracy = |answer: &&Answer| answer.contrast.measure == Measure::Accuracy;
    results.answers.iter().find(accuracy).map(|answer| 100.0 * answer.margin)
}

/// The test accuracy of every arm after the last epoch, seed by seed, beside the original report's where they may be
/// compared.
pub(super) fn arms(results: &Results) -> Result<Vec<Figure>> {
    let row = |(index, arm): (usize, &ArmResults)| {
        let reading = arm.readings.last()?;
        let accuracy = &reading.test_accuracy;
        let seeds = arm.at(reading.epoch, |entry| entry.test_accuracy);
        let each =
            arm.runs.iter().zip(&seeds).map(|(run, seed)| format!("seed {}: {} %", run.seed, percent(*seed)));
        let heading = format!("{}: {}", arm.name, mean_and_range(accuracy));
        Some(Line::Row(Row {
            label: cut(&arm.name, NAME),
            ink: Ink::Arm(index),
            mean: 100.0 * accuracy.mean,
            inner: None,
            outer: Some((100.0 * accuracy.min, 100.0 * accuracy.max)),
            seeds: seeds.iter().map(|seed| 100.0 * seed).collect(),
            filled: true,
            tip: std::iter::once(heading).chain(each.take(10)).collect(),
        }))
    };
    let rows: Vec<Line> = results.arms.iter().enumerate().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let published = ORIGINAL.map(|(_, accuracy)| (accuracy, format!("{accuracy:.1}")));
    let references: Vec<(f64, &str)> = match results.about.dataset.comparable && !results.claims.is_empty() {
        true => published.iter().map(|(accuracy, words)| (*accuracy, words.as_str())).collect(),
        false => Vec::new(),
    };
    let heading = (!references.is_empty()).then(|| Line::Heading("original report".to_owned()));
    let title = format!("Test accuracy after {} epochs, seed by seed", results.epochs());
    let description = results
        .arms
        .iter()
        .filter_map(|arm| {
            Some(format!("{}: {}.", arm.name, mean_and_range(&arm.readings.last()?.test_accuracy)))
        })
        .collect::<Vec<_>>()
        .join(" ");
    let svg = Rows {
        names: Names { id: "arms", title: &title, description: &description },
        x_name: "Test accuracy (%)",
        lines: &heading.into_iter().chain(rows).collect::<Vec<_>>(),
        left: 158,
        references: &references,
        margin: None,
    }
    .draw()?;
    let note = "Large dots are means over seeds. Small dots are single seeds, joined from the lowest to the highest.";
    Ok(vec![Figure { id: "arms".into(), title, note: note.into(), svg }])
}

/// Every comparison with its intervals.
pub(super) fn differences(results: &Results) -> Result<Vec<Figure>> {
    let mut lines = Vec::new();
    let mut effect = "";
    for comparison in &results.comparisons {
        if comparison.effect != effect {
            effect = &comparison.effect;
            let arms = format!("{} \u{2212} {}", comparison.a, comparison.b);
            let plain = format!("{} against {}", comparison.a, comparison.b) == effect;
            match if plain { effect.to_owned() } else { format!("{effect}: {arms}") } {
                heading if heading.chars().count() <= HEADING => lines.push(Line::Heading(heading)),
                _ => lines.extend([cut(effect, HEADING), cut(&arms, HEADING)].map(Line::Heading)),
            }
        }
        lines.push(Line::Row(row(comparison, results)));
    }
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let title = "Differences in test accuracy with 95 % intervals";
    let full = results.final_comparisons();
    let description = full
        .map(|c| format!("{}, {} minus {}: {} points{}.", c.effect, c.a, c.b, points(c.mean), bracketed(c)))
        .collect::<Vec<_>>()
        .join(" ");
    let svg = Rows {
        names: Names { id: "differences", title, description: &description },
        x_name: "First arm \u{2212} second arm (percentage points)",
        lines: &lines,
        left: 112,
        references: &[],
        margin: margin(results),
    }
    .draw()?;
    let note = format!("Right of zero the first arm is better. {}", how_to_read(results));
    Ok(vec![Figure { id: "differences".into(), title: title.into(), note, svg }])
}

/// What each recipe of an ablation does against its control, after the last epoch.
pub(super) fn ablation(results: &Results) -> Result<Vec<Figure>> {
    let full = || results.final_comparisons();
    let Some(first) = full().next() else { return Ok(Vec::new()) };
    let named = |comparison: &Comparison| Row { label: cut(&comparison.a, NAME), ..row(comparison, results) };
    let lines: Vec<Line> = full().map(|comparison| Line::Row(named(comparison))).collect();
    let title = format!("Each transform alone, and each preset, against {}", first.b);
    let said = full().map(|c| format!("{}: {} points{}.", c.a, points(c.mean), bracketed(c)));
    let svg = Rows {
        names: Names { id: "ablation", title: &title, description: &said.collect::<Vec<_>>().join(" ") },
        x_name: "Difference in test accuracy (percentage points)",
        lines: &lines,
        left: 130,
        references: &[],
        margin: margin(results),
    }
    .draw()?;
    let note = format!("After {} epochs. {}", results.epochs(), how_to_read(results));
    Ok(vec![Figure { id: "ablation".into(), title, note, svg }])
}

/// A comparison step by step, if others lead from its second arm to its first one.
pub(super) fn decomposition(results: &Results) -> Result<Vec<Figure>> {
    let Some(Decomposition { whole, steps: path }) = decomposed(results) else { return Ok(Vec::new()) };
    let end = |name: &str| {
        let index = results.arms.iter().position(|arm| arm.name == name)?;
        let accuracy = results.arms[index].readings.last()?.test_accuracy.mean;
        Some((index, 100.0 * accuracy))
    };
    let (Some((start, from)), Some((end, to))) = (end(&whole.b), end(&whole.a)) else {
        return Ok(Vec::new());
    };
    let steps: Vec<Step> = path
        .iter()
        .map(|step| Step {
            name: step.effect.clone(),
            change: 100.0 * step.mean,
            interval: step.paired.map(|paired| in_percent(&paired.interval)),
            tip: tip(step, item(results)),
        })
        .collect();
    let title = format!("From {} to {}, one change at a time", whole.b, whole.a);
    let words: Vec<String> = path
        .iter()
        .map(|step| format!("{} {} points{}", step.effect, points(step.mean), bracketed(step)))
        .collect();
    let description = format!(
        "{} reaches {}. {}. {} reaches {}.",
        whole.b,
        percent(from / 100.0),
        words.join("; "),
        whole.a,
        percent(to / 100.0)
    );
    let svg = Waterfall {
        names: Names { id: "decomposition", title: &title, description: &description },
        y_name: "Test accuracy (%)",
        start: End { name: &whole.b, ink: Ink::Arm(start), value: from },
        steps: &steps,
        end: End { name: &whole.a, ink: Ink::Arm(end), value: to },
    }
    .draw()?;
    let note = format!(
        "After {} epochs, in percentage points. Whiskers are 95 % intervals over new seeds.",
        results.epochs()
    );
    Ok(vec![Figure { id: "decomposition".into(), title, note, svg }])
}

fn row(comparison: &Comparison, results: &Results) -> Row {
    Row {
        label: moment(comparison),
        ink: Ink::Accent,
        mean: 100.0 * comparison.mean,
        inner: comparison.paired.map(|paired| in_percent(&paired.interval)),
        outer: comparison.bootstrap.map(|bootstrap| in_percent(&bootstrap.interval)),
        seeds: comparison.differences.iter().map(|difference| 100.0 * difference).collect(),
        filled: comparison.is_at(results.epochs()),
        tip: tip(comparison, item(results)),
    }
}

/// When the two are read.
fn moment(comparison: &Comparison) -> String {
    match comparison.a_epoch == comparison.b_epoch {
        true => format!("{} epochs", comparison.a_epoch),
        false => "equal updates".to_owned(),
    }
}

fn tip(comparison: &Comparison, item: &str) -> Vec<String> {
    let mut lines = vec![
        format!("{} \u{2212} {}, {}", comparison.a, comparison.b, moment(comparison)),
        format!("difference: {} points", points(comparison.mean)),
    ];
    if let Some(paired) = &comparison.paired {
        lines.push(format!("95 %, new seeds: {}", interval(&paired.interval)));
    }
    if let Some(bootstrap) = &comparison.bootstrap {
        lines.push(format!("95 %, new seeds and {item}s: {}", interval(&bootstrap.interval)));
    }
    if let Some(paired) = &comparison.paired {
        let p = probability(paired.probability_of_superiority);
        lines.push(format!("better on a fresh seed: probability {p}"));
    }
    lines
}

fn bracketed(comparison: &Comparison) -> String {
    comparison.paired.map(|paired| format!(" {}", interval(&paired.interval))).unwrap_or_default()
}

fn in_percent(interval: &Interval) -> (f64, f64) {
    (100.0 * interval.low, 100.0 * interval.high)
}

/// `name` in at most `letters`.
pub(super) fn cut(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
    }
}
