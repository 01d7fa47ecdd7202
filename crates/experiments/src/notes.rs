//! What a reader of the scores has to know beside them: a class that was not trained on, a network that is dead.

use std::fmt;

use mlprobe_nn::Mlp;
use serde::{Deserialize, Serialize};

use crate::results::ArmResults;
use crate::sets::LabelledFeatures;
use crate::train::TrainedRun;

/// Something about an arm's runs that their scores alone do not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The arm's name.
    pub arm: String,
    /// The seeds of the runs it is about, in order.
    pub seeds: Vec<u64>,
    /// One sentence, and what to do.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds: Vec<_> = self.seeds.iter().map(u64::to_string).collect();
        let noun = if seeds.len() == 1 { "seed" } else { "seeds" };
        write!(f, "{}, {noun} {}: {}", self.arm, seeds.join(", "), self.text)
    }
}

/// What is to be said of one run: a model of these classes, trained on `blocks`.
pub(crate) fn of_run(
    model: &Mlp<f32>,
    classes: &[String],
    blocks: &[LabelledFeatures],
    test: &LabelledFeatures,
) -> mlprobe_nn::Result<Vec<String>> {
    let mut notes = Vec::new();
    let mut seen = vec![false; classes.len()];
    for &label in blocks.iter().flat_map(LabelledFeatures::labels) {
        if let Some(seen) = seen.get_mut(usize::from(label)) {
            *seen = true;
        }
    }
    let missing: Vec<_> =
        classes.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(class, _)| class.as_str()).collect();
    if !missing.is_empty() {
        notes.push(format!(
            "the training set has no image of {}, so none is recognised. Add some, or leave the class out",
            missing.join(", ")
        ));
    }
    if is_dead(model, test)? {
        notes.push(
            "the network is dead: it says the same of every test image, since all its hidden units are 0 and stay so. \
             Lower the learning rate"
                .to_owned(),
        );
    }
    Ok(notes)
}

/// Whether the network's logits (N, K) for N > 1 images are the same to the last bit. Features that differ come out the
/// same only when no hidden unit lets them through. (Probabilities may also be the same because they are all 0 or 1.)
fn is_dead(model: &Mlp<f32>, test: &LabelledFeatures) -> mlprobe_nn::Result<bool> {
    let logits = model.logits(test.features())?;
    Ok(test.len() > 1 && logits.outer_iter().all(|row| row == logits.row(0)))
}

/// The notes of all runs, those that say the same of an arm together.
pub(crate) fn collect(arms: &[ArmResults], runs: &[Vec<TrainedRun>]) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    for (arm, runs) in arms.iter().zip(runs) {
        for (run, text) in runs.iter().flat_map(|run| run.notes.iter().map(move |text| (run, text))) {
            let seed = run.record.seed;
            match notes.iter_mut().find(|note| (&note.arm, &note.text) == (&arm.name, text)) {
                Some(note) => note.seeds.push(seed),
                None => notes.push(Note { arm: arm.name.clone(), seeds: vec![seed], text: text.clone() }),
            }
        }
    }
    notes
}
