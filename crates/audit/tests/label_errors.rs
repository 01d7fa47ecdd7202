//! Label errors: the rule on probabilities worked out by hand, and planted flips.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use mlprobe_audit::{Error, Suspect, confident_suspects, label_errors, out_of_fold_probabilities};
use mlprobe_nn::Params;
use mlprobe_random::Random;
use ndarray::{Array2, array};

/// Rows (N, D) around one centre per class, whose noise makes a few of them ambiguous, and their labels.
fn clouds(rows: usize, columns: usize, classes: usize) -> (Array2<f32>, Vec<u16>) {
    let mut random = Random::new(4, b"test", 0);
    let centres = Array2::from_shape_simple_fn((classes, columns), || random.uniform(-1.0, 1.0));
    let labels: Vec<u16> = (0..rows).map(|i| (i % classes) as u16).collect();
    let x = Array2::from_shape_fn((rows, columns), |(i, j)| {
        (centres[[i % classes, j]] + random.uniform(-2.0, 2.0)) as f32
    });
    (x, labels)
}

fn params() -> Params {
    Params::new([16]).epochs(20).batch_size(20)
}

#[test]
fn the_rule_is_that_of_the_definition() {
    // t_0 = (0.9 + 0.8 + 0.1 + 0.6) / 4 = 0.6, t_1 = (0.7 + 0.9) / 2 = 0.8.
    // Of class 0, rows 0, 1 and 3 count for class 0, and row 2 for class 1, with 0.9 ≥ 0.8: 1/4 of 4 rows, one suspect.
    // Of class 1, row 4 reaches neither threshold, and row 5 counts for its label: no suspect.
    let p = array![[0.9_f32, 0.1], [0.8, 0.2], [0.1, 0.9], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]];
    let suspects = confident_suspects(p.view(), &[0, 0, 0, 0, 1, 1]).unwrap();
    let confidence = 1.0 - f64::from(0.1_f32);
    assert_eq!(suspects, [Suspect { row: 2, given: 0, suggested: 1, confidence }]);
}

#[test]
fn a_row_whose_label_is_likeliest_is_no_suspect() {
    // One of the two rows of class 0 counts for class 1, but neither of the classes' other rows is doubted.
    let p = array![[0.2_f32, 0.8], [0.6, 0.4], [0.3, 0.7], [0.3, 0.7]];
    let rows: Vec<_> = confident_suspects(p.view(), &[0, 0, 1, 1]).unwrap().iter().map(|s| s.row).collect();
    assert_eq!(rows, [0]);
}

#[test]
fn planted_flips_are_found() {
    let (x, truth) = clouds(1000, 20, 5);
    let mut labels = truth.clone();
    let flipped: Vec<usize> = (0..20).map(|i| 50 * i + 7 * (i % 3)).collect(); // 2 %
    flipped.iter().for_each(|&row| labels[row] = (labels[row] + 1 + (row % 4) as u16) % 5);
    let suspects = label_errors(x.view(), &labels, 5, 1, &params()).unwrap();
    let hits = suspects.iter().filter(|suspect| flipped.contains(&suspect.row)).count();
    assert!(hits >= 16, "{hits} of 20");
    let right = suspects.iter().filter(|s| flipped.contains(&s.row) && s.suggested == truth[s.row]).count();
    assert!(right >= 14, "{right} of 20 are suggested rightly");
    // The surest ones are flips: of the first 10, at least 8.
    assert!(suspects.iter().take(10).filter(|suspect| flipped.contains(&suspect.row)).count() >= 8);
    assert!(suspects.windows(2).all(|pair| pair[0].confidence >= pair[1].confidence));
    assert!(suspects.iter().all(|s| s.given == labels[s.row] && s.given != s.suggested));
}

#[test]
fn no_row_is_judged_by_a_network_that_saw_it() {
    // Labels are noise. A network of 64 units learns by heart what it sees, and cannot know what it does not see.
    let (x, _) = clouds(200, 30, 2);
    let mut random = Random::new(9, b"test", 0);
    let labels: Vec<u16> = (0..200).map(|_| u16::from(random.coin())).collect();
    let p = out_of_fold_probabilities(x.view(), &labels, 4, 1, &Params::new([64]).epochs(60).batch_size(20))
        .unwrap();
    let right = (0..200).filter(|&i| (p[[i, 1]] > 0.5) == (labels[i] == 1)).count();
    // Chance is 100, standard deviation 7; learnt by heart would be 200.
    assert!(right < 140, "{right} of 200");
    assert!(p.outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-5));
}

#[test]
fn the_bits_depend_on_the_seed_and_not_on_the_number_of_threads() {
    let (x, labels) = clouds(200, 9, 3);
    let run = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| out_of_fold_probabilities(x.view(), &labels, 3, seed, &params().epochs(3)).unwrap())
    };
    let one = run(1, 5);
    assert_eq!(one, run(2, 5));
    assert_eq!(one, run(5, 5));
    assert_ne!(one, run(1, 6));
}

#[test]
fn a_class_without_rows_is_no_obstacle() {
    let (x, labels) = clouds(120, 5, 2);
    let labels: Vec<u16> = labels.iter().map(|label| 2 * label).collect();
    assert!(label_errors(x.view(), &labels, 3, 1, &params().epochs(5)).unwrap().iter().all(|s| s.given != 1));
}

#[test]
fn what_does_not_fit_is_refused_with_the_way_out() {
    let (x, labels) = clouds(20, 3, 2);
    let message = |labels: &[u16], folds, params: &Params| {
        label_errors(x.view(), labels, folds, 1, params).unwrap_err().to_string()
    };
    for (message, part) in [
        (message(&labels[..19], 5, &params()), "a label for each of 20 rows"),
        (message(&labels, 1, &params()), "2 to 20 folds, the number of rows, got 1"),
        (message(&labels, 21, &params()), "got 21"),
        (message(&labels, 5, &params().learning_rate(-1.0)), "learning_rate"),
    ] {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    let error = label_errors(x.view(), &labels, 5, 1, &params().learning_rate(1e30)).unwrap_err();
    assert!(matches!(error, Error::Training(mlprobe_nn::Error::Diverged { .. })), "{error}");
    let p = array![[0.5_f32, 0.5], [3.0, -2.0]];
    assert!(confident_suspects(p.view(), &[0, 1]).unwrap_err().to_string().contains("not logits"));
    assert!(confident_suspects(p.view(), &[0, 2]).unwrap_err().to_string().contains("labels below 2"));
}
