//! The study's question asked of simple classifiers: nearest neighbours and logistic regression, trained on the arms' sets.

use std::ops::ControlFlow;

use mlprobe_stats::{Components, LEVEL, Summary, crossed_bootstrap, summary};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::analysis::answers::{Answer, Rules, decided};
use crate::analysis::baselines::NEIGHBOURS;
use crate::analysis::chance::{not_above_chance, withhold};
use crate::analysis::comparison::{BOOTSTRAP_SEED, RESAMPLES};
use crate::analysis::questions::Question;
use crate::engine::Engine;
use crate::engine::arm::Arm;
use crate::engine::rows::EpochRows;
use crate::engine::scoring::Scoring;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::error::Result;
use crate::knn::Neighbours;
use crate::settings::Protocol;

const NEIGHBOURS_STAGE: &str = "probe: nearest neighbours";
const LOGISTIC_STAGE: &str = "probe: logistic regression";
/// What the runs of logistic regression are called, before the name of the arm.
const LOGISTIC: &str = "logistic-regression-";

/// A simple classifier that takes the network's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
pub enum Probe {
    /// A vote of the rows that are nearest by cosine. It follows from the training set alone, and depends on the seed where that
    /// does.
    NearestNeighbours {
        /// How many vote.
        k: usize,
    },
    /// The network without its hidden layer, trained as the arm is.
    LogisticRegression {
        /// Passes over the training set.
        epochs: usize,
    },
}

/// The answer to a question about two training sets, with a simple classifier in place of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// The classifier.
    #[serde(flatten)]
    pub probe: Probe,
    /// Test accuracy on the training set of the first arm, over seeds.
    pub a_accuracy: Summary,
    /// Test accuracy on the training set of the second arm, over seeds.
    pub b_accuracy: Summary,
    /// Is it more accurate with the first arm's training set than with the second's?
    pub answer: Answer,
}

/// What is asked of the two classifiers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    NearestNeighbours,
    LogisticRegression,
}

/// What the probes of a study share.
#[derive(Clone, Copy)]
pub(crate) struct Probing<'a> {
    /// Those that have finished.
    pub seeds: &'a [u64],
    pub scoring: Scoring<'a>,
    pub threads: usize,
    pub rules: &'a Rules<'a>,
    pub session: &'a Session<'a>,
}

/// The likeliest classes (N) of the test images for each seed.
type Predicted = Vec<Vec<u16>>;

/// What a simple classifier said of the test images when it was trained on the rows of an arm.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// The classifier.
    pub probe: Probe,
    /// The arm's name.
    pub arm: String,
    /// For each seed, the likeliest class of each of the N images.
    pub predicted: Vec<Vec<u16>>,
}

/// The difference of two training sets, paired by seed and test image, whose classes are `labels` (N).
pub(crate) fn compare_probes(
    probe: Probe,
    question: &Question,
    (a, b): (&Predicted, &Predicted),
    labels: &[u16],
    rules: &Rules<'_>,
) -> Result<ProbeAnswer> {
    let correct = |predicted: &Predicted| {
        Array2::from_shape_fn((predicted.len(), labels.len()), |(s, i)| predicted[s][i] == labels[i])
    };
    let (a, b) = (correct(a), correct(b));
    let accuracies = |correct: &Array2<bool>| -> Vec<f64> {
        let right = |row: ndarray::ArrayView1<'_, bool>| row.iter().filter(|&&right| right).count();
        correct.outer_iter().map(|row| right(row) as f64 / labels.len() as f64).collect()
    };
    let (of_a, of_b) = (accuracies(&a), accuracies(&b));
    let differences: Vec<f64> = of_a.iter().zip(&of_b).map(|(a, b)| a - b).collect();
    let seeds = differences.len();
    let crossed = match rules.sequential {
        _ if seeds < 2 => None,
        Some(_) => Some(Components::of_difference(a.view(), b.view())?.contrast()),
        None => {
            let resampled = crossed_bootstrap(a.view(), b.view(), RESAMPLES, BOOTSTRAP_SEED, LEVEL)?;
            Some(resampled.contrast(seeds)?)
        }
    };
    let mut answer = decided(question, &differences, crossed, None, rules)?;
    let mut at_chance = Vec::new();
    for (name, correct) in [(&question.a, &a), (&question.b, &b)] {
        at_chance.extend(not_above_chance(correct.view(), labels)?.map(|_| name.clone()));
    }
    withhold(&mut answer, &at_chance);
    Ok(ProbeAnswer { probe, a_accuracy: summary(&of_a)?, b_accuracy: summary(&of_b)?, answer })
}

