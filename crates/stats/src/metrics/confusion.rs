//! The confusion matrix, and what is read from it.

use super::labels::check_labels;
use crate::error::Result;
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// Counts (K, K): row = true class, column = predicted class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix(Array2<u32>);

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
    /// If N is 0, the lengths differ, K is 0 or above 256, or a class is not below K.
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
        let mut counts = Array2::zeros((classes, classes));
        for (&label, &predicted) in labels.iter().zip(predicted) {
            counts[[usize::from(label), usize::from(predicted)]] += 1;
        }
        Self(counts)
    }

    /// The counts (K, K): row = true class, column = predicted class.
    pub fn counts(&self) -> ArrayView2<'_, u32> {
        self.0.view()
    }

    /// Share of images on the diagonal, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        ratio(self.0.diag().sum(), self.0.sum())
    }

    /// Precision, recall and F1 of the K classes (van Rijsbergen, *Information Retrieval*, 1979, chapter 7). What is
    /// undefined is 0.
    pub fn classes(&self) -> Vec<ClassScores> {
        let (support, predicted) = (self.0.sum_axis(Axis(1)), self.0.sum_axis(Axis(0)));
        (0..self.0.nrows())
            .map(|k| {
                let hits = self.0[[k, k]];
                ClassScores {
                    precision: ratio(hits, predicted[k]),
                    recall: ratio(hits, support[k]),
                    f1: ratio(2 * hits, predicted[k] + support[k]),
                    support: support[k],
                }
            })
            .collect()
    }

    /// The `count` cells off the diagonal that hold most images, most first, and in row order among equals. Pairs
    /// that were never confused are left out.
    pub fn most_confused(&self, count: usize) -> Vec<Confused> {
        let mut pairs: Vec<Confused> = self
            .0
            .indexed_iter()
            .filter(|&((label, predicted), &images)| label != predicted && images > 0)
            .map(|((label, predicted), &images)| Confused {
                label: label as u16,
                predicted: predicted as u16,
                images,
            })
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
