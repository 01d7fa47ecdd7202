//! What there is to say about results: names and numbers, no sentences.

use mlprobe_data::augment::Preset;
use mlprobe_stats::FEWEST_SEEDS;
use serde::Serialize;

use crate::analysis::answers::Answer;
use crate::analysis::comparison::Comparison;
use crate::analysis::questions::Measure;
use crate::analysis::results::{ArmNote, Results};
use crate::reproduction::{AUGMENTED, UNAUGMENTED};
use crate::settings::{Compared, Protocol};

/// The original report's arms and their test accuracies in per cent, one run each.
pub(super) const ORIGINAL: [(&str, f64); 2] = [(UNAUGMENTED, 77.5), (AUGMENTED, 79.6)];

/// More answers than this are left to their table.
const HEADLINES: usize = 3;

/// Everything that a report tells.
#[derive(Serialize)]
pub(super) struct Model<'a> {
    #[serde(flatten)]
    pub results: &'a Results,
    pub protocol: &'a Protocol,
    /// The last epoch of every run.
    epochs: usize,
    /// The command that repeats the run.
    command: Option<String>,
    /// What a row of features stands for: an image or an example.
    item: &'static str,
    is_whole: bool,
    /// With five classes or fewer, every label is among the five likeliest.
    has_top5: bool,
    /// The transforms of augmented training images; `None` where the settings tell of none.
    augmentation: Option<Augmentation>,
    /// The training images that the gap to the test set is taken from: `original`, `own` or `first`.
    gap_from: &'static str,
    /// The comparisons of the same two arms together.
    effects: Vec<&'a [Comparison]>,
    /// The comparisons after the last epoch.
    finals: Vec<&'a Comparison>,
    /// The last comparison that others split into steps, and those steps.
    decomposition: Option<Decomposition<'a>>,
    /// The answers to open with, the one that isolates the images first.
    headlines: Vec<&'a Answer>,
    /// How many answers are not among them.
    more: usize,
    /// What the scores alone do not say, in words.
    told: Vec<Told<'a>>,
    /// Figures of the original report that may be set beside these.
    original: Vec<(&'static str, f64)>,
    fewest_seeds: usize,
}

/// A note in words.
#[derive(Serialize)]
struct Told<'a> {
    /// Empty if it is about the test set.
    arm: &'a str,
    /// None if it was known before training.
    seeds: &'a [u64],
    /// A sentence without its full stop.
    text: String,
}

#[derive(Serialize)]
struct Augmentation {
    /// `None` where each arm has transforms of its own.
    preset: Option<String>,
    transforms: Vec<&'static str>,
    /// Whether arms differ in the number of draws.
    draws: bool,
}

/// A comparison taken apart.
#[derive(Serialize)]
pub(super) struct Decomposition<'a> {
    pub whole: &'a Comparison,
    pub steps: Vec<&'a Comparison>,
}

impl<'a> Model<'a> {
    pub(super) fn of(results: &'a Results) -> Self {
        let Results { settings, about, answers, claims, comparisons, .. } = results;
        let same = |a: &Comparison, b: &Comparison| (&a.effect, &a.a, &a.b) == (&b.effect, &b.a, &b.b);
        let headlines = headlines(answers, !claims.is_empty());
        let may_compare = about.dataset.comparable && !claims.is_empty();
        Self {
            results,
            protocol: &settings.protocol,
            epochs: settings.protocol.epochs,
            command: settings.command(),
            item: item(results),
            is_whole: results.is_whole(),
            has_top5: about.dataset.classes.len() > 5,
            augmentation: match &settings.compared {
                Compared::Reproduction { preset } => Some(Augmentation::of(*preset, false)),
                Compared::Draws { preset, .. } => Some(Augmentation::of(*preset, true)),
                Compared::Ablation => {
                    Some(Augmentation { preset: None, transforms: Vec::new(), draws: false })
                }
                Compared::Tuned | Compared::Files { .. } | Compared::Given => None,
            },
            gap_from: match claims.is_empty() {
                false => "original",
                true if results.has_single_blocks() => "own",
                true => "first",
            },
            effects: comparisons.chunk_by(same).collect(),
            finals: results.final_comparisons().collect(),
            decomposition: decomposition(results),
            more: if claims.is_empty() { answers.len() - headlines.len() } else { 0 },
            headlines,
            told: results.notes.iter().map(Told::of).collect(),
            original: if may_compare { ORIGINAL.to_vec() } else { Vec::new() },
            fewest_seeds: FEWEST_SEEDS,
        }
    }
}

