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
use crate::engine::subset::part_of;
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

/// Scores a majority vote, nearest neighbours and logistic regression, all made from `train` or from the part of it that the
/// protocol trains on, on the test set of `scoring`, all after standardisation on their rows if so wanted. The last is trained
/// with every seed; the others too where each seed has a part of its own. `None` if the observer asked to stop. Logistic
/// regression that diverges is left out, and its error comes with the others.
pub(crate) fn baselines(
    Training { train, learning_rate, is_standardised }: Training<'_>,
    scoring: Scoring<'_>,
    threads: usize,
    session: &Session<'_>,
) -> Result<Option<(Vec<Baseline>, Option<Error>)>> {
    let Protocol { epochs, seeds, subset, .. } = scoring.protocol;
    let part_seeds =
        if subset.is_some_and(|subset| subset.per_seed) { seeds.as_slice() } else { &seeds[..1] };
    let part = |&seed: &u64| match subset {
        Some(subset) => part_of(train, *subset, seed),
        None => Ok(train.clone()),
    };
    let parts = part_seeds.iter().map(part).collect::<Result<Vec<_>>>()?;
    let k = parts.iter().map(LabelledFeatures::len).min().unwrap_or(1).min(NEIGHBOURS);
    let classifiers = [
        Classifier::MajorityClass,
        Classifier::NearestNeighbours { k },
        Classifier::LogisticRegression { learning_rate, epochs: *epochs },
    ];
    let named = |accuracies: [Vec<f64>; 3]| {
        let baseline = |(classifier, accuracies): (_, Vec<f64>)| {
            Ok(Baseline { classifier, test_accuracy: summary(&accuracies)? })
        };
        let there_are =
            classifiers.into_iter().zip(accuracies).filter(|(_, accuracies)| !accuracies.is_empty());
        there_are.map(baseline).collect::<Result<Vec<_>>>()
    };

    let protocol = Protocol { report_at: vec![*epochs], ..scoring.protocol.clone() };
    let scoring = Scoring { protocol: &protocol, further: &[], scored_at: &protocol.report_at, ..scoring };
    let mut key = vec![train.digest().to_owned(), format!("{learning_rate:?} {is_standardised} {seeds:?}")];
    key.extend(scoring.key()?);
    if let Some(saved) = session.load(CHECKPOINT, &key)? {
        return Ok(Some((named(saved)?, None)));
    }
    let mut accuracies = [(); 3].map(|()| Vec::new());
    for part in &parts {
        let scale = |set: &LabelledFeatures| match is_standardised {
            true => Standardisation::fit(part.features()).apply_to(set),
            false => Ok(set.clone()),
        };
        let (part, test) = (scale(part)?, scale(scoring.test)?);
        let accuracy = |predicted: &[u16]| {
            let right = predicted.iter().zip(test.labels()).filter(|(a, b)| a == b).count();
            right as f64 / test.len() as f64
        };
        let mut nearest = Neighbours::of(protocol.precision, test.features(), k);
        nearest.add(&part)?;
        accuracies[0].push(accuracy(&vec![majority_class(part.labels())?; test.len()]));
        accuracies[1].push(accuracy(&nearest.vote()));
    }

    let arm = Arm::new("logistic-regression", learning_rate).with(train);
    let arm = if is_standardised { arm.standardised() } else { arm };
    let (arms, prefix) = (&[&arm], "");
    let engine = Engine { stage: STAGE, arms, prefix, scoring, hidden: &[], threads, announce: false };
    let ran = engine.run(seeds, session, |runs| {
        accuracies[2].extend(runs.iter().map(|run| run.record.test_accuracy));
        Ok(ControlFlow::Continue(()))
    });
    let diverged = match ran {
        Ok(true) => None,
        Ok(false) => return Ok(None),
        Err(error) if error.is_divergence() => Some(error),
        Err(error) => return Err(error),
    };
    match diverged {
        Some(_) => accuracies[2].clear(),
        None => session.save(CHECKPOINT, &key, &accuracies)?,
    }
    Ok(Some((named(accuracies)?, diverged)))
}
