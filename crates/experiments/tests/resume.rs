//! A study that was interrupted goes on where it was, and ends with the same bits.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mlprobe_experiments::tuned::{self, Data, Views};
use mlprobe_experiments::{
    About, Arm, Checkpoints, Error, Event, LabelledFeatures, Outcome, Progress, Protocol, Results, RunFolder,
    Study,
};
use ndarray::Array2;

const CLASSES: usize = 3;
const DIM: usize = 6;
const EPOCHS: usize = 12;
/// 12 epochs of 6, 12 and 12 updates for each of 2 seeds, and of 6 for logistic regression.
const UPDATES: u64 = 12 * (2 * (6 + 12 + 12) + 6);

/// Rows around one centre a class; `shift` tells sets apart.
fn set(n: usize, shift: usize) -> LabelledFeatures {
    let labels: Vec<u8> = (0..n).map(|i| (i % CLASSES) as u8).collect();
    let features = Array2::from_shape_fn((n, DIM), |(i, j)| {
        let centre = if j % CLASSES == i % CLASSES { 1.0 } else { 0.0 };
        centre + ((i * 31 + j * 17 + shift * 7) % 23) as f32 / 23.0
    });
    LabelledFeatures::new(features, labels).unwrap()
}

fn protocol() -> Protocol {
    Protocol { seeds: vec![3, 4], epochs: EPOCHS, batch_size: 10, hidden: vec![8] }
}

fn study(protocol: Protocol, rate: f64, original: &LabelledFeatures) -> Study<'static> {
    let about = About::features("clusters", &["a", "b", "c"]);
    Study::new(about, protocol, &set(90, 1))
        .arm(Arm::new("unaugmented", rate).with(original))
        .arm(Arm::new("duplicated", 0.1).with(original).with(original))
        .arm(
            Arm::new("augmented", 0.1)
                .with(original)
                .with_seeded(60, |seed, _| Ok(set(60, 2 + seed as usize))),
        )
        .further_test("shifted", &set(90, 9))
        .baselines(original, 0.1)
        .threads(2)
}

fn usual() -> Study<'static> {
    study(protocol(), 0.08, &set(60, 0))
}

fn uninterrupted(study: &Study<'_>) -> Outcome {
    study.run(&Progress::silent(), |_| Ok(())).unwrap()
}

/// Checkpoints after every epoch, by a program of this name.
fn checkpoints(folder: &Path, program: &str) -> Checkpoints {
    Checkpoints::new(folder, program).every(Duration::ZERO)
}

/// What an observer saw of one start.
#[derive(Default)]
struct Seen {
    /// Units of training that were done.
    advanced: u64,
    /// Runs that went on, with the epochs done before.
    resumed: Vec<(String, u64, usize)>,
    set_aside: Vec<PathBuf>,
    /// Seconds of the stage "training".
    training: f64,
}

