//! One row for each quantity, on one axis: its mean, its intervals, and the single seeds.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{
    Axes, Chart, Drawing, Ink, Names, TEXT, Tip, UNIT, anchored, chart, decimals, figure, pixel, stroke,
};
use super::curves::scale;
use crate::error::Result;
use crate::report::format::fixed;

/// Of a line, in units.
const LINE: i32 = 26;
/// Around the lines, in units: margin, axis labels.
const AROUND: i32 = 60;

/// A line of the figure.
pub(super) enum Line {
    /// Words over the rows below them.
    Heading(String),
    Row(Row),
}

/// A quantity, in the unit of the axis.
pub(super) struct Row {
    pub label: String,
    pub ink: Ink,
    pub mean: f64,
    /// The narrower interval, drawn thick.
    pub inner: Option<(f64, f64)>,
    /// The wider interval, drawn thin.
    pub outer: Option<(f64, f64)>,
    /// One for each seed.
    pub seeds: Vec<f64>,
    /// Filled, or only an outline for what is read on the way.
    pub filled: bool,
    /// The exact values.
    pub tip: Vec<String>,
}

/// A figure of rows.
pub(super) struct Rows<'a> {
    pub names: Names<'a>,
    pub x_name: &'a str,
    pub lines: &'a [Line],
    /// Room for the labels of rows, in units.
    pub left: i32,
    /// Lines across all rows, each with its words.
    pub references: &'a [(f64, &'a str)],
    /// What counts as no difference, shaded around 0.
    pub margin: Option<f64>,
}

impl Rows<'_> {
    pub fn draw(&self) -> Result<String> {
        let x = self.scale();
        let x_decimals = decimals(&x);
        let count = self.lines.len() as f64;
        let axes = Axes {
            x: x.clone(),
            x_name: self.x_name,
            x_label: &|x| fixed(*x, x_decimals),
            y: count..0.0,
            y_name: "",
            y_label: &|_| String::new(),
            left: self.left,
        };
        figure(self.names, self.lines.len() as i32 * LINE + AROUND, |area| {
            let mut chart = chart(area, &axes)?;
            if let Some(margin) = self.margin {
                let band = [(-margin, 0.0), (margin, count)];
                chart.draw_series([Rectangle::new(band, Ink::Muted.colour().mix(0.15).filled())])?;
                let zero = PathElement::new([(0.0, 0.0), (0.0, count)], stroke(Ink::Muted, 1.5));
                chart.draw_series([zero])?;
            }
            for &(value, words) in self.references {
                self.reference(&mut chart, value, words, &x)?;
            }
            let mut tips = Vec::new();
            for (number, line) in self.lines.iter().enumerate() {
                let middle = number as f64 + 0.5;
                let y = pixel(&chart, x.start, middle).1;
                match line {
                    Line::Heading(words) => {
                        // Lines across all rows stop where words are.
                        let behind = Rectangle::new(
                            [(x.start, number as f64), (x.end, number as f64 + 1.0)],
                            Ink::Page.colour().filled(),
                        );
                        chart.draw_series(self.margin.map(|_| behind))?;
                        area.draw_text(
                            words,
                            &anchored(TEXT, Ink::Text, HPos::Left, VPos::Center),
                            (4 * UNIT, y),
                        )?;
                    }
                    Line::Row(row) => {
                        let place = ((self.left - 8) * UNIT, y);
                        area.draw_text(
                            &row.label,
                            &anchored(TEXT, Ink::Muted, HPos::Right, VPos::Center),
                            place,
                        )?;
                        row.draw(&mut chart, middle)?;
                        let half = LINE * UNIT / 2;
                        let right = pixel(&chart, x.end, middle).0;
                        tips.push(Tip { place: [0, y - half, right, y + half], lines: row.tip.clone() });
                    }
                }
            }
            Ok(tips)
        })
    }

    fn reference(&self, chart: &mut Chart<'_>, value: f64, words: &str, x: &Range<f64>) -> Drawing {
        if !x.contains(&value) {
            return Ok(());
        }
        let count = self.lines.len() as f64;
        let line = [(value, 0.8), (value, count)];
        chart.draw_series(DashedLineSeries::new(
            line,
            4 * UNIT as u32,
            3 * UNIT as u32,
            stroke(Ink::Muted, 1.0),
        ))?;
        let style = anchored(TEXT - 1.0, Ink::Muted, HPos::Center, VPos::Center);
        chart.draw_series([Text::new(words.to_owned(), (value, 0.5), style)])?;
        Ok(())
    }

    /// Everything that is drawn, and 0 if differences are.
    fn scale(&self) -> Range<f64> {
        let rows = self.lines.iter().filter_map(|line| match line {
            Line::Row(row) => Some(row),
            Line::Heading(_) => None,
        });
        let ends = |interval: Option<(f64, f64)>| interval.into_iter().flat_map(|(low, high)| [low, high]);
        let values = rows.flat_map(|row| {
            ends(row.inner).chain(ends(row.outer)).chain(row.seeds.iter().copied()).chain([row.mean])
        });
        let margin = self.margin.into_iter().flat_map(|margin| [-margin, margin]);
        scale(values.chain(margin).chain(self.references.iter().map(|&(value, _)| value)))
    }
}

impl Row {
    fn draw(&self, chart: &mut Chart<'_>, y: f64) -> Drawing {
        let line =
            |(low, high): (f64, f64), width| PathElement::new([(low, y), (high, y)], stroke(self.ink, width));
        chart.draw_series(self.outer.map(|interval| line(interval, 1.5)))?;
        chart.draw_series(self.inner.map(|interval| line(interval, 5.0)))?;
        let seed =
            |&value: &f64| Circle::new((value, y + 0.3), 2 * UNIT, Ink::Text.colour().mix(0.45).filled());
        chart.draw_series(self.seeds.iter().map(seed))?;
        // A ring in the colour of the page keeps the mean apart from the interval.
        let ring = Circle::new((self.mean, y), 6 * UNIT, Ink::Page.colour().filled());
        chart.draw_series([ring])?;
        let mean = if self.filled { self.ink.colour().filled() } else { stroke(self.ink, 2.0) };
        chart.draw_series([Circle::new((self.mean, y), 4 * UNIT, mean)])?;
        Ok(())
    }
}
