//! One life of a run after another in the same folder.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mlprobe_experiments::results::read_results;
use mlprobe_experiments::settings::Settings;
use mlprobe_experiments::{Error, Event, Identity, Result, RunFolder, Start, Study};

use crate::common::{assert_same, protocol, run, set};

const EPOCHS: usize = 6;
/// Of two arms and two seeds, with 3 and 6 updates per epoch.
const UPDATES: u64 = EPOCHS as u64 * 2 * (3 + 6);

fn study(settings: &Settings) -> Study<'static> {
    Study::new(&set(90, 1))
        .settings(settings.clone())
        .arm("few", &set(30, 0))
        .arm("many", &set(60, 0))
        .threads(1)
}

/// What one start did.
#[derive(Default)]
struct Seen {
    worked: bool,
    advanced: u64,
    resumed: usize,
    already_finished: bool,
    damaged: Option<PathBuf>,
}

/// How a start differs from a plain one of the usual settings.
#[derive(Clone, Copy, Default)]
struct How {
    fresh: bool,
    force: bool,
    /// Other seeds.
    other: bool,
    /// Stops after so many events that tell of progress; 0 for never.
    stop_after: u64,
}

fn settings(how: How) -> Settings {
    Settings::given(protocol(if how.other { [5, 6] } else { [0, 1] }, EPOCHS))
}

fn start(path: &Path, how: How) -> (Result<RunFolder>, Seen) {
    let (seen, events) = (Mutex::new(Seen::default()), AtomicU64::new(0));
    let observer = |event: Event<'_>| {
        let mut seen = seen.lock().unwrap();
        match event {
            Event::Advanced { stage: "training", amount } => {
                seen.advanced += amount;
                if events.fetch_add(1, Ordering::Relaxed) + 1 == how.stop_after {
                    return ControlFlow::Break(());
                }
            }
            Event::RunResumed { .. } => seen.resumed += 1,
            Event::AlreadyFinished => seen.already_finished = true,
            Event::ResultDamaged { path } => seen.damaged = Some(path.to_owned()),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let settings = settings(how);
    let start = Start {
        folder: path.to_owned(),
        identity: Identity { settings: settings.clone(), inputs: vec![set(30, 0).digest().to_owned()] },
        program: "p".into(),
        fresh: how.fresh,
        force: how.force,
        checkpoint_every: Duration::ZERO,
        observer: &observer,
    };
    let mut worked = false;
    let folder = start.run(|folder, session| {
        worked = true;
        study(&settings).run_in(session, |so_far| folder.save(so_far)).map(drop)
    });
    (folder, Seen { worked, ..seen.into_inner().unwrap() })
}

/// A folder with the finished run of the usual settings.
fn finished() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (folder, seen) = start(&path, How::default());
    folder.unwrap();
    assert!(seen.worked && seen.advanced == UPDATES && seen.resumed == 0 && !seen.already_finished);
    (dir, path)
}

/// Every file at `path` with its content.
fn content(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(content(&path)),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}

#[test]
fn a_finished_run_is_recognised_and_nothing_is_done() {
    let (_dir, path) = finished();
    let before = content(&path);
    let (folder, seen) = start(&path, How::default());
    assert_eq!(folder.unwrap().path(), path);
    assert!(seen.already_finished && !seen.worked && seen.damaged.is_none());
    assert_eq!(content(&path), before);
    assert!(!before.iter().any(|(path, _)| path.to_string_lossy().contains(".checkpoint")));
}

#[test]
fn a_report_rendered_again_leaves_record_and_run_as_they_are() {
    let (_dir, path) = finished();
    let record = |path: &Path| {
        let mut files = content(path);
        files.retain(|(path, _)| {
            ["json", "npy", "safetensors"].iter().any(|e| path.extension().is_some_and(|x| x == *e))
        });
        files
    };
    let before = record(&path);
    let folder = RunFolder::open(&path).unwrap();
    let results = read_results(path.join("results.json")).unwrap();
    folder.save_report(&results).unwrap();
    fs::write(path.join("report.md"), "as another version would write it").unwrap();
    fs::remove_file(path.join("learning-curves.svg")).unwrap();
    drop(folder);
    assert_eq!(record(&path), before);
    assert!(start(&path, How::default()).1.already_finished);

    // Earlier versions had digests of the report too.
    let sums = fs::read_to_string(path.join("SHA256SUMS")).unwrap();
    fs::write(path.join("SHA256SUMS"), format!("{sums}{}  report.md\n", "0".repeat(64))).unwrap();
    assert!(start(&path, How::default()).1.already_finished);
}

#[test]
fn a_run_that_another_start_finishes_meanwhile_is_not_done_again() {
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let worked = |path: &Path| loop {
            match start(path, How::default()) {
                (Ok(_), seen) => return u32::from(seen.worked),
                (Err(Error::InUse(_)), _) => std::thread::sleep(Duration::from_millis(1)),
                (Err(error), _) => panic!("{error}"),
            }
        };
        let times: u32 = std::thread::scope(|scope| {
            let starts = [(); 2].map(|()| scope.spawn(|| worked(&path)));
            starts.map(|start| start.join().unwrap()).iter().sum()
        });
        assert_eq!(times, 1);
    }
}

