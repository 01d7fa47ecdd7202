//! Nearest neighbours and logistic regression in the network's place: what they are made from, and how they are decided.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mlprobe_experiments::knn::{knn_predict, unit_rows};
use mlprobe_experiments::results::{Classifier, Decision, Probe};
use mlprobe_experiments::settings::Subset;
use mlprobe_experiments::{
    Arm, Checkpoints, Error, Event, LabelledFeatures, Progress, Protocol, Session, Study,
};
use mlprobe_nn::Precision;
use mlprobe_stats::{LEVEL, crossed_bootstrap};
use ndarray::{Array2, Axis, concatenate};

use crate::common::{assert_same, copies, protocol, run, set};

const SEEDS: [u64; 3] = [3, 4, 5];

/// Rows whose labels are wrong in one of four cases.
fn noisy(n: usize, shift: usize) -> LabelledFeatures {
    let set = set(n, shift);
    let wrong = |(i, &label): (usize, &u16)| if i % 4 == 0 { (label + 1) % 3 } else { label };
    let labels = set.labels().iter().enumerate().map(wrong).collect();
    LabelledFeatures::new(set.features().to_owned(), labels).unwrap()
}

fn test_set() -> LabelledFeatures {
    noisy(90, 1)
}

fn study() -> Study<'static> {
    let original = noisy(60, 0);
    Study::new(&test_set())
        .protocol(protocol(SEEDS, 4))
        .add(Arm::new("plain", 0.1).with(&original))
        .add(Arm::new("copies", 0.1).with(&original).with_seeded(copies()))
        .add(Arm::new("twice", 0.1).with(&original).with(&original))
        .probe_neighbours("copies", "plain")
        .probe_logistic("copies", "twice")
}

#[test]
fn nearest_neighbours_of_blocks_are_those_of_all_rows_together_and_are_paired_by_seed_and_image() {
    let outcome = run(&study());
    let answers = &outcome.results.probes;
    assert_eq!((answers.len(), answers[0].probe), (2, Probe::NearestNeighbours { k: 10 }));

    let (original, test) = (noisy(60, 0), test_set());
    let correct = |train: &Array2<f32>, labels: &[u16]| -> Vec<bool> {
        let (train, query) = (unit_rows(train.view()), unit_rows(test.features()));
        let predicted = knn_predict(train.view(), labels, query.view(), 10).unwrap();
        predicted.iter().zip(test.labels()).map(|(predicted, label)| predicted == label).collect()
    };
    let with_copies = |seed: u64| {
        let copies = set(60, 2 + seed as usize);
        let rows = concatenate![Axis(0), original.features(), copies.features()];
        correct(&rows, &[original.labels(), copies.labels()].concat())
    };
    let stacked = |rows: Vec<Vec<bool>>| Array2::from_shape_vec((3, 90), rows.concat()).unwrap();
    let a = stacked(SEEDS.map(with_copies).to_vec());
    let b = stacked(vec![correct(&original.features().to_owned(), original.labels()); 3]);
    let expected = crossed_bootstrap(a.view(), b.view(), 10_000, 0, LEVEL).unwrap();
    let share = |correct: &Array2<bool>| correct.iter().filter(|&&right| right).count() as f64 / 270.0;
    let answer = &answers[0].answer;
    assert!((answers[0].a_accuracy.mean - share(&a)).abs() < 1e-12);
    assert!((answers[0].b_accuracy.mean - share(&b)).abs() < 1e-12);
    assert!(answers[0].b_accuracy.std.unwrap() < 1e-12, "one training set for all seeds");
    assert!((answer.difference - expected.difference).abs() < 1e-12);
    assert_eq!((answer.interval, answer.seeds), (Some(expected.interval), 3));
    assert!(answer.over_seeds.is_some() && answer.contrast.a == "copies" && answer.contrast.b == "plain");
}

#[test]
fn logistic_regression_is_the_network_without_a_hidden_layer_trained_as_the_arm_is() {
    let outcome = run(&study());
    let probe = &outcome.results.probes[1];
    assert_eq!(probe.probe, Probe::LogisticRegression { epochs: 4 });

    let mut without_hidden = protocol(SEEDS, 4);
    without_hidden.hidden.clear();
    let original = noisy(60, 0);
    let by_hand = Study::new(&test_set())
        .protocol(without_hidden)
        .add(Arm::new("copies", 0.1).with(&original).with_seeded(copies()))
        .add(Arm::new("twice", 0.1).with(&original).with(&original))
        .compare("copies against twice", "copies", "twice");
    let by_hand = run(&by_hand).results;
    assert_eq!(probe.a_accuracy, by_hand.arms[0].readings.last().unwrap().test_accuracy);
    assert_eq!(probe.b_accuracy, by_hand.arms[1].readings.last().unwrap().test_accuracy);
    assert_eq!(probe.answer, by_hand.answers[0]);
}

