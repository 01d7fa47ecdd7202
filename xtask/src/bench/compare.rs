//! Ours and a peer, measured in turns.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::effort::Effort;
use super::inputs::Inputs;
use super::peers::Running;
use super::stages::{Measure, Peer, Stage};
use crate::paths;

/// What is needed to compare at any stage.
pub struct Comparison<'a> {
    pub inputs: &'a Inputs,
    pub effort: Effort,
    /// The Python of the peers, or why there is none.
    pub python: Result<PathBuf, String>,
}

/// A stage and all that was measured of it, in units a second.
#[derive(Serialize)]
pub struct Measured {
    pub name: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    pub is_latency: bool,
    /// Operations of a unit.
    pub operations: Option<f64>,
    /// All measurements of ours.
    pub ours: Vec<f64>,
    pub peers: Vec<Beside>,
}

/// A peer beside ours.
#[derive(Serialize)]
pub struct Beside {
    pub peer: &'static str,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum Outcome {
    Missing {
        missing: String,
    },
    Compared {
        version: String,
        precision: String,
        setting: String,
        agreement: String,
        /// Each of ours was measured right before the one of theirs at the same place.
        ours: Vec<f64>,
        theirs: Vec<f64>,
    },
}

/// Libraries keep their threads spinning for a while after a call; they should not do so while the other is measured.
const PAUSE: Duration = Duration::from_millis(250);

impl Comparison<'_> {
    /// Measures ours, and in turns with it each of `peers`, of which only one is running at a time.
    pub fn measure(&self, stage: &Stage, peers: &'static [Peer]) -> Result<Measured> {
        eprintln!("{}", stage.title);
        let mut measure = stage.ours(self.inputs, &self.effort)?;
        let mut measured = Measured {
            name: stage.name,
            title: stage.title,
            unit: stage.unit,
            is_latency: stage.is_latency(),
            operations: stage.operations(),
            ours: Vec::new(),
            peers: Vec::new(),
        };
        if peers.is_empty() {
            for _ in 0..self.effort.pairs {
                measured.ours.push(measure(self.effort.duration)?);
            }
        }
        for peer in peers {
            let outcome = self.beside(stage, peer, &mut measure)?;
            if let Outcome::Compared { ours, .. } = &outcome {
                measured.ours.extend(ours);
            }
            match outcome.ratios() {
                Some(ratios) => eprintln!("  {}: ours is {:.2} times as fast", peer.name, median(&ratios)),
                None => eprintln!("  {}: missing", peer.name),
            }
            measured.peers.push(Beside { peer: peer.name, outcome });
        }
        if measured.ours.is_empty() {
            measured.ours.push(measure(self.effort.duration)?);
        }
        eprintln!("  ours: {:.0} {}", median(&measured.ours), stage.unit);
        Ok(measured)
    }

    fn beside(&self, stage: &Stage, peer: &Peer, measure: &mut Measure<'_>) -> Result<Outcome> {
        // A record is for everybody: it does not say where it was made.
        let here = format!("{}/", paths::root().display());
        let missing = |reason: String| Ok(Outcome::Missing { missing: reason.replace(&here, "") });
        let started = match &self.python {
            Ok(python) => Running::start(python, stage, peer, self.inputs, &self.effort),
            Err(reason) => Err(reason.clone()),
        };
        let mut running = match started {
            Ok(running) => running,
            Err(reason) => return missing(reason),
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.effort.pairs {
            thread::sleep(PAUSE);
            ours.push(measure(self.effort.duration)?);
            thread::sleep(PAUSE);
            match running.measure() {
                Ok(rate) => theirs.push(rate),
                Err(reason) => return missing(reason),
            }
        }
        let Running { version, precision, setting, agreement, .. } = running;
        Ok(Outcome::Compared { version, precision, setting, agreement, ours, theirs })
    }
}

impl Outcome {
    /// How many times as fast as the peer ours is, pair by pair; ascending.
    pub fn ratios(&self) -> Option<Vec<f64>> {
        let Self::Compared { ours, theirs, .. } = self else { return None };
        let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        ratios.sort_by(f64::total_cmp);
        Some(ratios)
    }
}

/// The middle one, or the mean of the two in the middle; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (0, 0) => f64::NAN,
        (half, 0) => (sorted[half - 1] + sorted[half]) / 2.0,
        (half, _) => sorted[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_of_any_order() {
        assert_eq!(median(&[5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn ratios_are_those_of_neighbours() {
        let text = String::new;
        let (ours, theirs) = (vec![4.0, 9.0], vec![1.0, 3.0]);
        let (version, precision, setting, agreement) = (text(), text(), text(), text());
        let outcome = Outcome::Compared { version, precision, setting, agreement, ours, theirs };
        assert_eq!(outcome.ratios(), Some(vec![3.0, 4.0]));
    }
}
