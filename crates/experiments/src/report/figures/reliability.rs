//! Reliability diagrams: how often a model is right against how sure it is.

use plotters::prelude::*;

use super::canvas::{Axes, Ink, Names, Tip, UNIT, chart, figure, pixel, stroke};
use crate::error::Result;
use crate::report::format::{fixed, percent, points, thousands};
use mlprobe_stats::metrics::Reliability;

/// Of the figure, in units.
const HEIGHT: i32 = 360;
/// Of the fullest bin's dot, in units; areas are in proportion to the number of predictions.
const RADIUS: f64 = 11.0;

/// Accuracy over confidence, bin by bin, with the distance of each to the diagonal.
pub(super) fn reliability(names: Names<'_>, ink: Ink, reliability: &Reliability) -> Result<String> {
    let axes = Axes {
        x: 0.0..100.0,
        x_name: "Confidence: probability of the predicted class (%)",
        x_label: &|x| fixed(*x, 0),
        y: 0.0..100.0,
        y_name: "Accuracy: share that is right (%)",
        y_label: &|y| fixed(*y, 0),
        left: 58,
    };
    let filled = || reliability.bins.iter().enumerate().filter(|(_, bin)| bin.count > 0);
    let most = f64::from(filled().map(|(_, bin)| bin.count).max().unwrap_or(1));
    figure(names, HEIGHT, |area| {
        let mut chart = chart(area, &axes)?;
        let diagonal = [(0.0, 0.0), (100.0, 100.0)];
        let (dash, gap) = (5 * UNIT as u32, 4 * UNIT as u32);
        chart.draw_series(DashedLineSeries::new(diagonal, dash, gap, stroke(Ink::Muted, 1.5)))?;
        let distances = filled().map(|(_, bin)| {
            let x = 100.0 * bin.confidence;
            PathElement::new([(x, x), (x, 100.0 * bin.accuracy)], stroke(ink, 2.0))
        });
        chart.draw_series(distances)?;
        let dots = filled().map(|(_, bin)| {
            let radius = RADIUS * (f64::from(bin.count) / most).sqrt();
            let place = (100.0 * bin.confidence, 100.0 * bin.accuracy);
            Circle::new(place, (radius.max(2.5) * f64::from(UNIT)) as i32, ink.colour().mix(0.85).filled())
        });
        chart.draw_series(dots)?;
        let bins = reliability.bins.len() as f64;
        let tips = filled().map(|(number, bin)| {
            let edge = |number: usize| 100.0 * number as f64 / bins;
            let (left, top) = pixel(&chart, edge(number), 100.0);
            let (right, bottom) = pixel(&chart, edge(number + 1), 0.0);
            Tip {
                place: [left, top, right, bottom],
                lines: vec![
                    format!("{} to {} % sure", fixed(edge(number), 1), fixed(edge(number + 1), 1)),
                    format!("predictions: {}", thousands(u64::from(bin.count))),
                    format!("mean confidence: {} %", percent(bin.confidence)),
                    format!("accuracy: {} %", percent(bin.accuracy)),
                    format!("difference: {} points", points(bin.accuracy - bin.confidence)),
                ],
            }
        });
        Ok(tips.collect())
    })
}
