//! The figure of a data curve: differences in accuracy over the number of training images.

use std::ops::Range;

use plotters::prelude::*;

use crate::curve::{CurvePoint, DataCurve};
use crate::error::{Error, Result};

const SIZE: (u32, u32) = (760, 440);
/// Okabe and Ito's colours, told apart by colour-blind readers too (Color Universal Design, 2008).
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

type Drawn = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// An SVG of every difference in test accuracy, in percentage points with its interval, over the number of training images
/// on a logarithmic scale.
///
/// # Errors
/// [`Error::Rendering`], which no curve that this crate made should cause.
pub fn growth_figure(curve: &DataCurve) -> Result<String> {
    let mut svg = String::new();
    draw(curve, &mut svg)
        .map_err(|error| Error::Rendering { what: "the data curve", message: error.to_string() })?;
    Ok(svg)
}

fn draw(curve: &DataCurve, svg: &mut String) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("Difference in test accuracy, {}", curve.data_set), ("sans-serif", 18))
        .margin(12)
        .margin_right(20)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(images(&curve.points).log_scale(), differences(&curve.points))?;
    chart
        .configure_mesh()
        .x_desc("Training images (originals)")
        .y_desc("Percentage points, with intervals")
        .label_style(("sans-serif", 13))
        .draw()?;
    for (contrast, colour) in curve.questions().into_iter().zip(COLOURS.iter().cycle()) {
        let of_point = |point: &CurvePoint| {
            let answer = point.answer(contrast)?;
            Some((point.images as f64, 100.0 * answer.difference, answer.interval))
        };
        let values: Vec<_> = curve.points.iter().filter_map(of_point).collect();
        let sample = *colour;
        chart
            .draw_series(LineSeries::new(values.iter().map(|&(x, y, _)| (x, y)), colour.stroke_width(2)))?
            .label(format!("{} - {}", contrast.a, contrast.b))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], sample.stroke_width(2)));
        let intervals = values.iter().filter_map(|&(x, y, interval)| Some((x, y, interval?)));
        chart.draw_series(intervals.map(|(x, y, interval)| {
            ErrorBar::new_vertical(x, 100.0 * interval.low, y, 100.0 * interval.high, colour.filled(), 8)
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    root.present()?;
    Ok(())
}

fn images(points: &[CurvePoint]) -> Range<f64> {
    let numbers = || points.iter().map(|point| point.images.max(1) as f64);
    let (low, high) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(1.0, f64::max));
    if low < high { low / 1.2..high * 1.2 } else { high / 2.0..high * 2.0 }
}

fn differences(points: &[CurvePoint]) -> Range<f64> {
    let ends = points.iter().flat_map(|point| &point.answers).flat_map(|answer| {
        let interval = answer.interval.map(|interval| [interval.low, interval.high]);
        interval.into_iter().flatten().chain([answer.difference, 0.0])
    });
    let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    let room = 0.1 * (high - low).max(0.001);
    100.0 * (low - room)..100.0 * (high + room)
}
