//! A study as its users meet it: the same bits for any number of threads, whole after every seed.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use mlprobe_experiments::tuned::Standardisation;
use mlprobe_experiments::{
    About, Arm, Error, Event, LabelledFeatures, Outcome, Progress, Protocol, Result, Results, RunFolder,
    Study, read_results,
};
use mlprobe_features::arrays::write_npz;
use ndarray::Array2;
use ndarray_npy::{read_npy, write_npy};
use sha2::{Digest, Sha256};

const CLASSES: usize = 3;
const DIM: usize = 6;

/// Rows around one centre a class; `shift` tells sets apart.
fn set(n: usize, shift: usize) -> LabelledFeatures {
    let labels: Vec<u8> = (0..n).map(|i| (i % CLASSES) as u8).collect();
    let features = Array2::from_shape_fn((n, DIM), |(i, j)| {
        let centre = if j % CLASSES == i % CLASSES { 1.0 } else { 0.0 };
        centre + ((i * 31 + j * 17 + shift * 7) % 23) as f32 / 23.0
    });
    LabelledFeatures::new(features, labels).unwrap()
}

fn study<'a>(epochs: usize, seeds: usize) -> Study<'a> {
    let protocol = Protocol { seeds: (0..seeds as u64).collect(), epochs, batch_size: 10, hidden: vec![8] };
    let about = About::features("clusters", &["a", "b", "c"]);
    let (original, test) = (set(60, 0), set(90, 1));
    Study::new(about, protocol, &test)
        .arm(Arm::new("unaugmented", 0.08).with(&original))
        .arm(
            Arm::new("augmented", 0.1)
                .with(&original)
                .with_seeded(60, |seed, _| Ok(set(60, 2 + seed as usize))),
        )
        .arm(Arm::new("duplicated", 0.1).with(&original).with(&original))
        .further_test("shifted", &set(90, 9))
}

/// What must not depend on the number of threads: everything but times and the machine.
fn without_times(mut results: Results) -> Results {
    results.stages.clear();
    results.claims.clear(); // their text quotes seconds
    results.about.machine.threads = 0;
    results.costs.iter_mut().flat_map(|cost| &mut cost.arms).for_each(|arm| arm.seconds = None);
    for run in results.arms.iter_mut().flat_map(|arm| &mut arm.runs) {
        run.seconds = 0.0;
        run.history.iter_mut().for_each(|entry| entry.seconds = 0.0);
    }
    results
}

fn nothing(_: &Outcome) -> Result<()> {
    Ok(())
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads| study(12, 4).threads(threads).run(&Progress::silent(), nothing).unwrap();
    let one = run(1);
    for threads in [2, 4, 16] {
        let other = run(threads);
        let same = without_times(one.results.clone()) == without_times(other.results);
        assert!(same, "results with {threads} threads");
        for (a, b) in one.runs.iter().flatten().zip(other.runs.iter().flatten()) {
            assert_eq!(a.model, b.model, "{threads} threads");
            assert_eq!((&a.half, &a.full, &a.further), (&b.half, &b.full, &b.further), "{threads} threads");
        }
    }
}

#[test]
fn runs_are_paired_by_seed_and_differ_between_seeds() {
    let outcome = study(3, 2).run(&Progress::silent(), nothing).unwrap();
    for arm in &outcome.results.arms {
        assert_eq!(arm.runs.iter().map(|run| run.seed).collect::<Vec<_>>(), [0, 1], "{}", arm.name);
        assert_ne!(arm.runs[0].history, arm.runs[1].history, "{}", arm.name);
    }
}

#[test]
fn every_metric_is_recorded_at_half_and_at_the_last_epoch() {
    let outcome = study(24, 1).run(&Progress::silent(), nothing).unwrap();
    let unaugmented = outcome.results.arm("unaugmented").unwrap();
    let augmented = outcome.results.arm("augmented").unwrap();
    let history = &unaugmented.runs[0].history;
    assert_eq!(
        history.iter().map(|entry| entry.epoch).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 20, 24]
    );
    assert_eq!(history.iter().map(|entry| entry.updates).take(3).collect::<Vec<_>>(), [6, 12, 18]);
    assert_eq!(unaugmented.readings.iter().map(|reading| reading.epoch).collect::<Vec<_>>(), [12, 24]);
    // Half of the augmented epochs are as many updates as all of the unaugmented ones.
    assert_eq!(augmented.readings[0].updates, unaugmented.readings[1].updates);
    assert!(history.windows(2).all(|pair| pair[0].seconds <= pair[1].seconds));
    let last = history.last().unwrap();
    assert_eq!((last.test_accuracy, last.train_accuracy), {
        let run = &unaugmented.runs[0];
        (run.test_accuracy, run.train_accuracy)
    });
}

