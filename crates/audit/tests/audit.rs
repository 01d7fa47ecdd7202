//! Groups, classes, and what is left of the rows after an audit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::collections::BTreeSet;

use mlprobe_audit::{
    Audit, Crossing, OneSided, Pair, Suspect, classes_on_one_side, crossing, split_by_group,
};
use mlprobe_random::Random;

#[test]
fn a_group_stays_on_one_side_and_the_share_is_kept() {
    let mut random = Random::new(1, b"test", 0);
    let groups: Vec<u64> = (0..600).map(|_| u64::from(random.below(80))).collect();
    let labels: Vec<u16> = (0..600).map(|_| random.below(3) as u16).collect();
    for share in [0.2, 0.5, 0.8] {
        let (first, second) = split_by_group(&labels, &groups, share, 3).unwrap();
        let mut all = [&first[..], &second[..]].concat();
        all.sort_unstable();
        assert_eq!(all, (0..600).collect::<Vec<_>>());
        let of = |rows: &[usize]| rows.iter().map(|&row| groups[row]).collect::<BTreeSet<_>>();
        assert!(of(&first).is_disjoint(&of(&second)));
        for class in 0..3 {
            let count = |rows: &[usize]| rows.iter().filter(|&&row| labels[row] == class).count() as f64;
            let actual = count(&first) / (count(&first) + count(&second));
            // About 200 rows of each class, in groups of 2.5 rows of it: within 5 rows.
            assert!((actual - share).abs() < 0.025, "{actual} of class {class}, not {share}");
        }
    }
}

#[test]
fn the_seed_decides_which_groups_go_where() {
    let (labels, groups) = (vec![0; 40], (0..40).map(|i| i / 2).collect::<Vec<u32>>());
    let split = |seed| split_by_group(&labels, &groups, 0.5, seed).unwrap();
    assert_eq!(split(1), split(1));
    assert_ne!(split(1), split(2));
}

#[test]
fn a_side_without_rows_is_refused_with_the_way_out() {
    let message = |groups: &[&str], share| split_by_group(&[0; 4], groups, share, 1).unwrap_err().to_string();
    for (message, part) in [
        (message(&["a"; 4], 0.5), "at least 2 groups, got 1; name more groups"),
        (message(&["a", "a", "b", "c"], 0.99), "an empty second side"),
        (message(&["a", "a", "b", "c"], 0.01), "an empty first side"),
        (message(&["a", "b"], 0.5), "a group for each of 4 rows, got 2"),
        (message(&["a", "b", "c", "d"], 1.0), "a share above 0 and below 1, got 1"),
        (message(&["a", "b", "c", "d"], f64::NAN), "got NaN"),
    ] {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    assert!(split_by_group::<u64>(&[], &[], 0.5, 1).is_err());
}

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
        one_sided: OneSided { train_only: vec![2], ..OneSided::default() },
    }
}

#[test]
fn findings_are_counted_and_their_rows_left_out_once() {
    let counts = audit().counts();
    assert_eq!((counts.pairs, counts.test_rows_duplicated, counts.suspects), (3, 2, 1));
    assert_eq!((counts.groups_on_both_sides, counts.test_rows_of_crossing_groups), (1, 2));
    assert_eq!(counts.classes_on_one_side, 1);
    let clean = audit().clean().unwrap();
    assert_eq!((clean.test_left_out, clean.test_kept), (vec![1, 3, 4], vec![0, 2]));
    assert_eq!((clean.train_suspect, clean.train_kept), (vec![5], vec![0, 1, 2, 3, 4]));
}

#[test]
fn an_audit_survives_json() {
    let json = serde_json::to_string(&audit()).unwrap();
    assert_eq!(serde_json::from_str::<Audit>(&json).unwrap(), audit());
}

#[test]
fn an_audit_of_other_sets_or_without_rows_left_is_refused() {
    let other = Audit { test_rows: 3, ..audit() }.clean().unwrap_err().to_string();
    assert!(other.contains("test rows below 3, got row 4; use the audit with the sets"), "{other}");
    let duplicates = (0..5).map(|test| Pair { test, train: 0, similarity: 1.0 }).collect();
    let none = Audit { duplicates, ..audit() }.clean().unwrap_err().to_string();
    assert!(none.contains("at least one test row to keep"), "{none}");
}
