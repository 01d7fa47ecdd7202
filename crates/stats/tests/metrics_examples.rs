//! Classification metrics on examples worked by hand: ties, empty classes, bin edges, refusals.

use mlprobe_stats::metrics::{ClassScores, Confused, ConfusionMatrix, Mistake, Predictions, ReliabilityBin};
use ndarray::{Array2, array};

#[test]
fn equal_probabilities_go_to_the_lower_class() {
    let probabilities = array![[0.25, 0.25, 0.25, 0.25], [0.0, 0.5, 0.0, 0.5]];
    let predictions = Predictions::new(&[2, 3], probabilities.view()).unwrap();
    assert_eq!(predictions.predicted(), [0, 1]);
    // Label 2 is third of its row, label 3 second of its own.
    let shares = [1, 2, 3, 4].map(|k| predictions.top_k_accuracy(k));
    assert_eq!(shares, [0.0, 0.5, 1.0, 1.0]);
    assert_eq!((predictions.top_k_accuracy(0), predictions.top_k_accuracy(99)), (0.0, 1.0));
}

#[test]
fn log_loss_is_the_mean_negative_logarithm_and_never_infinite() {
    let probabilities = array![[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]];
    let loss = |labels: &[u16; 3]| Predictions::new(labels, probabilities.view()).unwrap().log_loss();
    // (ln 2 + ln 4 + 0) / 3
    assert!((loss(&[0, 0, 0]) - std::f64::consts::LN_2).abs() < 1e-15);
    // (ln 2 + ln 4 + 23 ln 2) / 3
    assert!((loss(&[0, 0, 1]) - 26.0 * std::f64::consts::LN_2 / 3.0).abs() < 1e-14);
}

#[test]
fn undefined_class_scores_are_zero() {
    // Class 1 is never predicted, class 2 never true, class 3 neither.
    let confusion = ConfusionMatrix::new(&[0, 0, 0, 1, 1], &[0, 0, 2, 0, 2], 4).unwrap();
    let scores = |precision, recall, f1, support| ClassScores { precision, recall, f1, support };
    let two_thirds = 2.0 / 3.0;
    assert_eq!(
        confusion.classes(),
        [
            scores(two_thirds, two_thirds, two_thirds, 3),
            scores(0.0, 0.0, 0.0, 2),
            scores(0.0, 0.0, 0.0, 0),
            scores(0.0, 0.0, 0.0, 0),
        ]
    );
    assert_eq!(confusion.accuracy(), 0.4);
}

#[test]
fn most_confused_pairs_are_off_the_diagonal_and_in_row_order_among_equals() {
    let labels = [2, 2, 2, 1, 1, 0, 0, 0, 0];
    let predicted = [0, 0, 1, 2, 2, 0, 0, 0, 1];
    let confusion = ConfusionMatrix::new(&labels, &predicted, 3).unwrap();
    let pair = |label, predicted, images| Confused { label, predicted, images };
    let all = [pair(1, 2, 2), pair(2, 0, 2), pair(0, 1, 1), pair(2, 1, 1)];
    assert_eq!(confusion.most_confused(10), all);
    assert_eq!(confusion.most_confused(2), all[..2]);
}

#[test]
fn equally_confident_mistakes_stay_in_the_order_of_images() {
    let probabilities = array![[0.75, 0.25], [0.125, 0.875], [0.75, 0.25], [0.5, 0.5]];
    let predictions = Predictions::new(&[1, 0, 1, 0], probabilities.view()).unwrap();
    let mistake = |index, label, predicted, confidence| Mistake { index, label, predicted, confidence };
    assert_eq!(
        predictions.most_confident_mistakes(9),
        [mistake(1, 0, 1, 0.875), mistake(0, 1, 0, 0.75), mistake(2, 1, 0, 0.75)]
    );
}

#[test]
fn the_ends_of_a_bin_belong_to_the_lower_one() {
    // Of 15 bins the last is (14/15, 1] and the ninth, counted from 1, (8/15, 9/15]; 0.6 in f32 is just above 9/15.
    let below = 0.6_f32.next_down();
    let probabilities = array![[1.0, 0.0], [0.6, 0.4], [below, 1.0 - below]];
    let reliability = Predictions::new(&[0, 0, 1], probabilities.view()).unwrap().reliability();
    let filled: Vec<(usize, u32)> = reliability
        .bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| bin.count > 0)
        .map(|(m, bin)| (m, bin.count))
        .collect();
    assert_eq!(filled, [(8, 1), (9, 1), (14, 1)]);
    assert_eq!(reliability.bins[0], ReliabilityBin { count: 0, confidence: 0.0, accuracy: 0.0 });
}

#[test]
fn calibration_error_is_the_weighted_gap_between_confidence_and_accuracy() {
    // 3 of 4 right with confidence 0.75: no gap. 1 of 2 right with confidence 1: gap 0.5, weight 2/6.
    let mut probabilities = Array2::from_elem((6, 2), 0.25);
    probabilities.column_mut(0).fill(0.75);
    for i in [4, 5] {
        probabilities.row_mut(i).assign(&array![1.0, 0.0]);
    }
    let reliability = Predictions::new(&[0, 0, 0, 1, 0, 1], probabilities.view()).unwrap().reliability();
    assert!((reliability.expected_calibration_error() - 1.0 / 6.0).abs() < 1e-15);
}

#[test]
fn what_cannot_be_scored_is_refused_with_what_was_expected() {
    let half = Array2::from_elem((2, 2), 0.5_f32);
    let with = |row: [f32; 2]| {
        let mut probabilities = half.clone();
        probabilities.row_mut(1).assign(&array![row[0], row[1]]);
        Predictions::new(&[0, 1], probabilities.view()).map(drop)
    };
    let confusion = |labels: &[u16], predicted: &[u16], classes| {
        ConfusionMatrix::new(labels, predicted, classes).map(drop)
    };
    let table = [
        (Predictions::new(&[0], half.view()).map(drop), "got 1 labels and 2 rows"),
        (Predictions::new(&[], Array2::zeros((0, 2)).view()).map(drop), "got 0 labels and 0 rows"),
        (Predictions::new(&[0, 2], half.view()).map(drop), "expected labels below 2, got 2 at index 1"),
        (with([f32::NAN, 0.5]), "probabilities that sum to 1, got a row with sum NaN at index 1"),
        (with([1.5, -0.5]), "got a row with sum 1 at index 1"),
        (with([0.5, 0.25]), "got a row with sum 0.75 at index 1; apply softmax"),
        (confusion(&[0, 1], &[0], 2), "got 2 labels and 1 rows"),
        (confusion(&[0, 1], &[0, 3], 2), "expected labels below 2, got 3 at index 1"),
        (confusion(&[0], &[0], 0), "1 to 65,536 classes, got 0"),
        (confusion(&[0], &[0], 65_537), "1 to 65,536 classes, got 65537"),
    ];
    let wrong: Vec<String> = table
        .into_iter()
        .filter_map(|(result, expected)| {
            let message = result.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
            (!message.contains(expected)).then(|| format!("{message:?} lacks {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