impl Probing<'_> {
    /// The answers to these questions, each of two of `arms`, and what they follow from. `None` if the observer asked to stop.
    pub(crate) fn answer(
        &self,
        kind: Kind,
        questions: &[Question],
        arms: &[&Arm<'_>],
    ) -> Result<Option<(Vec<ProbeAnswer>, Vec<Probed>)>> {
        let is_asked = |arm: &&&Arm<'_>| questions.iter().any(|q| q.a == arm.name() || q.b == arm.name());
        let arms: Vec<&Arm<'_>> = arms.iter().filter(is_asked).copied().collect();
        if arms.is_empty() {
            return Ok(Some((Vec::new(), Vec::new())));
        }
        let k = arms.iter().map(|arm| arm.rows()).min().unwrap_or(1).min(NEIGHBOURS);
        let (probe, predicted) = match kind {
            Kind::NearestNeighbours => (Probe::NearestNeighbours { k }, self.neighbours(&arms, k)?),
            Kind::LogisticRegression => {
                (Probe::LogisticRegression { epochs: self.scoring.protocol.epochs }, self.logistic(&arms)?)
            }
        };
        let Some(predicted) = predicted else { return Ok(None) };
        let mut answers = Vec::new();
        for question in questions {
            let of = |name: &str| arms.iter().zip(&predicted).find(|(arm, _)| arm.name() == name);
            let (Some((_, a)), Some((_, b))) = (of(&question.a), of(&question.b)) else { continue };
            answers.push(compare_probes(probe, question, (a, b), self.scoring.test.labels(), self.rules)?);
        }
        let names = arms.iter().map(|arm| arm.name().to_owned());
        let probed = names.zip(predicted).map(|(arm, predicted)| Probed { probe, arm, predicted }).collect();
        Ok(Some((answers, probed)))
    }

    /// What the nearest rows of each arm's training set say, arm by arm.
    fn neighbours(&self, arms: &[&Arm<'_>], k: usize) -> Result<Option<Vec<Predicted>>> {
        let Self { seeds, scoring, session, .. } = *self;
        let total = (arms.len() * seeds.len() * scoring.test.len()) as u64;
        // The first block is the same for many arms and seeds, and so are its nearest rows.
        let mut known = None;
        session.stage(NEIGHBOURS_STAGE, total, "images", |advance| {
            let mut of_arms = Vec::new();
            for arm in arms {
                let mut of_arm = Vec::new();
                for &seed in seeds {
                    if session.stopped() {
                        return Ok(None);
                    }
                    of_arm.push(self.vote(arm, seed, k, &mut known, advance)?);
                }
                of_arms.push(of_arm);
            }
            Ok(Some(of_arms))
        })
    }

    fn vote(
        &self,
        arm: &Arm<'_>,
        seed: u64,
        k: usize,
        known: &mut Option<([String; 2], Neighbours)>,
        advance: &dyn Fn(u64),
    ) -> Result<Vec<u16>> {
        let Self { scoring: Scoring { test, protocol, .. }, session, .. } = *self;
        let mut rows = EpochRows::new(arm, seed, test.dim(), protocol.subset, session)?;
        let test = match rows.standardisation() {
            Some(scale) => scale.apply_to(test)?,
            None => test.clone(),
        };
        let name = format!("neighbours-{}-seed{seed}", arm.name());
        let mut parts = vec![rows.digest()?, test.digest().to_owned(), k.to_string()];
        parts.extend(self.scoring.key()?);
        if let Some(saved) = session.load(&name, &parts)? {
            return Ok(saved);
        }
        let blocks = rows.of(0)?;
        let first = [blocks[0].digest().to_owned(), test.digest().to_owned()];
        let mut nearest = match known {
            Some((of, nearest)) if *of == first => nearest.clone(),
            _ => {
                let mut nearest = Neighbours::of(protocol.precision, test.features(), k);
                nearest.add(&blocks[0])?;
                known.insert((first, nearest)).1.clone()
            }
        };
        blocks[1..].iter().try_for_each(|set: &LabelledFeatures| nearest.add(set))?;
        let predicted = nearest.vote();
        session.save(&name, &parts, &predicted)?;
        advance(test.len() as u64);
        Ok(predicted)
    }

    /// What logistic regression says, trained on each arm's training set as the arm is, arm by arm.
    fn logistic(&self, arms: &[&Arm<'_>]) -> Result<Option<Vec<Predicted>>> {
        let Self { seeds, scoring, threads, session, .. } = *self;
        let protocol = Protocol { report_at: vec![scoring.protocol.epochs], ..scoring.protocol.clone() };
        let scoring =
            Scoring { protocol: &protocol, further: &[], scored_at: &protocol.report_at, ..scoring };
        let engine = Engine {
            stage: LOGISTIC_STAGE,
            arms,
            prefix: LOGISTIC,
            scoring,
            hidden: &[],
            threads,
            announce: false,
        };
        let mut predicted = vec![Vec::new(); arms.len()];
        let is_whole = engine.run(seeds, session, |runs| {
            for (of_arm, run) in predicted.iter_mut().zip(runs) {
                of_arm.extend(run.tested.into_iter().last().map(|tested| tested.predicted));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(is_whole.then_some(predicted))
    }
}
