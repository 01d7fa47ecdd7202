//! How good N predictions over K classes are, from their probabilities: pure functions, no I/O.
//!
//! [`Predictions`] checks labels and probabilities once; every metric is then a method that cannot fail.
//! Where only the predicted classes are known, start from a [`ConfusionMatrix`].

mod calibration;
mod confusion;
mod labels;

pub use calibration::{Reliability, ReliabilityBin};
pub use confusion::{ClassScores, Confused, ConfusionMatrix};
pub use labels::check_labels;

use crate::error::{Result, require};
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// The probabilities (N, K) a model gave to N labelled images.
#[derive(Debug, Clone)]
pub struct Predictions<'a> {
    labels: &'a [u16],
    probabilities: ArrayView2<'a, f32>,
    predicted: Vec<u16>,
}

/// An image that a model got wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// Row of the image, in 0..N.
    pub index: usize,
    /// Its true class.
    pub label: u16,
    /// The class that was predicted instead.
    pub predicted: u16,
    /// Probability of the predicted class, in [0, 1].
    pub confidence: f32,
}

impl<'a> Predictions<'a> {
    /// Takes `labels` (N) and `probabilities` (N, K), where a row holds the probabilities of one image.
    ///
    /// # Errors
    /// If N is 0, the lengths differ, K is 0 or above 65,536, a label is not below K, a probability is not in [0, 1],
    /// or a row does not sum to 1 within 0.001.
    ///
    /// ```
    /// use mlprobe_stats::metrics::Predictions;
    /// use ndarray::array;
    ///
    /// let probabilities = array![[0.75_f32, 0.125, 0.125], [0.5, 0.375, 0.125]];
    /// let predictions = Predictions::new(&[0, 1], probabilities.view())?;
    /// assert_eq!(predictions.predicted(), [0, 0]);
    /// assert_eq!((predictions.accuracy(), predictions.top_k_accuracy(2)), (0.5, 1.0));
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn new(labels: &'a [u16], probabilities: ArrayView2<'a, f32>) -> Result<Self> {
        const OPERATION: &str = "scoring predictions";
        let (n, classes) = probabilities.dim();
        check_labels(OPERATION, labels, n, classes)?;
        for (i, row) in probabilities.outer_iter().enumerate() {
            let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
            let valid = row.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() <= 1e-3;
            let actual = format_args!("a row with sum {sum} at index {i}");
            require(valid, OPERATION, "probabilities that sum to 1", actual, "apply softmax to the logits")?;
        }
        let predicted = probabilities.outer_iter().map(|row| largest(row) as u16).collect();
        Ok(Self { labels, probabilities, predicted })
    }

    /// The predicted classes (N): the most probable one, the lower number among equals.
    pub fn predicted(&self) -> &[u16] {
        &self.predicted
    }

    /// Share of images whose predicted class is their label, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.top_k_accuracy(1)
    }

    /// Share of images whose label is among the `k` most probable classes, in [0, 1]; the lower number goes first among
    /// equals, so that k = 1 is [`accuracy`](Self::accuracy).
    pub fn top_k_accuracy(&self, k: usize) -> f64 {
        let hits = self.rows().filter(|&(label, row)| {
            let p = row[label];
            let before = row.iter().enumerate().filter(|&(j, &q)| q > p || (q == p && j < label));
            before.count() < k
        });
        hits.count() as f64 / self.labels.len() as f64
    }

    /// Mean cross-entropy, in nats: -(1/N) sum ln p(label).
    ///
    /// A probability is taken as 2^-23 (f32's epsilon) or more, so that a single p = 0, where softmax underflows, does not
    /// make the mean infinite: an image adds 15.9 at most.
    pub fn log_loss(&self) -> f64 {
        let sum: f64 =
            self.rows().map(|(label, row)| -libm::log(f64::from(row[label].max(f32::EPSILON)))).sum();
        sum / self.labels.len() as f64
    }

    /// How often each class was taken for each other.
    pub fn confusion(&self) -> ConfusionMatrix {
        ConfusionMatrix::count(self.labels, &self.predicted, self.probabilities.ncols())
    }

    /// Confidence against accuracy, in equal bins.
    pub fn reliability(&self) -> Reliability {
        Reliability::of(self.scored())
    }

    /// The probability of each image's predicted class, in [0, 1], and whether that is its label.
    pub fn scored(&self) -> impl Iterator<Item = (f32, bool)> {
        (0..self.labels.len()).map(|i| (self.confidence(i), self.is_correct(i)))
    }

    /// The `count` mistakes with the highest confidence, highest first; the lower index goes first among equals.
    pub fn most_confident_mistakes(&self, count: usize) -> Vec<Mistake> {
        let mut mistakes: Vec<Mistake> = (0..self.labels.len())
            .filter(|&index| !self.is_correct(index))
            .map(|index| Mistake {
                index,
                label: self.labels[index],
                predicted: self.predicted[index],
                confidence: self.confidence(index),
            })
            .collect();
        // The sort is stable: equals stay in the order of their indices.
        mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        mistakes.truncate(count);
        mistakes
    }

    fn rows(&self) -> impl Iterator<Item = (usize, ArrayView1<'_, f32>)> {
        self.labels.iter().map(|&label| usize::from(label)).zip(self.probabilities.outer_iter())
    }

    fn is_correct(&self, i: usize) -> bool {
        self.predicted[i] == self.labels[i]
    }

    fn confidence(&self, i: usize) -> f32 {
        self.probabilities[[i, usize::from(self.predicted[i])]]
    }
}

/// Position of the largest value, the first among equals.
fn largest(row: ArrayView1<'_, f32>) -> usize {
    let mut best = 0;
    for (j, &p) in row.iter().enumerate() {
        if p > row[best] {
            best = j;
        }
    }
    best
}
