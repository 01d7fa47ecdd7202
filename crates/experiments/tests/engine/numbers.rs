//! Numbers that are wrong are found and said: nothing that follows from them passes for a result.

use std::fs;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use mlprobe_experiments::report::Page;
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::{
    About, Arm, Error, Event, LabelledFeatures, Note, Outcome, Progress, Result, RunFolder, Session, Study,
};
use ndarray::Array2;

use crate::common::{Made, protocol};

const CLASSES: [&str; 3] = ["a", "b", "c"];

/// Rows around one centre per class, labels 0, 1, 2 and so on; `scale` multiplies every feature.
fn set(labels: &[u16], scale: f32) -> LabelledFeatures {
    let features = Array2::from_shape_fn((labels.len(), 6), |(i, j)| {
        let centre = if j % 3 == usize::from(labels[i]) { 1.0 } else { 0.0 };
        scale * (centre + ((i * 31 + j * 17) % 23) as f32 / 23.0)
    });
    LabelledFeatures::new(features, labels.to_vec()).unwrap()
}

fn all_classes(rows: usize) -> Vec<u16> {
    (0..rows).map(|i| (i % 3) as u16).collect()
}

/// Rows that are in no training set.
fn test_set() -> LabelledFeatures {
    set(&all_classes(30), 1.01)
}

fn study<'a>(seeds: u64) -> Study<'a> {
    Study::new(&test_set())
        .about(About::features("clusters", &CLASSES))
        .protocol(protocol(0..seeds, 6))
        .threads(1)
}

/// Runs it into a folder; what it finds, and the notes that were sent on the way.
fn run_into(folder: &RunFolder, study: &Study<'_>) -> (Result<Outcome>, Vec<String>) {
    let noted = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::Noted { arm, seed, note } = event {
            noted.lock().unwrap().push(format!("{arm} {seed} {note}"));
        }
        ControlFlow::Continue(())
    };
    let outcome = study.run_in(&Session::new(Progress::new(&observer)), |so_far| {
        folder.save(so_far)?;
        folder.save_page(&Page::new(&so_far.results))
    });
    (outcome, noted.into_inner().unwrap())
}

/// A folder in a temporary one.
fn folder() -> (tempfile::TempDir, RunFolder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path().join("run")).unwrap();
    (dir, folder)
}

/// An arm that diverges with seed 1.
fn wild<'a>(rows: &'a [u16]) -> Arm<'a> {
    Arm::new("wild", 0.1).with_seeded(Made(60, |seed| {
        // Finite, but the products with the weights are not for long.
        Ok(set(rows, if seed == 1 { 1e30 } else { 1.0 }))
    }))
}

#[test]
fn an_arm_alone_that_diverges_is_named_and_the_seeds_before_it_stay() {
    let (_dir, folder) = folder();
    let rows = all_classes(60);
    let study = study(3).add(wild(&rows));
    let error = run_into(&folder, &study).0.err().unwrap();
    let message = error.to_string();
    assert!(matches!(error, Error::Training { seed: 1, .. }), "{message}");
    for part in ["arm `wild` with seed 1", "diverged", "lower the learning rate"] {
        assert!(message.contains(part), "{message}");
    }
    let kept = read_results(folder.path().join("results.json")).unwrap();
    assert_eq!((kept.seeds_done, kept.arms[0].runs.len()), (1, 1));
    assert!(fs::read_to_string(folder.path().join("report.md")).unwrap().contains("Not finished: 1 of 3"));
}

#[test]
fn an_arm_that_diverges_beside_others_is_left_out_and_named() {
    let (_dir, folder) = folder();
    let rows = all_classes(60);
    let tame = |name: &str, rate| Arm::new(name, rate).with(&set(&all_classes(60), 1.0));
    let study = study(3).add(wild(&rows)).add(tame("slow", 0.1)).add(tame("fast", 0.2));
    let results = run_into(&folder, &study).0.unwrap().results;
    assert_eq!(results.arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>(), ["slow", "fast"]);
    assert_eq!((results.seeds_done, results.comparisons.len()), (3, 2));
    assert_eq!((results.diverged[0].arm.as_str(), results.diverged[0].seed), ("wild", 1));
    assert!(results.diverged[0].error.contains("lower the learning rate"), "{:?}", results.diverged);
    for report in ["report.md", "report.html"] {
        let text = fs::read_to_string(folder.path().join(report)).unwrap();
        assert!(text.contains("is left out.") && text.contains("training diverged"), "{report}");
    }
}

