//! Figures that are tables at heart: robustness, confusions, and reliability arm by arm.

use super::Figure;
use super::canvas::{Ink, Names};
use super::differences::cut;
use super::heat::{Cell, Heat};
use crate::analysis::arms::ArmResults;
use crate::analysis::quality::Quality;
use crate::analysis::results::{ArmScore, Results};
use crate::error::Result;
use crate::report::format::{mean_and_range, percent, points, thousands};
use crate::report::model::item;

/// More classes than this give cells too small to see; the confused pairs are listed instead.
const CLASSES: usize = 20;
/// Names are cut to this many letters beside a row.
const NAME: usize = 15;

/// Test accuracy by transform of the test images and arm.
pub(super) fn robustness(results: &Results) -> Result<Vec<Figure>> {
    let scores = || results.robustness.iter().flat_map(|row| &row.arms).map(|score| score.accuracy.mean);
    let (low, high) =
        scores().fold((1.0_f64, 0.0_f64), |(low, high), score| (low.min(score), high.max(score)));
    let Some(plain) = results.robustness.first() else { return Ok(Vec::new()) };
    let cells: Vec<Vec<Cell>> = results
        .robustness
        .iter()
        .map(|row| {
            let cell = |(score, plain): (&ArmScore, &ArmScore)| Cell {
                shade: if high > low { (score.accuracy.mean - low) / (high - low) } else { 0.0 },
                text: percent(score.accuracy.mean),
                tip: vec![
                    format!("{}, test {}s: {}", score.arm, item(results), spoken(&row.test)),
                    mean_and_range(&score.accuracy),
                    format!("against none: {} points", points(score.accuracy.mean - plain.accuracy.mean)),
                ],
            };
            row.arms.iter().zip(&plain.arms).map(cell).collect()
        })
        .collect();
    let transformed = results.about.extractor.is_some();
    let title = if transformed {
        "Test accuracy with transformed test images"
    } else {
        "Test accuracy on other test sets"
    };
    let rows: Vec<String> = results.robustness.iter().map(|row| cut(&spoken(&row.test), NAME)).collect();
    let columns: Vec<String> = results.arms.iter().map(|arm| arm.name.clone()).collect();
    let lowest = format!("Accuracies from {} to {} %.", percent(low), percent(high));
    let svg = Heat {
        names: Names { id: "robustness", title, description: &lowest },
        rows_name: if transformed { "Transform" } else { "Test set" },
        rows: &rows,
        columns_name: "Arm; test accuracy (%)",
        columns: &columns,
        cells: &cells,
    }
    .draw()?;
    let note = format!(
        "Values are per cent, means over seeds, after {} epochs. Darker cells are more accurate.",
        results.epochs()
    );
    Ok(vec![Figure { id: "robustness".into(), title: title.into(), note, svg }])
}

/// How often each class was taken for each other, arm by arm.
pub(super) fn confusion(results: &Results) -> Result<Vec<Figure>> {
    let classes = &results.about.dataset.classes;
    if classes.len() > CLASSES {
        return Ok(Vec::new());
    }
    let rows: Vec<String> = classes.iter().map(|class| cut(class, NAME)).collect();
    of_arms(results, "confusion", |arm, _, quality, id| {
        let cells: Vec<Vec<Cell>> = quality
            .confusion
            .iter()
            .enumerate()
            .map(|(label, counts)| {
                let total: u32 = counts.iter().sum();
                let cell = |(predicted, &count): (usize, &u32)| {
                    let share = f64::from(count) / f64::from(total.max(1));
                    Cell {
                        // Its root, or confusions would hardly show beside the diagonal.
                        shade: share.sqrt(),
                        text: if count == 0 { String::new() } else { format!("{:.0}", 100.0 * share) },
                        tip: vec![
                            match label == predicted {
                                true => format!("{} found", classes[label]),
                                false => format!("{} taken for {}", classes[label], classes[predicted]),
                            },
                            format!("{} of {} predictions", thousands(count.into()), thousands(total.into())),
                            format!("{} %", percent(share)),
                        ],
                    }
                };
                counts.iter().enumerate().map(cell).collect()
            })
            .collect();
        let title = format!("Confusion matrix, {}", arm.name);
        let worst = quality.classes.iter().min_by(|a, b| a.recall.mean.total_cmp(&b.recall.mean));
        let description = worst.map_or_else(String::new, |class| {
            format!(
                "Least often found: {}, {} % of its {}s.",
                class.class,
                percent(class.recall.mean),
                item(results)
            )
        });
        let svg = Heat {
            names: Names { id, title: &title, description: &description },
            rows_name: "True class",
            rows: &rows,
            columns_name: "Predicted class (% of the true class)",
            columns: &rows,
            cells: &cells,
        }
        .draw()?;
        Ok((title, String::new(), svg))
    })
}

/// Reliability diagrams, arm by arm.
pub(super) fn reliability(results: &Results) -> Result<Vec<Figure>> {
    of_arms(results, "reliability", |arm, index, quality, id| {
        let error = &quality.calibration_error;
        let title = format!("Reliability, {}", arm.name);
        let description = format!("Expected calibration error: {}.", mean_and_range(error));
        let names = Names { id, title: &title, description: &description };
        let svg = super::reliability::reliability(names, Ink::Arm(index), &quality.reliability)?;
        Ok((title, format!("Expected calibration error {}\u{a0}%.", percent(error.mean)), svg))
    })
}

/// A figure for each arm that has finished runs; `draw` gives its title, note and drawing.
fn of_arms(
    results: &Results,
    what: &str,
    draw: impl Fn(&ArmResults, usize, &Quality, &str) -> Result<(String, String, String)>,
) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (index, arm) in results.arms.iter().enumerate() {
        let Some(quality) = &arm.quality else { continue };
        let id = format!("{what}-{index}");
        let (title, note, svg) = draw(arm, index, quality, &id)?;
        figures.push(Figure { id, title, note, svg });
    }
    Ok(figures)
}

/// The name of a transform as words.
fn spoken(name: &str) -> String {
    name.replace('_', " ")
}
