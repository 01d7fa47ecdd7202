//! What an arm's models get right and wrong on the test set, beyond accuracy: class by class, and how well
//! their confidence is calibrated.

use mlprobe_stats::metrics::{ClassScores, Confused, ConfusionMatrix, Mistake, Predictions, Reliability};
use mlprobe_stats::{Summary, summary};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::engine::scoring::Tested;
use crate::error::Result;

/// An arm's models after the last epoch, on the test set. A [`Summary`] is over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Share of images whose label is among the five likeliest classes.
    pub top5_accuracy: Summary,
    /// Expected calibration error: mean distance between confidence and accuracy, a fraction.
    pub calibration_error: Summary,
    /// Confidence against accuracy, the predictions of all seeds together.
    pub reliability: Reliability,
    /// The K classes in label order.
    pub classes: Vec<ClassQuality>,
    /// Counts (K, K) of all seeds together: row = true class, column = predicted class. Empty for more than
    /// [`MATRIX`](Self::MATRIX) classes, of which only the pairs confused most are kept.
    pub confusion: Vec<Vec<u32>>,
    /// The pairs of classes confused most often, most first, up to [`PAIRS`](Self::PAIRS).
    pub confused: Vec<ConfusedPair>,
    /// The mistakes made with most confidence, most first, up to [`MISTAKES`](Self::MISTAKES), by the mean of all
    /// seeds' probabilities.
    pub mistakes: Vec<Mistake>,
}

/// A class that was taken for another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfusedPair {
    /// How often, all seeds together.
    #[serde(flatten)]
    pub confused: Confused,
    /// How often, as a share of the predictions for that class.
    #[serde(default)]
    pub share: f64,
    /// Test images confused so by the mean of all seeds' probabilities, most confident first, up to
    /// [`EXAMPLES`](Quality::EXAMPLES).
    pub examples: Vec<usize>,
}

impl Quality {
    /// The most classes that a whole confusion matrix is kept for.
    pub const MATRIX: usize = 100;
    /// Pairs of classes that are kept.
    pub const PAIRS: usize = 6;
    /// Images kept of each pair.
    pub const EXAMPLES: usize = 4;
    /// Mistakes that are kept.
    pub const MISTAKES: usize = 12;
}

/// How well one class is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassQuality {
    /// Its name.
    pub class: String,
    /// Share of the images taken for this class that are of it.
    pub precision: Summary,
    /// Share of this class's images that are found.
    pub recall: Summary,
    /// Harmonic mean of the two.
    pub f1: Summary,
}

/// The quality of one or more models, by what each said of the test images after its epochs to report at, with the labels (N) of
/// these and K class names.
pub(crate) fn quality(tested: &[&[Tested]], labels: &[u16], classes: &[String]) -> Result<Quality> {
    let last: Vec<&Tested> = tested.iter().filter_map(|tested| tested.last()).collect();
    let of_runs = last
        .iter()
        .map(|tested| Ok(Predictions::new(labels, tested.probabilities.view())?))
        .collect::<Result<Vec<_>>>()?;
    let over_seeds =
        |value: &dyn Fn(&Predictions<'_>) -> f64| summary(&of_runs.iter().map(value).collect::<Vec<_>>());
    let class_scores: Vec<Vec<ClassScores>> = of_runs.iter().map(|run| run.confusion().classes()).collect();
    let of_class = |k: usize, value: fn(&ClassScores) -> f64| {
        summary(&class_scores.iter().map(|scores| value(&scores[k])).collect::<Vec<_>>())
    };

    let views: Vec<_> = last.iter().map(|tested| tested.probabilities.view()).collect();
    // Predictions of all seeds together, without a copy of their probabilities.
    let (repeated, predicted) = (labels.repeat(last.len()), of_runs.iter().flat_map(Predictions::predicted));
    let predicted: Vec<u16> = predicted.copied().collect();
    let confusion = ConfusionMatrix::new(&repeated, &predicted, classes.len())?;
    let mut mean = Array2::zeros(views[0].dim());
    views.iter().for_each(|view| mean += view);
    mean /= last.len() as f32;
    let mistakes = Predictions::new(labels, mean.view())?.most_confident_mistakes(labels.len());
    let together = confusion.classes();
    let share = |pair: Confused| {
        let of_class = together[usize::from(pair.label)].support;
        f64::from(pair.images) / f64::from(of_class.max(1))
    };
    let examples = |pair: Confused| {
        let same = |mistake: &&Mistake| (mistake.label, mistake.predicted) == (pair.label, pair.predicted);
        mistakes.iter().filter(same).map(|mistake| mistake.index).take(Quality::EXAMPLES).collect()
    };
    Ok(Quality {
        top5_accuracy: over_seeds(&|run| run.top_k_accuracy(5))?,
        calibration_error: over_seeds(&|run| run.reliability().expected_calibration_error())?,
        reliability: Reliability::of(of_runs.iter().flat_map(Predictions::scored)),
        classes: classes
            .iter()
            .enumerate()
            .map(|(k, class)| {
                Ok(ClassQuality {
                    class: class.clone(),
                    precision: of_class(k, |scores| scores.precision)?,
                    recall: of_class(k, |scores| scores.recall)?,
                    f1: of_class(k, |scores| scores.f1)?,
                })
            })
            .collect::<Result<_>>()?,
        confused: confusion
            .most_confused(Quality::PAIRS)
            .into_iter()
            .map(|confused| ConfusedPair { confused, share: share(confused), examples: examples(confused) })
            .collect(),
        mistakes: mistakes.iter().take(Quality::MISTAKES).copied().collect(),
        confusion: match classes.len() <= Quality::MATRIX {
            true => confusion.counts().outer_iter().map(|row| row.to_vec()).collect(),
            false => Vec::new(),
        },
    })
}
