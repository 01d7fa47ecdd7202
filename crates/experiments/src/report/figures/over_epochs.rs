//! What happens while the arms train: accuracy and loss, how far training and test drift apart, what it takes to get
//! somewhere.

use super::Figure;
use super::canvas::{Ink, Names};
use super::curves::{Band, Curve, Curves, Style, scale};
use crate::analysis::arms::ArmResults;
use crate::analysis::costs::ArmCost;
use crate::analysis::results::Results;
use crate::engine::scoring::Epoch;
use crate::error::Result;
use crate::report::format::{fixed, percent, thousands};
use mlprobe_stats::{Summary, summary};

/// Curves start at this share of all epochs: before it they rise so steeply that the rest would be flat.
const SETTLED: f64 = 0.05;

/// Accuracy and loss, on the test set and on each arm's own training set.
pub(super) fn learning(results: &Results) -> Result<Vec<Figure>> {
    let accuracy = |id, title, value| over_epochs(results, id, title, "Accuracy (%)", " %", 100.0, value);
    let loss =
        |id, title, value| over_epochs(results, id, title, "Cross-entropy (nats)", " nats", 1.0, value);
    Ok([
        accuracy("test-accuracy", "Test accuracy", |e| e.test_accuracy)?,
        accuracy("train-accuracy", "Training accuracy, on the arm’s own training set", |e| {
            e.train_accuracy
        })?,
        loss("test-loss", "Test loss", |e| e.test_loss)?,
        loss("train-loss", "Training loss, on the arm’s own training set", |e| e.train_loss)?,
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// By how much the models are better on the original training images than on the test images.
pub(super) fn gaps(results: &Results) -> Result<Vec<Figure>> {
    let accuracy = over_epochs(
        results,
        "accuracy-gap",
        "Gap in accuracy: training minus test",
        "Gap (percentage points)",
        " points",
        100.0,
        |e| e.original_accuracy - e.test_accuracy,
    )?;
    let loss = over_epochs(
        results,
        "loss-gap",
        "Gap in loss: test minus training",
        "Gap (nats)",
        " nats",
        1.0,
        |e| e.test_loss - e.original_loss,
    )?;
    Ok([accuracy, loss].into_iter().flatten().collect())
}

/// One of the units that a cost is counted in; `None` unless all runs arrived.
type CostOf = fn(&ArmCost) -> Option<Summary>;

/// Epochs, updates and seconds until each test accuracy is reached.
pub(super) fn costs(results: &Results) -> Result<Vec<Figure>> {
    let units: [(&str, &str, &str, CostOf); 3] = [
        ("cost-epochs", "Epochs until a test accuracy is reached", "Epochs", |cost| cost.epochs),
        ("cost-updates", "Updates until a test accuracy is reached", "Updates", |cost| cost.updates),
        ("cost-seconds", "Training time until a test accuracy is reached", "Seconds on one thread", |cost| {
            cost.seconds
        }),
    ];
    let reached = |value: CostOf| -> Vec<Curve> {
        let band = |accuracy: f64, summary: Summary| Band {
            x: 100.0 * accuracy,
            low: summary.min,
            mean: summary.mean,
            high: summary.max,
        };
        let of_arm = |(index, arm): (usize, &ArmResults)| Curve {
            name: arm.name.clone(),
            ink: Ink::Arm(index),
            bands: results
                .costs
                .iter()
                .filter_map(|cost| Some(band(cost.accuracy, value(cost.arms.get(index)?)?)))
                .collect(),
        };
        results.arms.iter().enumerate().map(of_arm).collect()
    };
    let mut figures = Vec::new();
    let (Some(first), Some(last)) = (results.costs.first(), results.costs.last()) else { return Ok(figures) };
    for (id, title, y_name, value) in units {
        let curves = reached(value);
        let values = curves.iter().flat_map(|curve| &curve.bands).map(|band| band.high);
        let description = format!(
            "{y_name} until each arm’s models first reach test accuracies from {} to {} %. {}",
            percent(first.accuracy),
            percent(last.accuracy),
            last_values(&curves, ""),
        );
        let svg = Curves {
            names: Names { id, title, description: &description },
            x_name: "Test accuracy to reach (%)",
            y_name,
            place: &|x| format!("{y_name} to {} %", fixed(x, 0)),
            unit: "",
            curves: &curves,
            x: 100.0 * first.accuracy - 0.5..100.0 * last.accuracy + 0.5,
            y: 0.0..scale(values).end,
            style: Style::Dots,
        }
        .draw()?;
        figures.push(Figure { id: id.to_owned(), title: title.to_owned(), note: String::new(), svg });
    }
    Ok(figures)
}

/// A figure of `value`, in `factor` of its unit, for every arm; none before the first run.
fn over_epochs(
    results: &Results,
    id: &str,
    title: &str,
    y_name: &str,
    unit: &str,
    factor: f64,
    value: fn(&Epoch) -> f64,
) -> Result<Option<Figure>> {
    let curve = |(index, arm): (usize, &ArmResults)| Curve {
        name: arm.name.clone(),
        ink: Ink::Arm(index),
        bands: bands(arm, factor, value),
    };
    let curves: Vec<Curve> = results.arms.iter().enumerate().map(curve).collect();
    if curves.iter().all(|curve| curve.bands.is_empty()) {
        return Ok(None);
    }
    let epochs = results.epochs() as f64;
    let settled = |band: &&Band| band.x >= SETTLED * epochs;
    let shown = curves.iter().flat_map(|curve| &curve.bands).filter(settled);
    let y = scale(shown.flat_map(|band| [band.low, band.high]));
    let description = format!("After {} epochs: {}", results.epochs(), last_values(&curves, unit));
    let svg = Curves {
        names: Names { id, title, description: &description },
        x_name: "Epoch",
        y_name,
        place: &|x| format!("Epoch {}", thousands(x as u64)),
        unit,
        curves: &curves,
        x: 0.0..epochs,
        y,
        style: Style::Lines,
    }
    .draw()?;
    Ok(Some(Figure { id: id.to_owned(), title: title.to_owned(), note: String::new(), svg }))
}

/// Mean, lowest and highest over seeds at every scored epoch.
fn bands(arm: &ArmResults, factor: f64, value: fn(&Epoch) -> f64) -> Vec<Band> {
    let epochs = arm.runs.first().into_iter().flat_map(|run| &run.history).map(|entry| entry.epoch);
    let band = |epoch: usize| {
        let Summary { mean, min, max, .. } = summary(&arm.at(epoch, value)).ok()?;
        let x = epoch as f64;
        Some(Band { x, low: factor * min, mean: factor * mean, high: factor * max })
    };
    epochs.filter_map(band).collect()
}

/// Where every curve ends, in words.
fn last_values(curves: &[Curve], unit: &str) -> String {
    let end = |curve: &Curve| {
        let value = curve.bands.last().map(|band| format!("{}{unit}", fixed(band.mean, 2)));
        format!("{} {}", curve.name, value.unwrap_or_else(|| "not by all runs".to_owned()))
    };
    format!("{}.", curves.iter().map(end).collect::<Vec<_>>().join(", "))
}