#[test]
fn a_finished_run_with_a_damaged_file_is_computed_again() {
    let (_dir, path) = finished();
    let model = path.join("models/many-seed1.safetensors");
    let whole = fs::read(&model).unwrap();
    type Damage = fn(&Path);
    let damages: [(Damage, PathBuf); 3] = [
        (|path| fs::write(path, b"short").unwrap(), model.clone()),
        (|path| fs::remove_file(path).unwrap(), model.clone()),
        (|path| fs::remove_file(path).unwrap(), path.join("SHA256SUMS")),
    ];
    for (damage, victim) in damages {
        damage(&victim);
        let (folder, seen) = start(&path, How::default());
        folder.unwrap();
        assert_eq!(seen.damaged.as_ref(), Some(&victim));
        assert!(seen.worked && !seen.already_finished && seen.advanced == UPDATES);
        assert_eq!(fs::read(&model).unwrap(), whole);
        assert!(start(&path, How::default()).1.already_finished);
    }
}

#[test]
fn a_finished_run_of_other_settings_is_refused_untouched_and_replaced_only_by_force() {
    let (_dir, path) = finished();
    let before = content(&path);
    let other = How { other: true, ..How::default() };
    let (folder, seen) = start(&path, other);
    let error = folder.unwrap_err();
    assert!(matches!(error, Error::Occupied { .. }) && !seen.worked, "{error}");
    let message = error.to_string();
    for part in [path.to_str().unwrap(), "the finished run of other settings", "--force"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(content(&path), before);

    let (folder, seen) = start(&path, How { force: true, ..other });
    folder.unwrap();
    assert!(seen.worked && seen.advanced == UPDATES && seen.resumed == 0);
    assert_eq!(read_results(path.join("results.json")).unwrap().settings, settings(other));
    assert!(start(&path, other).1.already_finished);
    let left: Vec<_> = content(&path).into_iter().map(|(path, _)| path.display().to_string()).collect();
    assert!(!left.iter().any(|path| path.contains("seed0")), "of the run before: {left:?}");
}

#[test]
fn files_that_no_run_has_left_are_refused_untouched_and_tolerated_only_by_force() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    for name in ["report.md", "notes.txt", "results.json", "tuned.json"] {
        fs::create_dir(&path).unwrap();
        fs::write(path.join(name), "mine").unwrap();
        let before = content(&path);
        let (folder, seen) = start(&path, How::default());
        let error = folder.err().unwrap_or_else(|| panic!("{name} was overwritten"));
        assert!(matches!(error, Error::Occupied { .. }) && !seen.worked, "{error}");
        assert!(error.to_string().contains(path.join(name).to_str().unwrap()), "{error}");
        assert_eq!(content(&path), before, "{name}");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "{name}");

        let (folder, seen) = start(&path, How { force: true, ..How::default() });
        folder.unwrap();
        assert!(seen.worked);
        if name == "notes.txt" {
            assert_eq!(fs::read_to_string(path.join(name)).unwrap(), "mine");
        }
        fs::remove_dir_all(&path).unwrap();
    }
}

#[test]
fn an_unfinished_run_resumes_and_trains_no_epoch_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (folder, first) = start(&path, How { stop_after: 9, ..How::default() });
    assert!(matches!(folder.unwrap_err(), Error::Stopped { planned: 2, .. }));
    let (folder, second) = start(&path, How::default());
    folder.unwrap();
    assert!(second.resumed > 0 && second.advanced > 0);
    assert_eq!(first.advanced + second.advanced, UPDATES);
    let expected = run(&study(&settings(How::default())));
    let results = read_results(path.join("results.json")).unwrap();
    let results =
        mlprobe_experiments::Outcome { results, runs: Vec::new(), labels: Vec::new(), probed: Vec::new() };
    assert_same(&results, &expected, "read from the folder");
}

#[test]
fn an_unfinished_run_gives_way_to_one_of_other_settings() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    assert!(start(&path, How { stop_after: 15, ..How::default() }).0.is_err());
    let other = How { other: true, ..How::default() };
    let (folder, seen) = start(&path, other);
    folder.unwrap();
    assert_eq!((seen.resumed, seen.advanced), (0, UPDATES));
    let left: Vec<_> = content(&path).into_iter().map(|(path, _)| path.display().to_string()).collect();
    assert!(!left.iter().any(|path| path.contains("seed0")), "of the run before: {left:?}");
}

#[test]
fn fresh_starts_over_what_is_unfinished_and_what_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    assert!(start(&path, How { stop_after: 9, ..How::default() }).0.is_err());
    let fresh = How { fresh: true, ..How::default() };
    for _ in 0..2 {
        let (folder, seen) = start(&path, fresh);
        folder.unwrap();
        assert!(seen.worked && !seen.already_finished && seen.damaged.is_none());
        assert_eq!((seen.resumed, seen.advanced), (0, UPDATES));
    }
}

#[test]
fn a_folder_in_use_is_refused() {
    let (_dir, path) = finished();
    let held = RunFolder::create(&path).unwrap();
    let (folder, seen) = start(&path, How { fresh: true, ..How::default() });
    assert!(matches!(folder.unwrap_err(), Error::InUse(_)) && !seen.worked);
    drop(held);
}
