//! What the arms have to beat: simple classifiers on the same features.

use std::ops::ControlFlow;

use mlprobe_stats::{Summary, summary};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::engine::arm::Arm;
use crate::engine::scoring::Scoring;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::engine::standardisation::Standardisation;
use crate::error::{Error, Result};
use crate::knn::{Neighbours, majority_class};
use crate::settings::Protocol;

/// Neighbours that vote: fixed beforehand, not chosen on the test set.
pub(crate) const NEIGHBOURS: usize = 10;
const STAGE: &str = "baselines";
/// The checkpoint with the accuracies of the three classifiers.
const CHECKPOINT: &str = "baselines";

/// A simple classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "classifier", rename_all = "snake_case")]
pub enum Classifier {
    /// Always the most frequent class of the training set.
    MajorityClass,
    /// A vote of the rows that are nearest by cosine.
    NearestNeighbours {
        /// How many vote.
        k: usize,
    },
    /// The network without its hidden layer, trained by the same protocol.
    LogisticRegression {
        /// Step size of the gradient descent.
        learning_rate: f64,
        /// Passes over the training set.
        epochs: usize,
    },
    /// A classifier of an older record.
    Named {
        /// Its name, with its settings.
        name: String,
    },
}

/// A simple classifier and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What it is.
    #[serde(flatten)]
    pub classifier: Classifier,
    /// On the test set, over seeds; a classifier that follows from the training set alone has one run.
    pub test_accuracy: Summary,
}

/// What the simple classifiers are made from.
pub(crate) struct Training<'a> {
    pub train: &'a LabelledFeatures,
    /// Of logistic regression.
    pub learning_rate: f64,
    /// Whether features are first given mean 0 and deviation 1 on `train`.
    pub is_standardised: bool,
}

/// Scores a majority vote, nearest neighbours and logistic regression, all made from `train`, on the test set of
/// `scoring`, all after standardisation on `train` if so wanted. The last is trained with every seed. `None` if the observer
/// asked to stop. Logistic regression that diverges is left out, and its error comes with the others.
pub(crate) fn baselines(
    Training { train, learning_rate, is_standardised }: Training<'_>,
    scoring: Scoring<'_>,
    threads: usize,
    session: &Session<'_>,
) -> Result<Option<(Vec<Baseline>, Option<Error>)>> {
    let Protocol { epochs, batch_size, seeds, .. } = scoring.protocol;
    let scale = |set: &LabelledFeatures| match is_standardised {
        true => Standardisation::fit(train.features()).apply_to(set),
        false => Ok(set.clone()),
    };
    let (train, test) = (&scale(train)?, &scale(scoring.test)?);
    let settings = format!("{learning_rate:?} {epochs} {batch_size} {seeds:?} {}", scoring.classes.len());
    let parts = [train.digest().to_owned(), test.digest().to_owned(), settings];
    let k = NEIGHBOURS.min(train.len());
    let classifiers = [
        Classifier::MajorityClass,
        Classifier::NearestNeighbours { k },
        Classifier::LogisticRegression { learning_rate, epochs: *epochs },
    ];
    let named = |accuracies: [Vec<f64>; 3]| {
        let baseline = |(classifier, accuracies): (_, Vec<f64>)| {
            Ok(Baseline { classifier, test_accuracy: summary(&accuracies)? })
        };
        let there_are = classifiers.into_iter().zip(accuracies).filter(|(_, accuracies)| !accuracies.is_empty());
        there_are.map(baseline).collect::<Result<Vec<_>>>()
    };
    if let Some(saved) = session.load(CHECKPOINT, &parts)? {
        return Ok(Some((named(saved)?, None)));
    }
    let accuracy = |predicted: &[u16]| {
        let right = predicted.iter().zip(test.labels()).filter(|(a, b)| a == b).count();
        right as f64 / test.len() as f64
    };
    let majority = vec![majority_class(train.labels())?; test.len()];
    let mut nearest = Neighbours::of(scoring.protocol.precision, test.features(), k);
    nearest.add(train)?;

    let arm = Arm::new("logistic-regression", learning_rate).with(train);
    let protocol = Protocol { report_at: vec![*epochs], ..scoring.protocol.clone() };
    let scoring =
        Scoring { test, protocol: &protocol, further: &[], scored_at: &protocol.report_at, ..scoring };
    let (arms, prefix) = (&[&arm], "");
    let engine = Engine { stage: STAGE, arms, prefix, scoring, hidden: &[], threads, announce: false };
    let mut logistic = Vec::new();
    let ran = engine.run(seeds, session, |runs| {
        logistic.extend(runs.iter().map(|run| run.record.test_accuracy));
        Ok(ControlFlow::Continue(()))
    });
    let diverged = match ran {
        Ok(true) => None,
        Ok(false) => return Ok(None),
        Err(error) if error.is_divergence() => Some(error),
        Err(error) => return Err(error),
    };
    if diverged.is_some() {
        logistic.clear();
    }
    let accuracies = [vec![accuracy(&majority)], vec![accuracy(&nearest.vote())], logistic];
    if diverged.is_none() {
        session.save(CHECKPOINT, &parts, &accuracies)?;
    }
    Ok(Some((named(accuracies)?, diverged)))
}