#[test]
fn an_arm_is_scored_on_its_own_training_set_and_on_the_originals() {
    let outcome = study(10, 1).run(&Progress::silent(), nothing).unwrap();
    let last = |arm: &str| outcome.results.arm(arm).unwrap().runs[0].history.last().unwrap().clone();
    let (unaugmented, duplicated, augmented) = (last("unaugmented"), last("duplicated"), last("augmented"));
    assert_eq!(unaugmented.train_loss, unaugmented.original_loss);
    // Twice the same rows have the same mean; (a + a) / 2 is exact.
    assert_eq!(duplicated.train_accuracy, duplicated.original_accuracy);
    assert_ne!(augmented.train_loss, augmented.original_loss);
}

#[test]
fn a_study_stopped_after_its_first_seed_leaves_a_whole_report() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path().join("run")).unwrap();
    let stop = |event: Event<'_>| match event {
        Event::SeedFinished { done: 1, .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let error = study(12, 3)
        .threads(1) // more would be at work on the next seeds, and finish them
        .run(&Progress::new(&stop), |so_far| folder.save(so_far))
        .err()
        .expect("the study was asked to stop");
    assert!(matches!(error, Error::Stopped { done: 1, planned: 3 }), "{error}");

    let results = read_results(folder.path().join("results.json")).unwrap();
    assert_eq!((results.seeds_done, results.protocol.seeds.len(), results.is_whole()), (1, 3, false));
    assert!(results.arms.iter().all(|arm| arm.runs.len() == 1));
    let report = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(report.contains("Not finished: 1 of 3 seeds"), "{report}");
    assert!(report.contains("## The claims") && report.contains("## Time"), "{report}");
}

#[test]
fn the_run_folder_holds_what_it_promises() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path()).unwrap();
    let outcome = study(6, 2).run(&Progress::silent(), |so_far| folder.save(so_far)).unwrap();

    for (arm, runs) in outcome.results.arms.iter().zip(&outcome.runs) {
        for run in runs {
            let name = format!("{}-seed{}", arm.name, run.record.seed);
            let at = |folder: &str, rest: &str| dir.path().join(folder).join(format!("{name}{rest}"));
            let model = mlprobe_nn::Mlp::<f32>::load(at("models", ".safetensors")).unwrap();
            assert_eq!(model, run.model, "{name}");
            let probabilities: Array2<f32> = read_npy(at("predictions", "-probabilities.npy")).unwrap();
            assert_eq!(probabilities, run.full.probabilities, "{name}");
            let half: Array2<f32> = read_npy(at("predictions", "-half-probabilities.npy")).unwrap();
            assert_eq!(half, run.half.probabilities, "{name}");
            let predictions: ndarray::Array1<u8> = read_npy(at("predictions", ".npy")).unwrap();
            let right = predictions.iter().zip(set(90, 1).labels()).filter(|(a, b)| a == b).count();
            assert_eq!(right as f64 / 90.0, run.record.test_accuracy, "{name}");
        }
    }
    assert_eq!(read_results(dir.path().join("results.json")).unwrap(), outcome.results);
    let report = std::fs::read_to_string(dir.path().join("report.md")).unwrap();
    assert!(!report.contains("Not finished"), "{report}");
    assert!(report.contains("90 test examples"), "{report}");
    let svg = std::fs::read_to_string(dir.path().join("learning-curves.svg")).unwrap();
    for text in ["Epoch", "Accuracy (%)", "unaugmented", "augmented", "duplicated"] {
        assert!(svg.contains(text), "{text}");
    }
    let sums = std::fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 3 + 3 * 2 * 4); // of 3 arms and 2 seeds a model and three predictions
    for line in sums.lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        let bytes = std::fs::read(dir.path().join(name)).unwrap();
        let expected: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected, "{name}");
    }
    assert_only_whole_files(dir.path());
}

/// Nothing half-written is left beside the files.
fn assert_only_whole_files(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_only_whole_files(&path);
        } else {
            let extension = path.extension().and_then(|extension| extension.to_str());
            let known = ["json", "md", "svg", "npy", "safetensors"].map(Some).contains(&extension);
            assert!(known || path.ends_with("SHA256SUMS") || path.ends_with(".lock"), "{path:?}");
        }
    }
}

#[test]
fn progress_adds_up_to_what_was_announced() {
    let counts = Mutex::new((0, 0, 0, 0));
    let observer = |event: Event<'_>| {
        let mut counts = counts.lock().unwrap();
        match event {
            Event::StageStarted { stage: "training", total, .. } => counts.0 = total,
            Event::Advanced { stage: "training", amount } => counts.1 += amount,
            Event::RunFinished { .. } => counts.2 += 1,
            Event::SeedFinished { .. } => counts.3 += 1,
            _ => {}
        }
        ControlFlow::Continue(())
    };
    study(5, 2).run(&Progress::new(&observer), nothing).unwrap();
    // 5 epochs of 6 + 12 + 12 updates for each of 2 seeds.
    assert_eq!(*counts.lock().unwrap(), (300, 300, 6, 2));
}

