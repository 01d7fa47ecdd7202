//! A grid of numbers, the larger the darker.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Ink, Names, TEXT, Tip, UNIT, WIDTH, anchored, figure, wrapped};
use crate::error::Result;

/// Of the darkest cell: text is still easy to read on it, in light and dark.
const DARKEST: f64 = 0.55;
/// Left of the grid, in units.
const LEFT: i32 = 112;
/// Above the grid, in units: the name of the columns and two lines of labels.
const TOP: i32 = 58;
/// Columns up to this number have horizontal labels.
const HORIZONTAL: usize = 5;

/// One number of the grid.
pub(super) struct Cell {
    /// How dark, in [0, 1].
    pub shade: f64,
    pub text: String,
    /// The exact values.
    pub tip: Vec<String>,
}

/// A figure of cells, row by row.
pub(super) struct Heat<'a> {
    pub names: Names<'a>,
    pub rows_name: &'a str,
    pub rows: &'a [String],
    pub columns_name: &'a str,
    pub columns: &'a [String],
    pub cells: &'a [Vec<Cell>],
}

impl Heat<'_> {
    pub fn draw(&self) -> Result<String> {
        let turned = self.columns.len() > HORIZONTAL;
        let longest = self.columns.iter().map(|name| name.chars().count()).max().unwrap_or(0) as i32;
        let top = if turned { 34 + 7 * longest } else { TOP };
        let width = (WIDTH - LEFT - 8) / self.columns.len().max(1) as i32;
        let height = if turned { width } else { 34 };
        figure(self.names, top + height * self.rows.len() as i32 + 8, |area| {
            let centre = |size| anchored(size, Ink::Text, HPos::Center, VPos::Center);
            let at = |x: i32, y: i32| (x * UNIT, y * UNIT);
            let middle = LEFT + width * self.columns.len() as i32 / 2;
            area.draw_text(self.columns_name, &centre(TEXT), at(middle, 10))?;
            area.draw_text(
                self.rows_name,
                &anchored(TEXT, Ink::Text, HPos::Right, VPos::Center),
                at(LEFT - 8, top - 12),
            )?;
            for (column, name) in self.columns.iter().enumerate() {
                let x = LEFT + width * column as i32 + width / 2;
                if turned {
                    let style = anchored(TEXT - 1.0, Ink::Muted, HPos::Left, VPos::Center)
                        .transform(FontTransform::Rotate270);
                    area.draw_text(name, &style, at(x, top - 6))?;
                    continue;
                }
                let lines = wrapped(name, 2);
                for (number, line) in lines.iter().rev().enumerate() {
                    let style = anchored(TEXT - 1.0, Ink::Muted, HPos::Center, VPos::Center);
                    area.draw_text(line, &style, at(x, top - 12 - 15 * number as i32))?;
                }
            }
            let mut tips = Vec::new();
            for (row, (name, cells)) in self.rows.iter().zip(self.cells).enumerate() {
                let y = top + height * row as i32;
                let style = anchored(TEXT, Ink::Muted, HPos::Right, VPos::Center);
                area.draw_text(&name.replace('_', " "), &style, at(LEFT - 8, y + height / 2))?;
                for (column, cell) in cells.iter().enumerate() {
                    let x = LEFT + width * column as i32;
                    let corners = [at(x, y), at(x + width - 1, y + height - 1)];
                    let shade =
                        Ink::Accent.colour().mix((0.02 + 0.98 * cell.shade.clamp(0.0, 1.0)) * DARKEST);
                    area.draw(&Rectangle::new(corners, shade.filled()))?;
                    area.draw_text(&cell.text, &centre(TEXT), at(x + width / 2, y + height / 2))?;
                    let [(left, top), (right, bottom)] = corners;
                    tips.push(Tip { place: [left, top, right, bottom], lines: cell.tip.clone() });
                }
            }
            Ok(tips)
        })
    }
}