#[test]
fn training_sets_that_are_the_same_for_all_seeds_are_still_compared_over_test_images() {
    let wrong = |set: &LabelledFeatures, every: usize| {
        let label = |(i, &label): (usize, &u16)| if i % every == 0 { (label + 1) % 3 } else { label };
        let labels = set.labels().iter().enumerate().map(label).collect();
        LabelledFeatures::new(set.features().to_owned(), labels).unwrap()
    };
    let (good, bad) = (set(300, 0), wrong(&set(300, 0), 1));
    let study = Study::new(&set(300, 1))
        .protocol(protocol(SEEDS, 2))
        .add(Arm::new("bad", 0.1).with(&bad).standardised())
        .add(Arm::new("good", 0.1).with(&good).standardised())
        .probe_neighbours("good", "bad");
    let results = run(&study).results;
    let answer = &results.probes[0].answer;
    assert_eq!(answer.answer, Decision::Better, "{answer:?}");
    let over_seeds = answer.over_seeds.unwrap();
    assert!(over_seeds.high - over_seeds.low < 1e-12, "{over_seeds:?}");
    let same = run(&study.probe_neighbours("good", "good")).results;
    assert_eq!((same.probes[1].answer.difference, same.probes[1].answer.answer), (0.0, Decision::Equivalent));
}

#[test]
fn probes_are_the_same_for_any_number_of_threads_and_after_any_interruption() {
    let expected = run(&study().threads(1));
    assert_same(&run(&study().threads(4)), &expected, "4 threads");
    for events in [3, 8] {
        let dir = tempfile::tempdir().unwrap();
        let mut starts = 0;
        let outcome = loop {
            let left = AtomicU64::new(events);
            let observer = |event: Event<'_>| match event {
                Event::Advanced { .. } if left.fetch_sub(1, Ordering::Relaxed) <= 1 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            let checkpoints = Checkpoints::new(dir.path(), "p").every(Duration::ZERO);
            let session = Session::resumable(Progress::new(&observer), checkpoints, "probes").unwrap();
            starts += 1;
            assert!(starts < 100, "no start gets further than the one before");
            match study().threads(2).run_in(&session, |_| Ok(())) {
                Ok(outcome) => break outcome,
                Err(error) => assert!(matches!(error, Error::Stopped { planned: 3, .. }), "{error}"),
            }
        };
        assert!(starts > 3, "{starts} starts");
        assert_same(&outcome, &expected, &format!("stopped after {events} events"));
    }
}

#[test]
fn what_simple_classifiers_said_under_another_protocol_is_not_used() {
    let usual = protocol(SEEDS, 4);
    let part = |fraction| Some(Subset { fraction, per_seed: false });
    let studied = |protocol: &Protocol| study().protocol(protocol.clone()).baselines(&noisy(60, 0), 0.1);
    // Images voted on by nearest neighbours, and updates of the logistic regression among the baselines.
    let done = |protocol: &Protocol, folder: &Path| {
        let (votes, updates) = (AtomicU64::new(0), AtomicU64::new(0));
        let observer = |event: Event<'_>| {
            match event {
                Event::Advanced { stage: "probe: nearest neighbours", amount } => {
                    votes.fetch_add(amount, Ordering::Relaxed);
                }
                Event::Advanced { stage: "baselines", amount } => {
                    updates.fetch_add(amount, Ordering::Relaxed);
                }
                _ => {}
            }
            ControlFlow::Continue(())
        };
        let checkpoints = Checkpoints::new(folder, "p").every(Duration::ZERO);
        let session = Session::resumable(Progress::new(&observer), checkpoints, "probes").unwrap();
        studied(protocol).run_in(&session, |_| Ok(())).unwrap();
        (votes.into_inner(), updates.into_inner())
    };
    let table = [
        ("precision", Protocol { precision: Precision::Bf16, ..usual.clone() }),
        ("part", Protocol { subset: part(0.5), ..usual.clone() }),
        ("another part", Protocol { subset: part(0.6), ..usual.clone() }),
    ];
    for (what, other) in table {
        let (fresh, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let all = done(&other, fresh.path());
        assert!(all.0 > 0 && all.1 > 0, "{what}: {all:?}");
        done(&usual, kept.path());
        assert_eq!(done(&other, kept.path()), all, "{what}");
    }
    let kept = tempfile::tempdir().unwrap();
    done(&usual, kept.path());
    let looser = Protocol { margin: Some(0.3), ..usual };
    assert_eq!(done(&looser, kept.path()), (0, 0), "the margin changes no prediction");
}

#[test]
fn baselines_are_made_from_the_part_that_is_trained_on() {
    let train = noisy(60, 0);
    let whole = run(&study().baselines(&train, 0.1)).results.baselines;
    let subset = Subset { fraction: 0.1, per_seed: true };
    let parts = Protocol { subset: Some(subset), ..protocol(SEEDS, 4) };
    let parts = run(&study().protocol(parts).baselines(&train, 0.1)).results.baselines;
    assert_eq!(whole.iter().map(|of| of.test_accuracy.n).collect::<Vec<_>>(), [1, 1, 3]);
    assert_eq!(parts.iter().map(|of| of.test_accuracy.n).collect::<Vec<_>>(), [3, 3, 3]);
    assert_eq!(parts[1].classifier, Classifier::NearestNeighbours { k: 6 }, "2 rows of each class");
    assert_ne!(parts[1].test_accuracy.mean, whole[1].test_accuracy.mean);
}

#[test]
fn the_last_report_holds_the_probes_and_an_arm_that_does_not_exist_is_refused() {
    let mut asked = Vec::new();
    let session = Session::new(Progress::silent());
    study()
        .run_in(&session, |so_far| {
            asked.push((so_far.results.seeds_done, so_far.results.probes.len()));
            Ok(())
        })
        .unwrap();
    assert_eq!(asked, [(1, 0), (2, 0), (3, 0), (3, 2)]);
    let error = study().probe_logistic("copies", "nobody").run().err().unwrap().to_string();
    assert!(error.contains("names of the study's arms, got \"nobody\""), "{error}");
}