impl<'a> Told<'a> {
    fn of(ArmNote { arm, seeds, note }: &'a ArmNote) -> Self {
        let mut text = note.to_string();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self { arm, seeds, text }
    }
}

impl Augmentation {
    fn of(preset: Preset, draws: bool) -> Self {
        let transforms = preset.transforms().iter().map(|transform| transform.name()).collect();
        Self { preset: Some(preset.to_string()), transforms, draws }
    }
}

/// What a row of features stands for.
pub(super) fn item(results: &Results) -> &'static str {
    if results.about.extractor.is_some() { "image" } else { "example" }
}

/// Of claims, the accuracies: first those that only the images tell apart, then the recipes as a whole. Else the first few.
fn headlines(answers: &[Answer], has_claims: bool) -> Vec<&Answer> {
    if !has_claims {
        let few = if answers.len() > HEADLINES { 1 } else { answers.len() };
        return answers[..few].iter().collect();
    }
    let mut headlines: Vec<&Answer> =
        answers.iter().filter(|answer| answer.contrast.measure == Measure::Accuracy).collect();
    headlines.sort_by_key(|answer| answer.contrast.decides);
    headlines
}

/// The comparison that others split into most steps, the first among equals, and those steps; `None` if none is split.
pub(super) fn decomposition(results: &Results) -> Option<Decomposition<'_>> {
    let finals: Vec<&Comparison> = results.final_comparisons().collect();
    let paths = finals.iter().map(|&whole| (whole, longest_path(&whole.b, &whole.a, &finals)));
    let longest = paths.filter(|(_, path)| path.len() >= 2).rev().max_by_key(|(_, path)| path.len());
    longest.map(|(whole, steps)| Decomposition { whole, steps })
}

/// The most steps that lead from arm `from` to arm `to`, no arm twice; none if there is no way.
fn longest_path<'a>(from: &str, to: &str, steps: &[&'a Comparison]) -> Vec<&'a Comparison> {
    let mut longest = Vec::new();
    for (index, &step) in steps.iter().enumerate().filter(|(_, step)| step.b == from) {
        let mut path = vec![step];
        if step.a != to {
            // An arm that was left is not entered again.
            let rest: Vec<&Comparison> = steps
                .iter()
                .enumerate()
                .filter(|&(other, step)| other != index && step.a != from && step.b != from)
                .map(|(_, &step)| step)
                .collect();
            let onward = longest_path(&step.a, to, &rest);
            if onward.is_empty() {
                continue;
            }
            path.extend(onward);
        }
        if path.len() > longest.len() {
            longest = path;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(effect: &str, a: &str, b: &str) -> Comparison {
        Comparison {
            effect: effect.into(),
            a: a.into(),
            b: b.into(),
            a_epoch: 2,
            b_epoch: 2,
            a_updates: 2,
            b_updates: 2,
            differences: vec![0.01],
            mean: 0.01,
            paired: None,
            detectable: None,
            bootstrap: None,
            mcnemar: Vec::new(),
            adjusted: None,
        }
    }

    #[test]
    fn the_decomposition_takes_the_way_with_most_steps() {
        let steps = [
            step("rate", "fast", "plain"),
            step("updates", "twice", "fast"),
            step("images", "augmented", "twice"),
            step("instead", "augmented", "fast"),
            step("back", "plain", "fast"),
        ];
        let steps: Vec<_> = steps.iter().collect();
        let effects = |from, to| -> Vec<&str> {
            longest_path(from, to, &steps).iter().map(|step| step.effect.as_str()).collect()
        };
        assert_eq!(effects("plain", "augmented"), ["rate", "updates", "images"]);
        assert_eq!(effects("fast", "plain"), ["back"]);
        assert!(effects("augmented", "plain").is_empty());
    }
}
