//! Calibration: of the predictions made with 80 % confidence, are 80 % right?

use serde::{Deserialize, Serialize};

/// Confidence against accuracy in [`BINS`](Self::BINS) bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// The bins, from low to high confidence. Bin m of M holds confidences in (m/M, (m+1)/M], counted from 0.
    pub bins: Vec<ReliabilityBin>,
}

/// The predictions whose confidence lies in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Number of predictions.
    pub count: u32,
    /// Mean probability of the predicted class, in [0, 1]; 0 in an empty bin.
    pub confidence: f64,
    /// Share of correct predictions, in [0, 1]; 0 in an empty bin.
    pub accuracy: f64,
}

impl Reliability {
    /// Number of bins M, as in Guo et al.'s tables.
    pub const BINS: usize = 15;

    /// Sorts (confidence in [0, 1], correct) pairs into the bins.
    pub fn of(predictions: impl Iterator<Item = (f32, bool)>) -> Self {
        let mut sums = [(0_u32, 0.0_f64, 0_u32); Self::BINS];
        for (confidence, correct) in predictions {
            let confidence = f64::from(confidence);
            // Ends belong to the lower bin, hence the ceiling.
            let bin = (confidence * Self::BINS as f64).ceil() as usize;
            let (count, total, hits) = &mut sums[bin.clamp(1, Self::BINS) - 1];
            *count += 1;
            *total += confidence;
            *hits += u32::from(correct);
        }
        let bins = sums.map(|(count, total, hits)| {
            let divisor = f64::from(count.max(1));
            ReliabilityBin { count, confidence: total / divisor, accuracy: f64::from(hits) / divisor }
        });
        Self { bins: bins.to_vec() }
    }

    /// The mean distance between accuracy and confidence over all N predictions, in [0, 1]:
    ///
    /// ECE = sum over bins of count/N |accuracy - confidence|
    ///
    /// Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, equation 3.
    pub fn expected_calibration_error(&self) -> f64 {
        let n: u32 = self.bins.iter().map(|bin| bin.count).sum();
        let distances =
            self.bins.iter().map(|bin| f64::from(bin.count) * (bin.accuracy - bin.confidence).abs());
        distances.sum::<f64>() / f64::from(n.max(1))
    }
}
