//! Curves of several arms: the mean over seeds as a line, from the lowest to the highest run as a band.

use std::ops::Range;

use plotters::prelude::*;

use super::canvas::{Axes, Chart, Drawing, Ink, Names, Tip, UNIT, chart, decimals, figure, pixel, stroke};
use crate::error::Result;
use crate::report::format::fixed;

/// Of a figure, in units.
const HEIGHT: i32 = 320;
/// Places along a curve that show exact values, at most.
const TIPS: usize = 40;

/// The values of an arm at one place, over its seeds.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub x: f64,
    pub low: f64,
    pub mean: f64,
    pub high: f64,
}

/// An arm's curve.
pub(super) struct Curve {
    pub name: String,
    pub ink: Ink,
    /// Ascending in x.
    pub bands: Vec<Band>,
}

/// How values are drawn.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Style {
    /// Lines with bands.
    Lines,
    /// Dots with whiskers, for places that are one unit of the x axis apart.
    Dots,
}

/// A figure of curves over one axis.
pub(super) struct Curves<'a> {
    pub names: Names<'a>,
    pub x_name: &'a str,
    pub y_name: &'a str,
    /// How a place on the x axis is called above its exact values.
    pub place: &'a dyn Fn(f64) -> String,
    /// Unit of exact values, as in " %".
    pub unit: &'a str,
    pub curves: &'a [Curve],
    /// What the axes show.
    pub x: Range<f64>,
    pub y: Range<f64>,
    /// How the values are drawn.
    pub style: Style,
}

impl Curves<'_> {
    pub fn draw(&self) -> Result<String> {
        let x_decimals = decimals(&self.x);
        let y_decimals = decimals(&self.y);
        let axes = Axes {
            x: self.x.clone(),
            x_name: self.x_name,
            x_label: &|x| fixed(*x, x_decimals),
            y: self.y.clone(),
            y_name: self.y_name,
            y_label: &|y| fixed(*y, y_decimals),
            left: 74,
        };
        figure(self.names, HEIGHT, |area| {
            let mut chart = chart(area, &axes)?;
            let inside: Vec<Vec<Band>> =
                self.curves.iter().map(|curve| clipped(&curve.bands, &self.y)).collect();
            if self.style == Style::Dots {
                for (number, (curve, bands)) in self.curves.iter().zip(&inside).enumerate() {
                    // Side by side, so that none hides another.
                    let aside = (number as f64 + 0.5) / self.curves.len() as f64 - 0.5;
                    let beside = bands.iter().map(|&band| Band { x: band.x + 0.6 * aside, ..band });
                    marks(&mut chart, curve.ink, &beside.collect::<Vec<_>>())?;
                }
                return Ok(self.tips(&chart));
            }
            for (curve, bands) in self.curves.iter().zip(&inside) {
                band(&mut chart, curve.ink, bands)?;
            }
            for (curve, bands) in self.curves.iter().zip(&inside) {
                line(&mut chart, curve.ink, bands)?;
            }
            Ok(self.tips(&chart))
        })
    }

    /// A column for each place, or for some of many.
    fn tips(&self, chart: &Chart<'_>) -> Vec<Tip> {
        let mut places: Vec<f64> =
            self.curves.iter().flat_map(|curve| &curve.bands).map(|band| band.x).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let shown: Vec<f64> =
            spread(&places, &self.x).into_iter().filter(|x| self.x.contains(x) || *x == self.x.end).collect();
        let (left, top) = pixel(chart, self.x.start, self.y.end);
        let (right, bottom) = pixel(chart, self.x.end, self.y.start);
        let middle = |a: f64, b: f64| pixel(chart, (a + b) / 2.0, 0.0).0;
        let tip = |(i, &x): (usize, &f64)| Tip {
            place: [
                if i == 0 { left } else { middle(shown[i - 1], x) },
                top,
                shown.get(i + 1).map_or(right, |&next| middle(x, next)),
                bottom,
            ],
            lines: std::iter::once((self.place)(x)).chain(self.values(x)).collect(),
        };
        shown.iter().enumerate().map(tip).collect()
    }

    /// A line for each curve that has a value at `x`.
    fn values(&self, x: f64) -> impl Iterator<Item = String> {
        // One digit more than the axis shows, and two at least: accuracies are given so everywhere.
        let digits = decimals(&self.y).max(2);
        self.curves.iter().filter_map(move |curve| {
            let band = curve.bands.iter().find(|band| band.x == x)?;
            let [mean, low, high] = [band.mean, band.low, band.high].map(|value| fixed(value, digits));
            Some(format!("{}: {mean}{} ({low} to {high})", curve.name, self.unit))
        })
    }
}

