//! The page's figures, drawn from the results alone: inline SVG that takes the colours of the page.

mod canvas;
mod curves;
mod differences;
mod heat;
mod over_epochs;
mod reliability;
mod rows;
mod tables;
mod waterfall;

use serde::Serialize;

use crate::analysis::results::Results;
use crate::error::Result;

/// A figure with its words.
#[derive(Serialize)]
pub(super) struct Figure {
    /// Unique on the page.
    pub id: String,
    pub title: String,
    /// How to read it; may be empty.
    pub note: String,
    pub svg: String,
}

/// All figures, by where they stand. What the results do not hold has none.
#[derive(Serialize)]
pub(super) struct Figures {
    pub arms: Vec<Figure>,
    pub learning: Vec<Figure>,
    pub differences: Vec<Figure>,
    pub decomposition: Vec<Figure>,
    pub gaps: Vec<Figure>,
    pub costs: Vec<Figure>,
    pub robustness: Vec<Figure>,
    pub confusion: Vec<Figure>,
    pub reliability: Vec<Figure>,
    pub ablation: Vec<Figure>,
}

/// Draws everything that `results`, and an ablation beside them, hold.
pub(super) fn figures(results: &Results, ablation: Option<&Results>) -> Result<Figures> {
    Ok(Figures {
        arms: differences::arms(results)?,
        learning: over_epochs::learning(results)?,
        differences: differences::differences(results)?,
        decomposition: differences::decomposition(results)?,
        gaps: over_epochs::gaps(results)?,
        costs: over_epochs::costs(results)?,
        robustness: tables::robustness(results)?,
        confusion: tables::confusion(results)?,
        reliability: tables::reliability(results)?,
        ablation: ablation.map_or(Ok(Vec::new()), differences::ablation)?,
    })
}
