//! From one arm to another in steps, each a change of one thing.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{
    Axes, Ink, Names, TEXT, Tip, UNIT, anchored, chart, decimals, figure, pixel, stroke, wrapped,
};
use super::curves::scale;
use crate::error::Result;
use crate::report::format::fixed;

/// Of the figure, in units; the last of it holds labels of several lines.
const HEIGHT: i32 = 340;
/// Half of a step's width, in columns.
const HALF: f64 = 0.34;

/// A change of one thing.
pub(super) struct Step {
    pub name: String,
    /// By how much it changes the value.
    pub change: f64,
    /// Its interval, about the change.
    pub interval: Option<(f64, f64)>,
    /// The exact values.
    pub tip: Vec<String>,
}

/// Where the steps start or end.
pub(super) struct End<'a> {
    pub name: &'a str,
    pub ink: Ink,
    pub value: f64,
}

/// Steps from `start` to `end`, which is the start plus all changes.
pub(super) struct Waterfall<'a> {
    pub names: Names<'a>,
    pub y_name: &'a str,
    pub start: End<'a>,
    pub steps: &'a [Step],
    pub end: End<'a>,
}

impl Waterfall<'_> {
    pub fn draw(&self) -> Result<String> {
        let y = self.scale();
        let columns = self.steps.len() as f64 + 2.0;
        let y_decimals = decimals(&y);
        let axes = Axes {
            x: 0.0..columns,
            x_name: "",
            x_label: &|_| String::new(),
            y: y.clone(),
            y_name: self.y_name,
            y_label: &|y| fixed(*y, y_decimals),
            left: 58,
        };
        figure(self.names, HEIGHT, |area| {
            let mut chart = chart(area, &axes)?;
            let mut tips = Vec::new();
            let mut level = self.start.value;
            let ends = [(0.5, &self.start), (columns - 0.5, &self.end)];
            for (x, end) in ends {
                let mark =
                    PathElement::new([(x - HALF, end.value), (x + HALF, end.value)], stroke(end.ink, 5.0));
                chart.draw_series([mark])?;
                let (x, y) = pixel(&chart, x, end.value);
                let style = anchored(TEXT, Ink::Text, HPos::Center, VPos::Bottom);
                area.draw_text(&fixed(end.value, 2), &style, (x, y - 8 * UNIT))?;
            }
            for (number, step) in self.steps.iter().enumerate() {
                let x = number as f64 + 1.5;
                let to = level + step.change;
                let lead =
                    PathElement::new([(x - 1.0 + HALF, level), (x - HALF, level)], stroke(Ink::Muted, 1.0));
                chart.draw_series([lead])?;
                let bar = Rectangle::new(
                    [(x - HALF, level), (x + HALF, to)],
                    Ink::Accent.colour().mix(0.6).filled(),
                );
                chart.draw_series([bar])?;
                let mut top = level.max(to);
                if let Some((low, high)) = step.interval {
                    let whisker =
                        PathElement::new([(x, level + low), (x, level + high)], stroke(Ink::Text, 1.5));
                    chart.draw_series([whisker])?;
                    top = top.max(level + high);
                }
                let (middle, above) = pixel(&chart, x, top);
                let style = anchored(TEXT, Ink::Text, HPos::Center, VPos::Bottom);
                let change = crate::report::format::points(step.change / 100.0);
                area.draw_text(&change, &style, (middle, above - 5 * UNIT))?;
                let (left, top) = pixel(&chart, x - 0.5, y.end);
                let (right, bottom) = pixel(&chart, x + 0.5, y.start);
                tips.push(Tip { place: [left, top, right, bottom], lines: step.tip.clone() });
                level = to;
            }
            let last = PathElement::new(
                [(columns - 1.5 + HALF, level), (columns - 0.5 - HALF, level)],
                stroke(Ink::Muted, 1.0),
            );
            chart.draw_series([last])?;
            let steps = self.steps.iter().map(|step| step.name.as_str());
            let labels = [self.start.name].into_iter().chain(steps).chain([self.end.name]);
            for (number, label) in labels.enumerate() {
                let (x, bottom) = pixel(&chart, number as f64 + 0.5, y.start);
                for (line, words) in wrapped(label, 3).iter().enumerate() {
                    let place = (x, bottom + (8 + 14 * line as i32) * UNIT);
                    area.draw_text(words, &anchored(TEXT - 1.0, Ink::Text, HPos::Center, VPos::Top), place)?;
                }
            }
            Ok(tips)
        })
    }

    fn scale(&self) -> std::ops::Range<f64> {
        let mut level = self.start.value;
        let mut values = vec![self.start.value, self.end.value];
        for step in self.steps {
            let (low, high) = step.interval.unwrap_or((step.change, step.change));
            values.extend([level + low, level + high]);
            level += step.change;
            values.push(level);
        }
        let range = scale(values.into_iter());
        // Room for the number above the highest.
        range.start..range.end + 0.08 * (range.end - range.start)
    }
}
