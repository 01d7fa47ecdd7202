//! Learning curves: accuracy over epochs for every arm, the mean over seeds with a band from the lowest to
//! the highest.

use plotters::prelude::*;

use crate::analysis::arms::ArmResults;
use crate::analysis::results::Results;
use crate::engine::scoring::Epoch;
use crate::error::{Error, Result};

/// Wide enough for two panels beside each other, in pixels.
const SIZE: (u32, u32) = (1100, 460);

/// Okabe and Ito's colours, told apart by colour-blind readers too (Color Universal Design, 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// An SVG of test accuracy (left) and training accuracy (right), in per cent over epochs, each with its own scale.
///
/// # Errors
/// [`Error::Rendering`], which no results that this crate made should cause.
pub fn learning_curves(results: &Results) -> Result<String> {
    let mut svg = String::new();
    draw(results, &mut svg)
        .map_err(|error| Error::Rendering { what: "the learning curves", message: error.to_string() })?;
    Ok(svg)
}

type Drawing<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type DrawingError = Box<dyn std::error::Error + Send + Sync>;

fn draw(results: &Results, svg: &mut String) -> std::result::Result<(), DrawingError> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let epochs = results.epochs();
    let (left, right) = root.split_horizontally(SIZE.0 / 2);
    panel(&left, "Test accuracy", results, epochs, |entry| entry.test_accuracy)?;
    panel(&right, "Accuracy on the arm's own training set", results, epochs, |entry| entry.train_accuracy)?;
    root.present()?;
    Ok(())
}

/// One chart of `value` for every arm.
fn panel(
    area: &Drawing<'_>,
    title: &str,
    results: &Results,
    epochs: usize,
    value: fn(&Epoch) -> f64,
) -> std::result::Result<(), DrawingError> {
    let bands: Vec<Vec<Band>> = results.arms.iter().map(|arm| bands(arm, value)).collect();
    // The scale starts at the lowest mean after a twentieth of the epochs: the first ones would press everything
    // else to the top.
    let settled = || bands.iter().flatten().filter(|band| band.epoch * 20.0 >= epochs as f64);
    let low = settled().map(|band| band.mean).fold(100.0, f64::min).floor();
    let high = settled().map(|band| band.high).fold(0.0, f64::max).ceil();
    let y = low..high.max(low + 1.0);
    let decimals = usize::from(y.end - y.start < 10.0);

    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .margin_right(20)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..epochs as f64, y.clone())?;
    chart
        .configure_mesh()
        .x_desc("Epoch")
        .y_desc("Accuracy (%)")
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .y_label_formatter(&|accuracy| format!("{accuracy:.decimals$}"))
        .light_line_style(WHITE.mix(0.0))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .draw()?;
    for ((arm, bands), colour) in results.arms.iter().zip(&bands).zip(COLOURS.iter().cycle()) {
        let inside: Vec<_> = bands.iter().filter(|band| band.mean >= y.start).collect();
        let there = inside.iter().map(|band| (band.epoch, band.high));
        let back = inside.iter().rev().map(|band| (band.epoch, band.low.max(y.start)));
        chart.draw_series([Polygon::new(there.chain(back).collect::<Vec<_>>(), colour.mix(0.18))])?;
        let line = inside.iter().map(|band| (band.epoch, band.mean));
        let sample = *colour;
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(arm.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], sample.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    Ok(())
}

/// Mean, lowest and highest of a value over seeds after an epoch, in per cent.
struct Band {
    epoch: f64,
    low: f64,
    mean: f64,
    high: f64,
}

fn bands(arm: &ArmResults, value: fn(&Epoch) -> f64) -> Vec<Band> {
    let epochs = arm.runs.first().map(|run| run.history.iter().map(|entry| entry.epoch));
    epochs
        .into_iter()
        .flatten()
        .map(|epoch| {
            let values = arm.at(epoch, value);
            Band {
                epoch: epoch as f64,
                low: 100.0 * values.iter().copied().fold(f64::INFINITY, f64::min),
                mean: 100.0 * values.iter().sum::<f64>() / values.len() as f64,
                high: 100.0 * values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            }
        })
        .collect()
}
