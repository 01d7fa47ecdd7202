//! Classification metrics against scikit-learn (`golden/metrics.json`, made by `golden/metrics.py`).

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use mlprobe_stats::metrics::{ClassScores, Predictions};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    labels: Vec<u16>,
    probabilities: Vec<Vec<f32>>,
    confusion: Vec<Vec<u32>>,
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    support: Vec<u32>,
    top_k_accuracy: Vec<f64>,
    log_loss: f64,
    bins: Vec<Bin>,
    expected_calibration_error: f64,
    mistakes: Vec<usize>,
}

#[derive(Deserialize)]
struct Bin {
    count: u32,
    confidence: f64,
    accuracy: f64,
}

fn golden() -> (Golden, Array2<f32>) {
    let golden: Golden = serde_json::from_str(include_str!("golden/metrics.json")).unwrap();
    let shape = (golden.labels.len(), golden.probabilities[0].len());
    let probabilities = Array2::from_shape_vec(shape, golden.probabilities.concat()).unwrap();
    (golden, probabilities)
}

/// Both sides work in f64: a few roundings over 120 numbers.
fn assert_close(actual: f64, expected: f64, what: &str) {
    assert!((actual - expected).abs() < 1e-13, "{what}: {actual} but scikit-learn has {expected}");
}

#[test]
fn confusions_and_class_scores_agree_with_scikit_learn() {
    let (golden, probabilities) = golden();
    let confusion = Predictions::new(&golden.labels, probabilities.view()).unwrap().confusion();
    let expected = Array2::from_shape_vec(confusion.counts().dim(), golden.confusion.concat()).unwrap();
    assert_eq!(confusion.counts(), expected);
    for (k, ClassScores { precision, recall, f1, support }) in confusion.classes().into_iter().enumerate() {
        assert_close(precision, golden.precision[k], "precision");
        assert_close(recall, golden.recall[k], "recall");
        assert_close(f1, golden.f1[k], "f1");
        assert_eq!(support, golden.support[k]);
    }
}

#[test]
fn accuracies_and_log_loss_agree_with_scikit_learn() {
    let (golden, probabilities) = golden();
    let predictions = Predictions::new(&golden.labels, probabilities.view()).unwrap();
    for (k, &expected) in (1..).zip(&golden.top_k_accuracy) {
        assert_close(predictions.top_k_accuracy(k), expected, "top-k accuracy");
    }
    assert_close(predictions.accuracy(), golden.top_k_accuracy[0], "accuracy");
    assert_close(predictions.confusion().accuracy(), golden.top_k_accuracy[0], "accuracy of the matrix");
    // scikit-learn sums float32 logarithms: each is off by up to 2^-24 of itself.
    let loss = predictions.log_loss();
    assert!((loss / golden.log_loss - 1.0).abs() < 1e-6, "{loss} but scikit-learn has {}", golden.log_loss);
}

#[test]
fn calibration_agrees_with_numpy() {
    let (golden, probabilities) = golden();
    let reliability = Predictions::new(&golden.labels, probabilities.view()).unwrap().reliability();
    assert_eq!(reliability.bins.len(), golden.bins.len());
    for (bin, expected) in reliability.bins.iter().zip(&golden.bins) {
        assert_eq!(bin.count, expected.count);
        assert_close(bin.confidence, expected.confidence, "confidence");
        assert_close(bin.accuracy, expected.accuracy, "accuracy");
    }
    assert_close(reliability.expected_calibration_error(), golden.expected_calibration_error, "ECE");
}

#[test]
fn mistakes_come_in_numpys_order_of_confidence() {
    let (golden, probabilities) = golden();
    let predictions = Predictions::new(&golden.labels, probabilities.view()).unwrap();
    let mistakes = predictions.most_confident_mistakes(usize::MAX);
    assert_eq!(mistakes.iter().map(|mistake| mistake.index).collect::<Vec<_>>(), golden.mistakes);
    assert_eq!(predictions.most_confident_mistakes(3), mistakes[..3]);
}