#[test]
fn what_is_left_out_does_not_depend_on_which_of_several_arms_diverged_first_in_time() {
    let rows = all_classes(60);
    // The first arm waits for its rows, while the second has already diverged.
    let wild = |name: &str, pause| {
        Arm::new(name, 0.1).with_seeded(Made(60, move |_| {
            thread::sleep(Duration::from_millis(pause));
            Ok(set(&all_classes(60), 1e18))
        }))
    };
    let left_out = |threads| {
        let tame = Arm::new("tame", 0.1).with(&set(&rows, 1.0));
        let study = study(2).add(wild("late", 200)).add(wild("early", 0)).add(tame).threads(threads);
        study.run().unwrap().results.diverged
    };
    let one = left_out(1);
    assert_eq!(one.iter().map(|failed| failed.arm.as_str()).collect::<Vec<_>>(), ["late", "early"]);
    for threads in [2, 4] {
        assert_eq!(left_out(threads), one, "{threads} threads");
    }
}

#[test]
fn features_too_small_for_their_deviation_to_be_divided_by_count_as_constant() {
    let faint = |set: LabelledFeatures| {
        let mut features = set.features().to_owned();
        features.column_mut(0).mapv_inplace(|x| 1e-42 * x);
        LabelledFeatures::new(features, set.labels().to_vec()).unwrap()
    };
    let train = faint(set(&all_classes(60), 1.0));
    let arm = |name: &str| Arm::new(name, 0.1).with(&train).standardised();
    let study = Study::new(&faint(test_set())).protocol(protocol(0..2, 6)).add(arm("a")).add(arm("b"));
    let results = study.run().unwrap().results;
    assert_eq!((results.seeds_done, results.diverged.len()), (2, 0));
}

#[test]
fn a_network_that_died_is_noted_in_results_reports_and_on_the_way() {
    let (_dir, folder) = folder();
    // One step of this size takes every hidden unit below 0 on all rows, since no feature is negative.
    let study = study(2)
        .add(Arm::new("alive", 0.1).with(&set(&all_classes(60), 1.0)))
        .add(Arm::new("dead", 200.0).with(&set(&all_classes(60), 1.0)));
    let (outcome, noted) = run_into(&folder, &study);
    let results = outcome.unwrap().results;
    let dead = results.notes.iter().filter(|note| note.note == Note::DeadNetwork);
    let notes: Vec<_> = dead.map(|note| (note.arm.as_str(), note.seeds.clone())).collect();
    assert_eq!(notes, [("dead", vec![0, 1])], "{:?}", results.notes);
    assert_eq!(noted.len(), 2);
    assert!(noted[0].starts_with("dead 0 the network is dead"), "{noted:?}");
    assert_eq!(read_results(folder.path().join("results.json")).unwrap().notes, results.notes);
    for report in ["report.md", "report.html"] {
        let text = fs::read_to_string(folder.path().join(report)).unwrap();
        assert!(text.contains("seeds 0, 1: The network is dead"), "{report}");
    }
    let test_accuracy = results.arm("dead").unwrap().runs[0].test_accuracy;
    assert_eq!(test_accuracy, 1.0 / 3.0); // of three classes, always the same
}

