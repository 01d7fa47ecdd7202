//! The confusion matrix, and what is read from it.

use super::labels::check_labels;
use crate::error::Result;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts (K, K): row = true class, column = predicted class. Only cells above 0 are kept, N at most, since most are 0 where there
/// are many classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// K.
    classes: usize,
    /// By true and predicted class.
    cells: BTreeMap<(u16, u16), u32>,
}

/// How well one class was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Share of the images predicted to be of this class that are; 0 if none was predicted.
    pub precision: f64,
    /// Share of the images of this class that were predicted to be; 0 if there is none.
    pub recall: f64,
    /// Harmonic mean of precision and recall, 2 hits / (predicted + support); 0 if both are 0.
    pub f1: f64,
    /// Images of this class.
    pub support: u32,
}

/// A class that was taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confused {
    /// The true class.
    pub label: u16,
    /// The class predicted instead.
    pub predicted: u16,
    /// Number of images.
    pub images: u32,
}

impl ConfusionMatrix {
    /// Counts the pairs of `labels` and `predicted` (N each), both below `classes` (K).
    ///
    /// # Errors
    /// If N is 0, the lengths differ, K is 0 or above 65,536, or a class is not below K.
    ///
    /// ```
    /// use mlprobe_stats::metrics::ConfusionMatrix;
    /// use ndarray::array;
    ///
    /// let confusion = ConfusionMatrix::new(&[0, 0, 0, 1], &[0, 0, 1, 1], 2)?;
    /// assert_eq!(confusion.counts(), array![[2, 1], [0, 1]]);
    /// assert_eq!(confusion.accuracy(), 0.75);
    /// assert_eq!(confusion.classes()[1].precision, 0.5);
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn new(labels: &[u16], predicted: &[u16], classes: usize) -> Result<Self> {
        const OPERATION: &str = "counting confusions";
        check_labels(OPERATION, labels, predicted.len(), classes)?;
        check_labels(OPERATION, predicted, labels.len(), classes)?;
        Ok(Self::count(labels, predicted, classes))
    }

    /// [`new`](Self::new) for classes known to be below `classes`.
    pub(super) fn count(labels: &[u16], predicted: &[u16], classes: usize) -> Self {
        let mut cells = BTreeMap::new();
        for (&label, &predicted) in labels.iter().zip(predicted) {
            *cells.entry((label, predicted)).or_default() += 1;
        }
        Self { classes, cells }
    }

    /// The counts (K, K): row = true class, column = predicted class. They take 4 K² bytes.
    pub fn counts(&self) -> Array2<u32> {
        let mut counts = Array2::zeros((self.classes, self.classes));
        for (&(label, predicted), &images) in &self.cells {
            counts[[usize::from(label), usize::from(predicted)]] = images;
        }
        counts
    }

    /// Share of images on the diagonal, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        let hits = self.cells.iter().filter(|((label, predicted), _)| label == predicted);
        ratio(hits.map(|(_, images)| images).sum(), self.cells.values().sum())
    }

    /// Precision, recall and F1 of the K classes (van Rijsbergen, *Information Retrieval*, 1979, chapter 7). What is
    /// undefined is 0.
    pub fn classes(&self) -> Vec<ClassScores> {
        // Of each class: images, predictions, and those that are both.
        let mut counts = vec![[0_u32; 3]; self.classes];
        for (&(label, predicted), &images) in &self.cells {
            counts[usize::from(label)][0] += images;
            counts[usize::from(predicted)][1] += images;
            if label == predicted {
                counts[usize::from(label)][2] += images;
            }
        }
        let scores = |[support, predicted, hits]: [u32; 3]| ClassScores {
            precision: ratio(hits, predicted),
            recall: ratio(hits, support),
            f1: ratio(2 * hits, predicted + support),
            support,
        };
        counts.into_iter().map(scores).collect()
    }

    /// The `count` cells off the diagonal that hold most images, most first, and in row order among equals. Pairs
    /// that were never confused are left out.
    pub fn most_confused(&self, count: usize) -> Vec<Confused> {
        let mut pairs: Vec<Confused> = self
            .cells
            .iter()
            .filter(|((label, predicted), _)| label != predicted)
            .map(|(&(label, predicted), &images)| Confused { label, predicted, images })
            .collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.images));
        pairs.truncate(count);
        pairs
    }
}

/// part / whole, and 0 of nothing.
fn ratio(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}
