//! What a reader of a run's scores has to know beside them: a class that was not trained on, a network that is dead.

use std::fmt;

use mlprobe_nn::Mlp;
use serde::{Deserialize, Serialize};

use crate::engine::sets::LabelledFeatures;

/// Names that are listed; of others it is said how many there are.
const LISTED: usize = 12;

/// Something that the scores of a run alone do not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// The training set has no image of these classes, so none is recognised.
    MissingClasses {
        /// Their names.
        classes: Vec<String>,
    },
    /// The network's output is identical for every test image, since all its hidden units are inactive.
    DeadNetwork,
    /// Some test rows are training rows too, with the very features: a model may have memorised them.
    TestRows {
        /// How many.
        rows: usize,
        /// Of so many test rows.
        of: usize,
    },
    /// All test rows are of one class.
    OneTestClass {
        /// Its name.
        class: String,
    },
    /// The training set has fewer rows than an update averages over.
    FewerRowsThanABatch {
        /// How many it has.
        rows: usize,
        /// How many an update could average over.
        batch_size: usize,
    },
    /// The accuracy is not shown to be above that of always naming the most frequent class of the test set.
    NotAboveChance {
        /// The share of that class, a fraction.
        chance: f64,
    },
    /// The features that the network learns from are far from mean 0 and deviation 1.
    FeatureScale {
        /// Their root mean square.
        root_mean_square: f64,
        /// Their deviation from the means of their columns, a root mean square too.
        deviation: f64,
    },
    /// A note of an older record.
    Text {
        /// Its words.
        text: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingClasses { classes } => write!(
                f,
                "the training set has no image of {}, so none is recognised; add some, or leave the class out",
                listed(classes)
            ),
            Self::DeadNetwork => f.write_str(
                "the network is dead: its output is identical for every test image (all ReLUs inactive); lower the \
                 learning rate, or standardise the features",
            ),
            Self::TestRows { rows, of } => write!(
                f,
                "{rows} of the {of} test rows are also in the training set, with the same features; its models may have \
                 memorised them, so its accuracy is overstated"
            ),
            Self::OneTestClass { class } => write!(
                f,
                "all test rows are of the class {class}, so a network that always says {class} is never wrong; add test rows of \
                 the other classes"
            ),
            Self::FewerRowsThanABatch { rows, batch_size } => write!(
                f,
                "the training set has fewer rows ({rows}) than a batch ({batch_size}), so every epoch is one update; choose a \
                 smaller batch, or add rows"
            ),
            Self::NotAboveChance { chance } => write!(
                f,
                "the accuracy is not shown to be above the {:.2} % of always naming the most frequent class of the test set; \
                 check the scale of the features and the learning rate",
                100.0 * chance
            ),
            Self::FeatureScale { root_mean_square, deviation } => write!(
                f,
                "the features have a root mean square of {} and a deviation of {}, far from mean 0 and deviation 1, from which \
                 the network learns best; standardise them (--standardise)",
                magnitude(*root_mean_square),
                magnitude(*deviation)
            ),
            Self::Text { text } => f.write_str(text),
        }
    }
}

/// A size for readers: 12.34, or 1.2e-8 where decimals would not show it.
pub(crate) fn magnitude(number: f64) -> String {
    match number {
        0.01..10_000.0 => format!("{number:.2}"),
        _ => format!("{number:.1e}"),
    }
}

/// Names for readers: the first of many, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    match names.len().checked_sub(LISTED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..LISTED].join(", ")),
    }
}

/// The classes that no row of `blocks` has, if there are any.
pub(crate) fn missing_classes<'s>(
    classes: &[String],
    blocks: impl IntoIterator<Item = &'s LabelledFeatures>,
) -> Option<Note> {
    let mut seen = vec![false; classes.len()];
    for &label in blocks.into_iter().flat_map(LabelledFeatures::labels) {
        if let Some(seen) = seen.get_mut(usize::from(label)) {
            *seen = true;
        }
    }
    let missing: Vec<_> =
        classes.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(class, _)| class.clone()).collect();
    (!missing.is_empty()).then_some(Note::MissingClasses { classes: missing })
}

/// Whether the network's logits (N, K) for N > 1 images are the same to the last bit. Features that differ come out the
/// same only when no hidden unit lets them through. (Probabilities may also be the same because they are all 0 or 1.)
pub(crate) fn dead_network(model: &Mlp<f32>, test: &LabelledFeatures) -> mlprobe_nn::Result<Option<Note>> {
    let logits = model.logits(test.features())?;
    let is_dead = test.len() > 1 && logits.outer_iter().all(|row| row == logits.row(0));
    Ok(is_dead.then_some(Note::DeadNetwork))
}
