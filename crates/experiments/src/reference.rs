//! What the arms have to beat: simple classifiers on the same features.

use serde::{Deserialize, Serialize};

use crate::baselines::{knn_predict, majority_class, unit_rows};
use crate::checkpoints::Slot;
use crate::error::Result;
use crate::progress::Progress;
use crate::protocol::Protocol;
use crate::sets::LabelledFeatures;
use crate::train::Task;

/// Neighbours that vote: fixed beforehand, not chosen on the test set.
const NEIGHBOURS: usize = 10;
const STAGE: &str = "baselines";

/// A simple classifier and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What it is, with its settings.
    pub name: String,
    /// A fraction.
    pub test_accuracy: f64,
}

/// Scores a majority vote, nearest neighbours and logistic regression, all made from `train`, on `test`. The last
/// is the network without its hidden layer, trained by the same protocol with its first seed; nothing is returned
/// of it if the observer asked to stop.
pub(crate) fn baselines(
    train: &LabelledFeatures,
    learning_rate: f64,
    test: &LabelledFeatures,
    classes: usize,
    protocol: &Protocol,
    progress: &Progress<'_>,
) -> Result<Vec<Baseline>> {
    let Protocol { epochs, batch_size, seeds, .. } = protocol;
    let slot = progress.slot("baselines", || {
        let settings = format!("{learning_rate:?} {epochs} {batch_size} {} {classes}", seeds[0]);
        vec![train.digest().to_owned(), test.digest().to_owned(), settings]
    });
    if let Some(kept) = slot.as_ref().map(Slot::load).transpose()?.flatten() {
        return Ok(kept);
    }
    let accuracy = |predicted: &[u8]| {
        let right = predicted.iter().zip(test.labels()).filter(|(a, b)| a == b).count();
        right as f64 / test.len() as f64
    };
    let majority = vec![majority_class(train.labels())?; test.len()];
    let k = NEIGHBOURS.min(train.len());
    let (units, test_units) = (unit_rows(train.features()), unit_rows(test.features()));
    let nearest = knn_predict(units.view(), train.labels(), test_units.view(), k)?;

    let linear = Protocol { hidden: Vec::new(), ..protocol.clone() };
    let task = Task {
        stage: STAGE,
        arm: "logistic-regression",
        learning_rate,
        seed: seeds[0],
        blocks: std::slice::from_ref(train),
        test,
        further: Vec::new(),
        classes,
        protocol: &linear,
    };
    let updates = (train.len().div_ceil(*batch_size) * epochs) as u64;
    let logistic = progress.stage(STAGE, updates, "updates", |_| task.train(progress))?;

    let baseline = |name: &str, test_accuracy| Baseline { name: name.to_owned(), test_accuracy };
    let mut baselines = vec![
        baseline("majority class", accuracy(&majority)),
        baseline(&format!("{k} nearest neighbours by cosine"), accuracy(&nearest)),
    ];
    if let Some(run) = logistic {
        let name = format!("logistic regression, learning rate {learning_rate}, {epochs} epochs");
        baselines.push(baseline(&name, run.record.test_accuracy));
        slot.map_or(Ok(()), |slot| slot.save(&baselines))?;
    }
    Ok(baselines)
}