fn line(chart: &mut Chart<'_>, ink: Ink, bands: &[Band]) -> Drawing {
    let points = bands.iter().map(|band| (band.x, band.mean));
    chart.draw_series(LineSeries::new(points, stroke(ink, 2.0)))?;
    Ok(())
}

/// A dot for each mean, with a line from the lowest to the highest run.
fn marks(chart: &mut Chart<'_>, ink: Ink, bands: &[Band]) -> Drawing {
    let ends = |band: &Band| PathElement::new([(band.x, band.low), (band.x, band.high)], stroke(ink, 1.5));
    chart.draw_series(bands.iter().map(ends))?;
    let dot = |band: &Band| Circle::new((band.x, band.mean), 4 * UNIT, ink.colour().filled());
    chart.draw_series(bands.iter().map(dot))?;
    Ok(())
}

fn band(chart: &mut Chart<'_>, ink: Ink, bands: &[Band]) -> Drawing {
    let there = bands.iter().map(|band| (band.x, band.high));
    let back = bands.iter().rev().map(|band| (band.x, band.low));
    let outline: Vec<_> = there.chain(back).collect();
    chart.draw_series([Polygon::new(outline, ink.colour().mix(0.16))])?;
    Ok(())
}

/// The part of a curve whose mean is inside of `y`, from where it comes in; its band is cut at the ends of `y`.
fn clipped(bands: &[Band], y: &Range<f64>) -> Vec<Band> {
    let inside = |band: &Band| y.start <= band.mean && band.mean <= y.end;
    let cut = |band: Band| Band {
        low: band.low.clamp(y.start, y.end),
        high: band.high.clamp(y.start, y.end),
        ..band
    };
    let mut clipped = Vec::new();
    for (i, band) in bands.iter().enumerate().filter(|(_, band)| inside(band)) {
        if let Some(before) = i.checked_sub(1).map(|i| bands[i]).filter(|before| !inside(before)) {
            let edge = before.mean.clamp(y.start, y.end);
            let share = (edge - before.mean) / (band.mean - before.mean);
            let at = |from: f64, to: f64| from + share * (to - from);
            clipped.push(cut(Band {
                x: at(before.x, band.x),
                low: at(before.low, band.low),
                mean: edge,
                high: at(before.high, band.high),
            }));
        }
        clipped.push(cut(*band));
    }
    clipped
}

/// At most [`TIPS`] of the ascending `places`, about evenly over `x`, the last among them.
fn spread(places: &[f64], x: &Range<f64>) -> Vec<f64> {
    let gap = if places.len() > TIPS { (x.end - x.start) / TIPS as f64 } else { 0.0 };
    let mut chosen: Vec<f64> = Vec::new();
    for &place in places.iter().rev() {
        if chosen.last().is_none_or(|last| last - place >= gap) {
            chosen.push(place);
        }
    }
    chosen.reverse();
    chosen
}

/// A scale that shows all of `values` with a little room above and below, and is never empty.
pub(super) fn scale(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let room = (0.06 * (high - low)).max(1e-3 * high.abs()).max(1e-3);
    low - room..high + room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(x: f64, mean: f64) -> Band {
        Band { x, low: mean - 1.0, mean, high: mean + 1.0 }
    }

    #[test]
    fn a_curve_comes_in_where_it_crosses_the_edge() {
        let bands = [band(1.0, 0.0), band(2.0, 10.0), band(3.0, 19.5)];
        let inside = clipped(&bands, &(5.0..20.0));
        let points: Vec<_> = inside.iter().map(|band| (band.x, band.mean)).collect();
        assert_eq!(points, [(1.5, 5.0), (2.0, 10.0), (3.0, 19.5)]);
        assert_eq!((inside[0].low, inside[2].high), (5.0, 20.0));
        assert_eq!(clipped(&bands, &(-5.0..20.0)).len(), 3);
        assert!(clipped(&bands, &(30.0..40.0)).is_empty());
    }

    #[test]
    fn places_with_exact_values_are_spread_and_end_at_the_last() {
        let places: Vec<f64> = (1..=10).map(f64::from).chain((2..=80).map(|e| 10.0 * f64::from(e))).collect();
        let shown = spread(&places, &(0.0..800.0));
        assert!(shown.len() <= TIPS + 1 && shown.len() > TIPS / 2, "{shown:?}");
        assert_eq!(shown.last(), Some(&800.0));
        assert_eq!(spread(&places[..20], &(0.0..800.0)), &places[..20]);
    }

    #[test]
    fn a_scale_is_never_empty() {
        for values in [vec![], vec![3.0], vec![0.0, 0.0], vec![1.0, 2.0]] {
            let scale = scale(values.iter().copied());
            assert!(scale.start < scale.end, "{values:?}");
            assert!(values.iter().all(|value| scale.contains(value)), "{values:?}");
        }
    }
}