/// Starts `study`, which is stopped when so many events have told of progress in training.
fn start(study: &Study<'_>, checkpoints: Checkpoints, events: u64) -> (Option<Outcome>, Seen) {
    let (seen, left) = (Mutex::new(Seen::default()), AtomicU64::new(events));
    let observer = |event: Event<'_>| {
        let mut seen = seen.lock().unwrap();
        match event {
            Event::Advanced { stage: "training" | "baselines", amount } => {
                seen.advanced += amount;
                if left.fetch_sub(1, Ordering::Relaxed) <= 1 {
                    return ControlFlow::Break(());
                }
            }
            Event::RunResumed { arm, seed, epochs_done, epochs, .. } => {
                assert_eq!(epochs, EPOCHS);
                seen.resumed.push((arm.to_owned(), seed, epochs_done));
            }
            Event::CheckpointDamaged { set_aside } => seen.set_aside.push(set_aside.to_owned()),
            Event::StageFinished { stage: "training", seconds } => seen.training = seconds,
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let progress = Progress::new(&observer).with_checkpoints(checkpoints);
    let outcome = match study.run(&progress, |_| Ok(())) {
        Ok(outcome) => Some(outcome),
        Err(Error::Stopped { planned: 2, .. }) => None,
        Err(error) => panic!("{error}"),
    };
    (outcome, seen.into_inner().unwrap())
}

/// What an interruption may not change: everything but times.
fn without_times(mut results: Results) -> Results {
    results.stages.clear();
    results.claims.clear(); // their text quotes seconds
    results.costs.iter_mut().flat_map(|cost| &mut cost.arms).for_each(|arm| arm.seconds = None);
    for run in results.arms.iter_mut().flat_map(|arm| &mut arm.runs) {
        run.seconds = 0.0;
        run.history.iter_mut().for_each(|entry| entry.seconds = 0.0);
    }
    results
}

fn assert_same(outcome: &Outcome, expected: &Outcome) {
    assert!(without_times(outcome.results.clone()) == without_times(expected.results.clone()));
    for (a, b) in outcome.runs.iter().flatten().zip(expected.runs.iter().flatten()) {
        assert_eq!(a.model, b.model);
        assert_eq!((&a.half, &a.full, &a.further), (&b.half, &b.full, &b.further));
    }
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_study_that_is_stopped_again_and_again_ends_with_the_same_bits_and_trains_no_epoch_twice() {
    let expected = uninterrupted(&usual());
    for events in [4, 17, 40] {
        let dir = tempfile::tempdir().unwrap();
        let (mut advanced, mut starts) = (0, 0);
        let outcome = loop {
            let (outcome, seen) = start(&usual(), checkpoints(dir.path(), "p"), events);
            advanced += seen.advanced;
            starts += 1;
            if let Some(outcome) = outcome {
                break outcome;
            }
        };
        assert!(starts > 1, "stopped after {events}");
        assert_eq!(advanced, UPDATES, "stopped after {events}");
        assert_same(&outcome, &expected);
    }
}

#[test]
fn a_copy_of_the_checkpoints_at_any_moment_is_enough_to_go_on() {
    // As a kill would leave them, without a last word of the runs under way.
    let expected = uninterrupted(&usual());
    for moment in [3, 20, 60] {
        let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let left = AtomicU64::new(moment);
        let observer = |event: Event<'_>| {
            if matches!(event, Event::Advanced { .. }) && left.fetch_sub(1, Ordering::Relaxed) == 1 {
                for name in files(dir.path()).iter().filter(|name| name.ends_with(".checkpoint")) {
                    fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
                }
            }
            ControlFlow::Continue(())
        };
        let progress = Progress::new(&observer).with_checkpoints(checkpoints(dir.path(), "p"));
        usual().run(&progress, |_| Ok(())).unwrap();
        let (outcome, seen) = start(&usual(), checkpoints(copy.path(), "p"), u64::MAX);
        assert!(seen.advanced < UPDATES && !seen.resumed.is_empty(), "moment {moment}");
        assert_same(&outcome.unwrap(), &expected);
    }
}

#[test]
fn seconds_add_up_over_the_starts() {
    let dir = tempfile::tempdir().unwrap();
    assert!(start(&usual(), checkpoints(dir.path(), "p"), 40).0.is_none());
    let (outcome, seen) = start(&usual(), checkpoints(dir.path(), "p"), u64::MAX);
    let results = outcome.unwrap().results;
    let training = results.stages.iter().find(|stage| stage.name == "training").unwrap();
    assert!(training.seconds > seen.training, "{} and {}", training.seconds, seen.training);
    for run in results.arms.iter().flat_map(|arm| &arm.runs) {
        assert!(run.history.windows(2).all(|pair| pair[0].seconds < pair[1].seconds), "{:?}", run.history);
    }
}

#[test]
fn a_damaged_checkpoint_is_set_aside_by_name_and_its_run_made_again() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("a flipped bit in the digest", |bytes| bytes[3] ^= 1),
        ("a flipped bit in the fingerprint", |bytes| bytes[40] ^= 1),
        ("a flipped bit in the weights", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("truncated", |bytes| bytes.truncate(100)),
        ("empty", Vec::clear),
    ];
    let expected = uninterrupted(&usual());
    for (name, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        assert!(start(&usual(), checkpoints(dir.path(), "p"), 40).0.is_none());
        let path = dir.path().join("unaugmented-seed3.checkpoint");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();

        let (outcome, seen) = start(&usual(), checkpoints(dir.path(), "p"), u64::MAX);
        let set_aside = dir.path().join("unaugmented-seed3.checkpoint.damaged");
        assert_eq!(seen.set_aside, std::slice::from_ref(&set_aside), "{name}");
        assert_eq!(fs::read(set_aside).unwrap(), bytes, "{name}: kept for inspection");
        let of_damaged = |(arm, seed, _): &&(String, u64, usize)| arm == "unaugmented" && *seed == 3;
        assert!(!seen.resumed.iter().any(|run| of_damaged(&run)), "{name}: {:?}", seen.resumed);
        assert!(!seen.resumed.is_empty(), "{name}: the others go on");
        assert_same(&outcome.unwrap(), &expected);
    }
}

