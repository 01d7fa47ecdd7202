//! What all figures share: size, colours that follow the page's theme, and exact values under the pointer.

use std::fmt::Write;
use std::ops::Range;

use minijinja::HtmlEscape;
use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::coord::{CoordTranslate, Shift};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::{Error, Result};

/// Plotters places everything on whole numbers: this many of them make a unit of 1/480 of a figure's width, so that
/// curves are smooth.
pub(super) const UNIT: i32 = 4;
/// Of every figure, in units. Narrow, so that text of 14 units can be read where the figure fills a phone.
pub(super) const WIDTH: i32 = 480;
/// Of text, in units.
pub(super) const TEXT: f64 = 14.0;
/// Below an axis, for its labels and its name, in units.
const X_LABELS: i32 = 46;
/// A letter's mean width in heights, for boxes around text.
const LETTER: f64 = 0.57;
const BOLD_LETTER: f64 = 0.66;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(super) type DrawingError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Drawing = std::result::Result<(), DrawingError>;

/// Names of a figure.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// Unique on the page.
    pub id: &'a str,
    pub title: &'a str,
    /// What a reader sees in it, for those who do not see it.
    pub description: &'a str,
}

/// Colours by their role; the page's style sheet says what they look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Muted,
    Grid,
    /// What is behind everything.
    Page,
    /// Intervals and shares that belong to no arm.
    Accent,
    /// Of the arm with this index.
    Arm(usize),
}

impl Ink {
    /// Colours of arms that the style sheet has. The next as many arms have the same again, their lines dashed.
    const ARMS: usize = 7;
    const FIXED: [(&'static str, Self); 5] = [
        ("text", Self::Text),
        ("muted", Self::Muted),
        ("line", Self::Grid),
        ("page", Self::Page),
        ("accent", Self::Accent),
    ];

    /// A colour that stands for this one until the figure is finished.
    pub fn colour(self) -> RGBColor {
        let code = match self {
            Self::Arm(index) => index % (2 * Self::ARMS),
            fixed => 2 * Self::ARMS + Self::FIXED.iter().position(|&(_, ink)| ink == fixed).unwrap_or(0),
        };
        RGBColor(0xFE, 0xED, code as u8)
    }

    /// The style sheet's name for it.
    pub fn variable(self) -> String {
        match self {
            Self::Arm(index) => format!("--arm-{}", index % Self::ARMS),
            fixed => Self::FIXED
                .iter()
                .filter(|&&(_, ink)| ink == fixed)
                .map(|(name, _)| format!("--{name}"))
                .collect(),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..2 * Self::ARMS).map(Self::Arm).chain(Self::FIXED.map(|(_, ink)| ink))
    }
}

/// Text in a figure: `size` in units.
pub(super) fn font(size: f64, ink: Ink) -> TextStyle<'static> {
    ("sans-serif", size * 1.24 * f64::from(UNIT)).into_font().color(&ink.colour())
}

/// [`font`] with the point it hangs on.
pub(super) fn anchored(size: f64, ink: Ink, h: HPos, v: VPos) -> TextStyle<'static> {
    font(size, ink).pos(Pos::new(h, v))
}

/// A stroke `width` units wide.
pub(super) fn stroke(ink: Ink, width: f64) -> ShapeStyle {
    ink.colour().stroke_width((width * f64::from(UNIT)).round() as u32)
}

/// Exact values, shown when the pointer is over a place or a finger taps it.
pub(super) struct Tip {
    /// Where it reacts, as left, top, right and bottom.
    pub place: [i32; 4],
    /// What it says; the first line is its heading.
    pub lines: Vec<String>,
}

/// Draws a figure `height` units high and makes it part of a page: it takes the width it is given, follows the page's
/// theme, has a title and a description for those who do not see it, and shows the tips that `draw` returns.
pub(super) fn figure<F>(names: Names<'_>, height: i32, draw: F) -> Result<String>
where
    F: for<'a> FnOnce(&Area<'a>) -> std::result::Result<Vec<Tip>, DrawingError>,
{
    let size = [WIDTH, height].map(|length| length * UNIT);
    let mut drawn = String::new();
    let tips = {
        let root = SVGBackend::with_string(&mut drawn, (size[0] as u32, size[1] as u32)).into_drawing_area();
        let tips = draw(&root).and_then(|tips| Ok(root.present().map(|()| tips)?));
        tips.map_err(|error| Error::Rendering { what: "a figure", message: error.to_string() })?
    };
    Ok(finish(names, size, &drawn, &tips))
}

