//! A study that was interrupted resumes where it was, and ends with the same bits.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mlprobe_experiments::settings::Settings;
use mlprobe_experiments::tuned::{self, Data, Views};
use mlprobe_experiments::{
    About, Arm, Checkpoints, Error, Event, LabelledFeatures, Observer, Outcome, Progress, Protocol,
    RunFolder, Session, Study,
};

use crate::common::{assert_same, copies, protocol, run, set};

const EPOCHS: usize = 12;
/// 12 epochs of 6, 12 and 12 updates, and of 6 for logistic regression, for each of 2 seeds.
const UPDATES: u64 = 12 * 2 * (6 + 12 + 12 + 6);

fn study(protocol: Protocol, rate: f64, original: &LabelledFeatures) -> Study<'static> {
    Study::new(&set(90, 1))
        .about(About::features("clusters", &["a", "b", "c"]))
        .protocol(protocol)
        .add(Arm::new("unaugmented", rate).with(original))
        .add(Arm::new("duplicated", 0.1).with(original).with(original))
        .add(Arm::new("augmented", 0.1).with(original).with_seeded(copies()))
        .further_test("shifted", &set(90, 9))
        .baselines(original, 0.1)
        .threads(2)
}

fn usual() -> Study<'static> {
    study(protocol([3, 4], EPOCHS), 0.08, &set(60, 0))
}

/// A start that keeps checkpoints after every epoch, by a program of this name.
fn session<'a>(observer: &'a Observer<'a>, folder: &Path, program: &str) -> Session<'a> {
    let checkpoints = Checkpoints::new(folder, program).every(Duration::ZERO);
    Session::resumable(Progress::new(observer), checkpoints, "the usual study").unwrap()
}

/// What an observer saw of one start.
#[derive(Default)]
struct Seen {
    /// Units of training that were done.
    advanced: u64,
    /// Runs that were resumed, with the epochs done before.
    resumed: Vec<(String, u64, usize)>,
    set_aside: Vec<PathBuf>,
    /// Seconds of the stage "training".
    training: f64,
}

/// Starts `study`, which is stopped when so many events have told of progress in training.
fn start(study: &Study<'_>, (folder, program): (&Path, &str), events: u64) -> (Option<Outcome>, Seen) {
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
    let outcome = match study.run_in(&session(&observer, folder, program), |_| Ok(())) {
        Ok(outcome) => Some(outcome),
        Err(Error::Stopped { planned: 2, .. }) => None,
        Err(error) => panic!("{error}"),
    };
    (outcome, seen.into_inner().unwrap())
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_study_that_is_stopped_again_and_again_ends_with_the_same_bits_and_trains_no_epoch_twice() {
    let expected = run(&usual());
    for events in [4, 17, 40] {
        let dir = tempfile::tempdir().unwrap();
        let (mut advanced, mut starts) = (0, 0);
        let outcome = loop {
            let (outcome, seen) = start(&usual(), (dir.path(), "p"), events);
            advanced += seen.advanced;
            starts += 1;
            if let Some(outcome) = outcome {
                break outcome;
            }
        };
        assert!(starts > 1, "stopped after {events}");
        assert_eq!(advanced, UPDATES, "stopped after {events}");
        assert_same(&outcome, &expected, &format!("stopped after {events}"));
    }
}

#[test]
fn a_copy_of_the_checkpoints_at_any_moment_is_enough_to_resume() {
    // As a kill would leave them, without a last word of the runs under way.
    let expected = run(&usual());
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
        usual().run_in(&session(&observer, dir.path(), "p"), |_| Ok(())).unwrap();
        let (outcome, seen) = start(&usual(), (copy.path(), "p"), u64::MAX);
        assert!(seen.advanced < UPDATES && !seen.resumed.is_empty(), "moment {moment}");
        assert_same(&outcome.unwrap(), &expected, &format!("moment {moment}"));
    }
}

#[test]
fn seconds_add_up_over_the_starts() {
    let dir = tempfile::tempdir().unwrap();
    assert!(start(&usual(), (dir.path(), "p"), 40).0.is_none());
    let (outcome, seen) = start(&usual(), (dir.path(), "p"), u64::MAX);
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
    let expected = run(&usual());
    for (name, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        assert!(start(&usual(), (dir.path(), "p"), 40).0.is_none());
        let path = dir.path().join("unaugmented-seed3.checkpoint");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();

        let (outcome, seen) = start(&usual(), (dir.path(), "p"), u64::MAX);
        let set_aside = dir.path().join("unaugmented-seed3.checkpoint.damaged");
        assert_eq!(seen.set_aside, std::slice::from_ref(&set_aside), "{name}");
        assert_eq!(fs::read(set_aside).unwrap(), bytes, "{name}: kept for inspection");
        let of_damaged = |(arm, seed, _): &&(String, u64, usize)| arm == "unaugmented" && *seed == 3;
        assert!(!seen.resumed.iter().any(|run| of_damaged(&run)), "{name}: {:?}", seen.resumed);
        assert!(!seen.resumed.is_empty(), "{name}: the others resume");
        assert_same(&outcome.unwrap(), &expected, name);
    }
}