#[test]
fn checkpoints_of_other_settings_are_not_used() {
    let other = |change: fn(&mut Protocol)| {
        let mut protocol = protocol();
        change(&mut protocol);
        study(protocol, 0.08, &set(60, 0))
    };
    let table: [(&str, Study<'_>, &str); 5] = [
        ("batch size", other(|protocol| protocol.batch_size = 9), "p"),
        ("widths", other(|protocol| protocol.hidden = vec![9]), "p"),
        ("seeds", other(|protocol| protocol.seeds = vec![5, 6]), "p"),
        ("training rows", study(protocol(), 0.08, &set(60, 5)), "p"),
        ("program", usual(), "another"),
    ];
    for (what, other, program) in table {
        let dir = tempfile::tempdir().unwrap();
        assert!(start(&usual(), checkpoints(dir.path(), "p"), 60).0.is_none());
        let (outcome, seen) = start(&other, checkpoints(dir.path(), program), u64::MAX);
        let resumed: Vec<_> = seen.resumed.iter().filter(|(arm, ..)| arm != "logistic-regression").collect();
        assert!(resumed.is_empty() && seen.set_aside.is_empty(), "{what}: {resumed:?}");
        assert_same(&outcome.unwrap(), &uninterrupted(&other));
    }
}

#[test]
fn runs_whose_settings_did_not_change_are_used_by_another_study() {
    let dir = tempfile::tempdir().unwrap();
    assert!(start(&usual(), checkpoints(dir.path(), "p"), 60).0.is_none());
    let other = study(protocol(), 0.05, &set(60, 0));
    let (outcome, seen) = start(&other, checkpoints(dir.path(), "p"), u64::MAX);
    let arms: BTreeSet<_> = seen.resumed.iter().map(|(arm, ..)| arm.as_str()).collect();
    assert!(arms.contains("duplicated") && !arms.contains("unaugmented"), "{arms:?}");
    assert_same(&outcome.unwrap(), &uninterrupted(&other));
}

#[test]
fn a_finished_study_is_known_as_such_until_it_is_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let progress = Progress::silent().with_checkpoints(checkpoints(dir.path(), "p"));
    assert!(!usual().is_finished(&progress).unwrap());
    usual().run(&progress, |_| Ok(())).unwrap();
    assert!(!usual().is_finished(&progress).unwrap(), "its results may not be written yet");
    progress.finish().unwrap();
    assert_eq!(files(dir.path()), ["finished.checkpoint".to_owned()].into());
    let is_finished = |study: &Study<'_>, program: &str| {
        study.is_finished(&Progress::silent().with_checkpoints(checkpoints(dir.path(), program))).unwrap()
    };
    assert!(is_finished(&usual(), "p"));
    assert!(!is_finished(&usual(), "another"));
    assert!(!is_finished(&study(protocol(), 0.05, &set(60, 0)), "p"));
    assert!(!usual().is_finished(&Progress::silent()).unwrap(), "without checkpoints");

    let (outcome, seen) = start(&usual(), checkpoints(dir.path(), "p"), 40);
    assert!(outcome.is_none() && seen.resumed.is_empty());
    assert!(!is_finished(&usual(), "p"));
    checkpoints(dir.path(), "p").clear().unwrap();
    assert!(files(dir.path()).is_empty());
}