/// What plotters drew, with our own root element.
fn finish(names: Names<'_>, size: [i32; 2], drawn: &str, tips: &[Tip]) -> String {
    let Names { id, title, description } = names;
    let body = drawn.split_once('>').map_or("", |(_, body)| body);
    let mut body = body.trim_end().trim_end_matches("</svg>").replace(" opacity=\"1\"", "");
    body = body.replace(" font-family=\"sans-serif\"", "").replace("\n</text>", "</text>");
    for ink in Ink::all() {
        let RGBColor(r, g, b) = ink.colour();
        let (stand_in, colour) =
            (format!("\"#{r:02X}{g:02X}{b:02X}\""), format!("\"var({})\"", ink.variable()));
        if matches!(ink, Ink::Arm(index) if index >= Ink::ARMS) {
            let dashed = format!("stroke={colour} stroke-dasharray=\"{} {}\"", 6 * UNIT, 3 * UNIT);
            body = body.replace(&format!("stroke={stand_in}"), &dashed);
        }
        body = body.replace(&stand_in, &colour);
    }
    let shown: String = tips.iter().map(|tip| tip.svg(size)).collect();
    let (title, description) = (HtmlEscape(title), HtmlEscape(description));
    // The title is inside of <defs> since browsers would show that of <svg> itself as a second tip.
    format!(
        "<svg viewBox=\"0 0 {} {}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-description\">\n\
         <defs><title id=\"{id}-title\">{title}</title></defs>\n\
         <desc id=\"{id}-description\">{description}</desc>\n{body}{shown}</svg>",
        size[0], size[1],
    )
}

impl Tip {
    fn svg(&self, [width, height]: [i32; 2]) -> String {
        let [left, top, right, bottom] = self.place;
        let unit = f64::from(UNIT);
        let (padding, line) = ((7.0 * unit) as i32, (1.4 * TEXT * unit) as i32);
        // The heading is bold, hence wider.
        let widths = self.lines.iter().enumerate().map(|(i, line)| {
            let letter = if i == 0 { BOLD_LETTER } else { LETTER };
            (line.chars().count() as f64 * letter * TEXT * unit) as i32
        });
        let box_width = widths.max().unwrap_or(0) + 2 * padding;
        let box_height = self.lines.len() as i32 * line + padding;
        // Beside a place, on the side with more room; under or over one that leaves no room there. Inside of the figure.
        let gap = (4.0 * unit) as i32;
        let (x, y) = if right - left > width / 2 {
            let under = bottom + box_height <= height;
            ((left + right - box_width) / 2, if under { bottom } else { top - box_height })
        } else {
            let x = if left + right < width { right + gap } else { left - gap - box_width };
            (x, (top + bottom - box_height) / 2)
        };
        let x = x.clamp(0, (width - box_width).max(0));
        let y = y.clamp(0, (height - box_height).max(0));
        let mut text = String::new();
        for (number, content) in (1..).zip(&self.lines) {
            let (x, y) = (x + padding, y + number * line);
            let _ = write!(text, "<tspan x=\"{x}\" y=\"{y}\">{}</tspan>", HtmlEscape(content));
        }
        format!(
            "<g class=\"tip\" tabindex=\"-1\"><rect class=\"place\" x=\"{left}\" y=\"{top}\" width=\"{}\" \
             height=\"{}\"/><g><rect x=\"{x}\" y=\"{y}\" width=\"{box_width}\" height=\"{box_height}\" rx=\"{gap}\"/>\
             <text>{text}</text></g></g>\n",
            right - left,
            bottom - top,
        )
    }
}

/// How a chart's axes are labelled.
pub(super) struct Axes<'a> {
    pub x: Range<f64>,
    /// Empty for an axis whose columns have labels of their own.
    pub x_name: &'a str,
    pub x_label: &'a dyn Fn(&f64) -> String,
    pub y: Range<f64>,
    /// Empty for an axis whose rows have labels of their own.
    pub y_name: &'a str,
    pub y_label: &'a dyn Fn(&f64) -> String,
    /// Room on the left, in units.
    pub left: i32,
}