#[test]
fn an_error_in_one_run_ends_the_study_and_names_the_run() {
    let about = About::features("clusters", &["a", "b", "c"]);
    let protocol = Protocol { seeds: vec![7], epochs: 5, batch_size: 10, hidden: vec![8] };
    let error = Study::new(about, protocol, &set(9, 1))
        .arm(Arm::new("wild", 1e30).with(&set(60, 0)))
        .run(&Progress::silent(), nothing)
        .err()
        .expect("the loss is not finite");
    let message = error.to_string();
    assert!(message.starts_with("training arm `wild` with seed 7: training diverged"), "{message}");
}

#[test]
fn an_error_after_a_seed_is_passed_on() {
    let full = |_: &Outcome| {
        Err(Error::Argument {
            operation: "saving",
            expected: "room".into(),
            actual: "none".into(),
            next: "make some",
        })
    };
    let error = study(3, 2).run(&Progress::silent(), full).err().expect("saving failed");
    assert!(error.to_string().starts_with("saving: expected room"), "{error}");
}

#[test]
fn a_plan_that_cannot_work_is_refused_before_anything_runs() {
    let about = || About::features("clusters", &["a", "b", "c"]);
    let arm = |name: &str| Arm::new(name, 0.1).with(&set(6, 0));
    let new = || Study::new(about(), Protocol::default(), &set(9, 1));
    let narrow = LabelledFeatures::new(Array2::zeros((2, DIM - 1)), vec![0, 1]).unwrap();
    let fourth = LabelledFeatures::new(Array2::zeros((2, DIM)), vec![0, 3]).unwrap();
    let table = [
        (new(), "0 arms"),
        (new().arm(arm("a")).arm(arm("a")), "2 arms with 1 names"),
        (new().arm(arm("../a")), "\"../a\""),
        (new().arm(Arm::new("a", 0.1)), "none in arm `a`"),
        (new().arm(arm("a")).compare("nothing", "a", "b"), "\"b\""),
        (
            new().arm(arm("a")).arm(Arm::new("b", 0.1).with(&narrow)),
            "expected 6 features a row, as in the test set, got 5 in arm `b`",
        ),
        (
            new().arm(Arm::new("a", 0.1).with(&set(6, 0)).with(&fourth)),
            "expected labels 0 to 2, for 3 classes, got 3 in row 1 of arm `a`",
        ),
        (new().arm(arm("a")).further_test("odd", &fourth), "got 3 in row 1 of test set `odd`"),
        (
            new().arm(arm("a")).standardised_by(Standardisation::fit(narrow.features())),
            "a standardisation of 6 features, as in the test set, got 5",
        ),
        (
            Study::new(about(), Protocol { epochs: 0, ..Protocol::default() }, &set(9, 1)).arm(arm("a")),
            "0 epochs",
        ),
    ];
    for (study, part) in table {
        let error = study.run(&Progress::silent(), nothing).err().expect(part);
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn models_of_standardised_features_take_them_as_they_were() {
    let (raw, raw_test) = (set(60, 0), set(90, 1));
    let standardisation = Standardisation::fit(raw.features());
    let scaled = |set: &LabelledFeatures| {
        LabelledFeatures::new(standardisation.apply(set.features()), set.labels().to_vec()).unwrap()
    };
    let protocol = Protocol { seeds: vec![0], epochs: 10, batch_size: 10, hidden: vec![8] };
    let outcome = Study::new(About::features("clusters", &["a", "b", "c"]), protocol, &scaled(&raw_test))
        .arm(Arm::new("scaled", 0.1).with(&scaled(&raw)))
        .standardised_by(standardisation.clone())
        .run(&Progress::silent(), nothing)
        .unwrap();
    let run = &outcome.runs[0][0];
    let probabilities = run.model.probabilities(raw_test.features()).unwrap();
    // Features are below 2, deviations above 0.25, so terms of the first layer below 10: some 2^-24 * 10 * D off, which the
    // second layer of 8 takes times 8 at most.
    let off = (&probabilities - &run.full.probabilities).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
    assert!(off < 3e-5, "{off}");
    assert!(run.record.test_accuracy > 0.6, "{}", run.record.test_accuracy);
}

#[test]
fn a_set_is_read_from_one_file_or_from_two() {
    let folder = tempfile::tempdir().unwrap();
    let (pair, features, labels) =
        (folder.path().join("set.npz"), folder.path().join("x.npy"), folder.path().join("y.npy"));
    let set = set(12, 3);
    let wide: Vec<u16> = set.labels().iter().map(|&label| label.into()).collect();
    write_npz(&pair, set.features(), &wide).unwrap();
    write_npy(&features, &set.features()).unwrap();
    write_npy(&labels, &ndarray::aview1(set.labels())).unwrap();
    for read in [LabelledFeatures::read(&pair), LabelledFeatures::read_pair(&features, &labels)] {
        let read = read.unwrap();
        assert_eq!((read.features(), read.labels()), (set.features(), set.labels()));
    }
    let error = LabelledFeatures::read(folder.path().join("none.npz")).unwrap_err().to_string();
    assert!(error.starts_with("reading /") && error.contains("none.npz"), "{error}");
}