#[test]
fn the_tuned_recipe_goes_on_to_the_same_bits() {
    let views = |n, shift| Views::new(set(n, shift), set(n, shift + 1)).unwrap();
    let about = About::features("clusters", &["a", "b", "c"]);
    let data = Data { about, train: views(300, 0), test: views(90, 8) };
    let seeds = [5, 6];
    let expected = tuned::run(&data, &seeds, 2, &Progress::silent()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut epochs, mut starts) = (0, 0);
    let outcome = loop {
        let done = AtomicU64::new(0);
        let observer = |event: Event<'_>| match event {
            Event::Advanced { stage, amount } if !stage.starts_with("scoring") => {
                let stop = done.fetch_add(amount, Ordering::Relaxed) >= 70;
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            _ => ControlFlow::Continue(()),
        };
        let progress = Progress::new(&observer).with_checkpoints(checkpoints(dir.path(), "p"));
        assert!(!tuned::is_finished(&data, &seeds, &progress).unwrap());
        let outcome = tuned::run(&data, &seeds, 2, &progress);
        epochs += done.load(Ordering::Relaxed);
        starts += 1;
        match outcome {
            Ok(outcome) => {
                progress.finish().unwrap();
                assert!(tuned::is_finished(&data, &seeds, &progress).unwrap());
                break outcome;
            }
            Err(error) => assert!(matches!(error, Error::Stopped { .. }), "{error}"),
        }
    };
    assert!(starts > 3, "{starts} starts");
    assert_eq!(epochs, (14 * tuned::EPOCHS) as u64, "no epoch was trained twice");
    assert_eq!(outcome.models, expected.models);
    assert_eq!(outcome.report.selected, expected.report.selected);
    assert_eq!(outcome.report.accuracy, expected.report.accuracy);
    let validation = |outcome: &tuned::Outcome| {
        outcome.report.candidates.iter().map(|tried| tried.validation).collect::<Vec<_>>()
    };
    assert_eq!(validation(&outcome), validation(&expected));
}

#[test]
fn a_run_folder_belongs_to_one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = RunFolder::create(dir.path()).unwrap();
    let error = RunFolder::create(dir.path()).unwrap_err();
    assert!(matches!(error, Error::InUse(_)), "{error}");
    let message = error.to_string();
    assert!(
        message.contains(dir.path().to_str().unwrap()) && message.contains("another process"),
        "{message}"
    );
    drop(first);
    RunFolder::create(dir.path()).unwrap();
}

#[test]
fn what_a_killed_process_had_not_yet_renamed_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    drop(RunFolder::create(dir.path()).unwrap());
    for name in ["models/.AbCdEf.tmp", "predictions/.123456.tmp", ".qqqqqq.tmp", "mine.tmp"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    drop(RunFolder::create(dir.path()).unwrap());
    assert!(
        files(&dir.path().join("models")).is_empty() && files(&dir.path().join("predictions")).is_empty()
    );
    let expected = [".lock", "mine.tmp", "models", "predictions"].map(str::to_owned);
    assert_eq!(files(dir.path()), expected.into());
}

#[test]
fn a_changed_file_of_a_finished_run_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path()).unwrap();
    assert_eq!(folder.first_damaged(), Some(dir.path().join("SHA256SUMS")), "nothing is saved yet");
    usual().run(&Progress::silent(), |so_far| folder.save(so_far)).unwrap();
    assert_eq!(folder.first_damaged(), None);
    let model = dir.path().join("models/augmented-seed4.safetensors");
    let mut bytes = fs::read(&model).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&model, bytes).unwrap();
    assert_eq!(folder.first_damaged(), Some(model));
}