/// A chart with axes, their names, and a light grid.
pub(super) fn chart<'a>(area: &Area<'a>, axes: &Axes<'_>) -> std::result::Result<Chart<'a>, DrawingError> {
    let rows = axes.y_name.is_empty();
    let mut chart = ChartBuilder::on(area)
        .margin_left(4 * UNIT)
        .margin_top(10 * UNIT)
        .margin_right(16 * UNIT)
        .x_label_area_size(X_LABELS * UNIT)
        .y_label_area_size((axes.left - 4) * UNIT)
        .build_cartesian_2d(axes.x.clone(), axes.y.clone())?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(axes.x_name)
        .x_labels(6)
        .y_labels(if rows { 0 } else { 6 })
        .x_label_formatter(axes.x_label)
        .y_label_formatter(axes.y_label)
        .bold_line_style(stroke(Ink::Grid, 1.0))
        .light_line_style(Ink::Grid.colour().mix(0.0))
        .axis_style(stroke(Ink::Muted, 1.0))
        .set_all_tick_mark_size(3 * UNIT)
        .label_style(font(TEXT, Ink::Muted))
        .axis_desc_style(font(TEXT, Ink::Text));
    if axes.x_name.is_empty() {
        mesh.disable_x_mesh().x_labels(0);
    }
    if rows {
        mesh.disable_y_mesh().disable_y_axis();
    } else {
        mesh.y_desc(axes.y_name);
    }
    mesh.draw()?;
    Ok(chart)
}

/// Where a point of the chart is in the figure.
pub(super) fn pixel(chart: &Chart<'_>, x: f64, y: f64) -> (i32, i32) {
    chart.as_coord_spec().translate(&(x, y))
}

/// As many decimals as labels of a range this wide need to differ.
pub(super) fn decimals(range: &Range<f64>) -> usize {
    match range.end - range.start {
        width if width < 0.05 => 3,
        width if width < 0.5 => 2,
        width if width < 5.0 => 1,
        _ => 0,
    }
}

/// `text` in at most `lines` lines of about equal length, broken at spaces, hyphens and underscores.
pub(super) fn wrapped(text: &str, lines: usize) -> Vec<String> {
    let target = text.chars().count().div_ceil(lines);
    let mut wrapped = vec![String::new()];
    let room_left = |count: usize| count < lines;
    for part in text.split_inclusive([' ', '-', '_']) {
        let count = wrapped.len();
        let Some(last) = wrapped.last_mut() else { break };
        if !last.is_empty()
            && last.chars().count() + part.trim_end().chars().count() > target
            && room_left(count)
        {
            wrapped.push(part.to_owned());
        } else {
            last.push_str(part);
        }
    }
    wrapped.iter().map(|line| line.replace('_', " ").trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_break_where_a_reader_would() {
        let table = [
            ("unaugmented-lr0.01", 2, vec!["unaugmented-", "lr0.01"]),
            ("contrast_flip", 2, vec!["contrast", "flip"]),
            ("augmented images", 3, vec!["augmented", "images"]),
            ("cutout", 2, vec!["cutout"]),
            ("", 2, vec![""]),
        ];
        for (text, lines, expected) in table {
            assert_eq!(wrapped(text, lines), expected, "{text}");
        }
    }

    #[test]
    fn inks_are_told_apart_and_named() {
        let inks: Vec<_> = Ink::all().map(|ink| (ink.colour(), ink.variable())).collect();
        for (i, (colour, variable)) in inks.iter().enumerate() {
            assert!(variable.len() > 3, "{variable}");
            assert!(inks[..i].iter().all(|(other, _)| other != colour), "{variable}");
        }
        assert_eq!(Ink::Arm(9).variable(), "--arm-2");
    }

    #[test]
    fn a_figure_has_names_and_escapes_them_and_has_no_colours_of_its_own() {
        let names = Names { id: "fig-a", title: "a < b", description: "\"c\" & d" };
        let svg = figure(names, 100, |area| {
            area.draw_text("x < y", &font(TEXT, Ink::Arm(1)), (4, 4))?;
            Ok(vec![Tip { place: [0, 0, 8, 8], lines: vec!["<b>".into()] }])
        })
        .unwrap();
        for part in
            ["a &lt; b", "&quot;c&quot; &amp; d", "x &lt; y", "&lt;b&gt;", "var(--arm-1)", "role=\"img\""]
        {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        assert!(!svg.contains("=\"#") && svg.ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn a_tip_stays_inside_of_the_figure() {
        for place in [[0, 0, 10, 10], [1900, 380, 1920, 400], [900, 0, 1000, 400], [0, 350, 1900, 380]] {
            let svg = Tip { place, lines: vec!["twenty letters a line".into(); 3] }.svg([1920, 400]);
            let number = |name: &str| -> i32 {
                let (_, rest) = svg.split_once("<g><rect").unwrap();
                let (_, rest) = rest.split_once(&format!(" {name}=\"")).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            assert!(number("x") >= 0 && number("x") + number("width") <= 1920, "{svg}");
            assert!(number("y") >= 0 && number("y") + number("height") <= 400, "{svg}");
        }
    }
}