#[test]
fn checkpoints_of_other_settings_are_not_used() {
    let usual_protocol = || protocol([3, 4], EPOCHS);
    let other = |change: fn(&mut Protocol)| {
        let mut protocol = usual_protocol();
        change(&mut protocol);
        study(protocol, 0.08, &set(60, 0))
    };
    let table: [(&str, Study<'_>, &str); 6] = [
        ("batch size", other(|protocol| protocol.batch_size = 9), "p"),
        ("widths", other(|protocol| protocol.hidden = vec![9]), "p"),
        ("seeds", other(|protocol| protocol.seeds = vec![5, 6]), "p"),
        ("epochs to report at", other(|protocol| protocol.report_at = vec![5, EPOCHS]), "p"),
        ("training rows", study(usual_protocol(), 0.08, &set(60, 5)), "p"),
        ("program", usual(), "another"),
    ];
    for (what, other, program) in table {
        let dir = tempfile::tempdir().unwrap();
        assert!(start(&usual(), (dir.path(), "p"), 60).0.is_none());
        let (outcome, seen) = start(&other, (dir.path(), program), u64::MAX);
        let resumed: Vec<_> = seen.resumed.iter().filter(|(arm, ..)| arm != "logistic-regression").collect();
        assert!(resumed.is_empty() && seen.set_aside.is_empty(), "{what}: {resumed:?}");
        assert_same(&outcome.unwrap(), &run(&other), what);
    }
}

#[test]
fn runs_whose_settings_did_not_change_are_used_by_another_study() {
    let dir = tempfile::tempdir().unwrap();
    assert!(start(&usual(), (dir.path(), "p"), 60).0.is_none());
    let other = study(protocol([3, 4], EPOCHS), 0.05, &set(60, 0));
    let (outcome, seen) = start(&other, (dir.path(), "p"), u64::MAX);
    let arms: BTreeSet<_> = seen.resumed.iter().map(|(arm, ..)| arm.as_str()).collect();
    assert!(arms.contains("duplicated") && !arms.contains("unaugmented"), "{arms:?}");
    assert_same(&outcome.unwrap(), &run(&other), "another rate");
}

#[test]
fn checkpoints_are_gone_when_they_are_cleared_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.txt"), "").unwrap();
    assert!(start(&usual(), (dir.path(), "p"), 40).0.is_none());
    assert!(files(dir.path()).len() > 1);
    Checkpoints::new(dir.path(), "p").clear().unwrap();
    assert_eq!(files(dir.path()), ["mine.txt".to_owned()].into());
    Checkpoints::new(dir.path().join("none"), "p").clear().unwrap();
}

#[test]
fn the_tuned_recipe_resumes_to_the_same_bits() {
    let views = |n, shift| Views::new(set(n, shift), set(n, shift + 1)).unwrap();
    let about = About::features("clusters", &["a", "b", "c"]);
    let data = Data { about, train: views(300, 0), test: views(90, 8) };
    let settings = || Settings::given(Protocol::new(vec![5, 6], tuned::EPOCHS));
    let expected = tuned::run(&data, settings(), 2, &Session::new(Progress::silent())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut updates, mut starts) = (0, 0);
    let outcome = loop {
        let done = AtomicU64::new(0);
        let observer = |event: Event<'_>| match event {
            Event::Advanced { stage, amount } if !stage.starts_with("scoring") => {
                let stop = done.fetch_add(amount, Ordering::Relaxed) >= 170;
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            _ => ControlFlow::Continue(()),
        };
        let outcome = tuned::run(&data, settings(), 2, &session(&observer, dir.path(), "p"));
        updates += done.load(Ordering::Relaxed);
        starts += 1;
        match outcome {
            Ok(outcome) => break outcome,
            Err(error) => assert!(matches!(error, Error::Stopped { .. }), "{error}"),
        }
    };
    assert!(starts > 3, "{starts} starts");
    // In batches of 250, 270 rows are two updates and with their mirrored copies three; 300 rows likewise.
    let mirrored_copies = outcome.report.candidates[outcome.report.selected].candidate.mirrored_copies;
    let of_selected = if mirrored_copies { 3 } else { 2 };
    let expected_updates = tuned::EPOCHS as u64 * (6 * 2 + 6 * 3 + 2 * of_selected);
    assert_eq!(updates, expected_updates, "no epoch was trained twice");
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
    usual().run_in(&Session::new(Progress::silent()), |so_far| folder.save(so_far)).unwrap();
    assert_eq!(folder.first_damaged(), None);
    let model = dir.path().join("models/augmented-seed4.safetensors");
    let mut bytes = fs::read(&model).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&model, bytes).unwrap();
    assert_eq!(folder.first_damaged(), Some(model));
}