#[test]
fn a_class_that_is_not_trained_on_is_noted_for_its_arm() {
    let (_dir, folder) = folder();
    let some =
        |classes: &[u16]| all_classes(60).into_iter().filter(|label| classes.contains(label)).collect();
    let (no_b, only_b): (Vec<_>, Vec<_>) = (some(&[0, 2]), some(&[1]));
    let study = study(2)
        .add(Arm::new("all", 0.1).with(&set(&no_b, 1.0)).with(&set(&only_b, 1.0)))
        .add(Arm::new("some", 0.1).with(&set(&no_b, 1.0)))
        .add(Arm::new("made", 0.1).with_seeded(Made(20, |_| Ok(set(&only_b, 1.0)))));
    let (outcome, noted) = run_into(&folder, &study);
    let missing =
        |classes: &[&str]| Note::MissingClasses { classes: classes.iter().map(|c| c.to_string()).collect() };
    let notes = outcome.unwrap().results.notes;
    let of_classes = notes.iter().filter(|note| matches!(note.note, Note::MissingClasses { .. }));
    let found: Vec<_> = of_classes.map(|note| (note.arm.as_str(), &note.seeds[..], &note.note)).collect();
    // Of rows that follow from the seed it is known when they are there.
    let expected = [("some", &[][..], &missing(&["b"])), ("made", &[0, 1][..], &missing(&["a", "c"]))];
    assert_eq!(found, expected);
    assert!(noted[0].contains("the training set has no image of b,"), "{noted:?}");
    assert_eq!(noted.len(), 3);
    assert!(fs::read_to_string(folder.path().join("report.md")).unwrap().contains("has no image of b"));
}

#[test]
fn labels_out_of_range_are_refused_before_anything_runs() {
    let (good, bad) = (set(&all_classes(30), 1.0), set(&[0, 1, 2], 1.0));
    let new = |test: &LabelledFeatures| Study::new(test).about(About::features("clusters", &CLASSES[..2]));
    let two = set(&[0, 1], 1.0);
    let table = [
        (new(&good).arm("x", &two), "2 in row 2 of the test set"),
        (new(&two).add(Arm::new("x", 0.1).with(&two).with(&bad)), "2 in row 2 of arm `x`"),
        (new(&two).arm("x", &two).further_test("rotated", &bad), "2 in row 2 of test set `rotated`"),
        (new(&two).arm("x", &two).baselines(&bad, 0.1), "2 in row 2 of the baselines"),
    ];
    for (study, part) in table {
        let started = Progress::new(&|event| unreachable!("{event:?}"));
        let error = study.run_in(&Session::new(started), |_| Ok(())).err().unwrap().to_string();
        assert!(error.contains(part) && error.contains("labels 0 to 1, for 2 classes"), "{error}");
    }
}

#[test]
fn labels_out_of_range_in_a_set_made_for_a_seed_are_an_error_that_names_the_run() {
    let bad = |_| LabelledFeatures::new(Array2::zeros((3, 6)), vec![0, 1, 3]);
    let study = study(1).add(Arm::new("made", 0.1).with_seeded(Made(3, bad)));
    let error = study.run().err().unwrap().to_string();
    assert!(error.contains("arm `made` with seed 0") && error.contains("row 2 is 3"), "{error}");
}

#[test]
fn features_far_from_zero_are_noted_before_training_and_learned_when_standardised() {
    let (train, test) = (far_from_zero(60, 300.0), far_from_zero(30, 300.05));
    let study = |is_standardised: bool| {
        let arm = |name: &str| {
            let arm = Arm::new(name, 0.05).with(&train);
            if is_standardised { arm.standardised() } else { arm }
        };
        let about = About::features("far", &CLASSES);
        Study::new(&test).about(about).protocol(protocol(0..2, 40)).add(arm("a")).add(arm("b"))
    };
    let (_dir, folder) = folder();
    let (outcome, noted) = run_into(&folder, &study(false));
    assert!(noted[0].contains("a 0 ") && noted[0].contains("--standardise"), "{noted:?}");
    let results = outcome.unwrap().results;
    assert!(matches!(results.notes[0].note, Note::FeatureScale { .. }) && results.notes[0].seeds.is_empty());
    let page = fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(page.contains("> **Note.** `a`: The features have a root mean square of"), "{page}");

    let (outcome, noted) = run_into(&self::folder().1, &study(true));
    assert!(noted.is_empty(), "{noted:?}");
    let last =
        |results: &mlprobe_experiments::Results| results.arms[0].readings.last().unwrap().test_accuracy.mean;
    assert!(last(&outcome.unwrap().results) > last(&results) + 0.2);
}

/// Rows as those of [`set`], so far away from 0.
fn far_from_zero(rows: usize, shift: f32) -> LabelledFeatures {
    let set = set(&all_classes(rows), 1.0);
    LabelledFeatures::new(set.features().mapv(|x| x + shift), set.labels().to_vec()).unwrap()
}
