//! Groups, classes, and what is left of the rows after an audit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use mlprobe_audit::{
    Audit, CERTAIN, Crossing, LeftOut, OneSided, Pair, Side, Suspect, classes_on_one_side, crossing,
};
use mlprobe_random::Random;
use ndarray::Array2;

#[test]
fn groups_on_both_sides_are_listed_with_their_rows() {
    let found = crossing(&["x", "y", "x", "z"], &["w", "z", "x", "z"]);
    let group = |group: &str, train: &[usize], test: &[usize]| Crossing {
        group: group.into(),
        train: train.to_vec(),
        test: test.to_vec(),
    };
    assert_eq!(found, [group("x", &[0, 2], &[2]), group("z", &[3], &[1, 3])]);
    assert_eq!(crossing::<u64>(&[1, 2], &[3]), []);
}

#[test]
fn a_label_without_a_class_is_named() {
    let error = classes_on_one_side(&[0, 1], &[1, 5], 3).unwrap_err().to_string();
    assert!(error.contains("labels below 3, got 5 in test row 1"), "{error}");
    assert!(classes_on_one_side(&[], &[], 70_000).is_err());
}

fn audit() -> Audit {
    let pair = |test, train| Pair { test, train, similarity: 0.75 };
    Audit {
        train_rows: 6,
        test_rows: 5,
        threshold: 0.5,
        duplicates: vec![pair(1, 0), pair(1, 4), pair(3, 2)],
        suspects: vec![Suspect { row: 5, given: 0, suggested: 1, confidence: 0.99 }],
        crossings: vec![Crossing { group: "g".into(), train: vec![0], test: vec![3, 4] }],
        single: vec![2],
        one_sided: OneSided { train_only: vec![2], ..OneSided::default() },
        ..Audit::default()
    }
}

#[test]
fn findings_are_counted_and_their_rows_left_out_once() {
    let counts = audit().counts();
    assert_eq!((counts.pairs, counts.test_rows_duplicated, counts.suspects), (3, 2, 1));
    assert_eq!((counts.groups_on_both_sides, counts.test_rows_of_crossing_groups), (1, 2));
    assert_eq!(counts.classes_on_one_side, 1);
    let left_out = audit().left_out();
    assert_eq!(left_out, LeftOut { train: vec![5], test: vec![1, 3, 4] });
    let kept = left_out.kept(6, 5).unwrap();
    assert_eq!((kept.train, kept.test), (vec![0, 1, 2, 3, 4], vec![0, 2]));
}

#[test]
fn only_the_surest_findings_leave_rows_out_unseen() {
    let pair = |test, similarity| Pair { test, train: 0, similarity };
    let suspect = |row| Suspect { row, given: 0, suggested: 1, confidence: 0.9 };
    let audit = Audit {
        train_rows: 149,
        duplicates: vec![pair(1, CERTAIN), pair(2, CERTAIN - 0.01)],
        suspects: [7, 3, 5].map(suspect).to_vec(),
        ..audit()
    };
    // 2 % of 149 rows are two whole ones, and the group on both sides leaves out two more test rows.
    assert_eq!(audit.surest().left_out(), LeftOut { train: vec![3, 7], test: vec![1, 3, 4] });
}

#[test]
fn everything_that_was_planted_is_found_at_once() {
    let mut random = Random::new(2, b"test", 0);
    let mut row = |i: usize| (random.uniform(-1.0, 1.0) + 3.0 * (i % 2) as f64) as f32;
    let train = Array2::from_shape_fn((600, 64), |(i, _)| row(i));
    let mut test = Array2::from_shape_fn((20, 64), |(i, _)| row(i));
    test.row_mut(7).assign(&train.row(31));
    let mut labels: Vec<u16> = (0..600).map(|i| i % 2).collect();
    labels[12] = 1;
    let mut test_labels: Vec<u16> = labels[..20].to_vec();
    test_labels[3] = 2;
    let groups = |side: &str, n| (0..n).map(|i| format!("{side}{i}")).collect::<Vec<_>>();
    let (of_train, mut of_test) = (groups("a", 600), groups("b", 20));
    of_test[5] = "a40".into();
    let audit = Audit::of(
        Side { features: train.view(), labels: &labels, groups: &of_train },
        Side { features: test.view(), labels: &test_labels, groups: &of_test },
        3,
        0.5,
    )
    .unwrap();
    assert_eq!((audit.train_rows, audit.test_rows, audit.threshold), (600, 20, 0.5));
    assert_eq!((audit.duplicates[0].test, audit.duplicates[0].train), (7, 31));
    assert_eq!((audit.suspects[0].row, audit.suspects[0].suggested), (12, 0));
    assert_eq!(audit.crossings, [Crossing { group: "a40".into(), train: vec![40], test: vec![5] }]);
    assert_eq!(audit.one_sided, OneSided { test_only: vec![2], ..OneSided::default() });
}

/// Rows of two clouds, and one row of a third class.
fn clouds_and_one() -> (Array2<f32>, Vec<u16>) {
    let mut x =
        Array2::from_shape_fn((61, 3), |(i, j)| (i % 2) as f32 * 3.0 + ((i * 7 + j * 5) % 11) as f32 * 0.1);
    x.row_mut(60).fill(-4.0);
    (x, (0..61).map(|i| if i == 60 { 2 } else { i % 2 }).collect())
}

#[test]
fn a_class_of_one_row_is_named_and_no_obstacle() {
    let (x, labels) = clouds_and_one();
    let side = Side { features: x.view(), labels: &labels, groups: &[] };
    let audit = Audit::of(side, side, 3, 0.5).unwrap();
    assert_eq!((audit.single, audit.not_judged), (vec![2], None));
    assert!(audit.suspects.iter().all(|suspect| suspect.row != 60), "{:?}", audit.suspects);
}

#[test]
fn one_training_row_cannot_be_judged_and_is_no_obstacle() {
    let (x, labels) = (Array2::ones((1, 4)), [1]);
    let side = Side { features: x.view(), labels: &labels, groups: &[] };
    let audit = Audit::of(side, side, 2, 0.5).unwrap();
    assert!(audit.suspects.is_empty() && audit.duplicates.len() == 1);
    assert!(audit.not_judged.unwrap().contains("no other training rows"));
}

#[test]
fn a_network_that_diverges_leaves_the_other_findings() {
    let (x, labels) = clouds_and_one();
    let x = x.mapv(|x| 1e30 * x);
    let side = Side { features: x.view(), labels: &labels, groups: &[] };
    let audit = Audit::of(side, side, 3, 0.5).unwrap();
    assert!(audit.suspects.is_empty() && !audit.duplicates.is_empty());
    assert!(audit.not_judged.unwrap().contains("diverged"));
}

#[test]
fn an_audit_survives_json() {
    let json = serde_json::to_string(&audit()).unwrap();
    assert_eq!(serde_json::from_str::<Audit>(&json).unwrap(), audit());
}

#[test]
fn an_audit_of_other_sets_or_without_rows_left_is_refused() {
    let other = audit().left_out().kept(6, 3).unwrap_err().to_string();
    assert!(other.contains("test rows below 3, got row 4; use the audit with the sets"), "{other}");
    let none = LeftOut { train: vec![], test: (0..5).collect() }.kept(6, 5).unwrap_err().to_string();
    assert!(none.contains("at least one test row to keep"), "{none}");
}
