//! The real program, killed and interrupted: it resumes, and ends with the same bits.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

mod process;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mlprobe_data::random::Random;
use serde_json::Value;

use process::Process;

/// One run folder with a feature cache of its own.
struct Place {
    folder: tempfile::TempDir,
    options: Vec<String>,
}

impl Place {
    fn new(options: &str) -> Self {
        let options = options.split(' ').map(str::to_owned).collect();
        Self { folder: tempfile::tempdir().unwrap(), options }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Starts the program, with a checkpoint after every epoch.
    fn start(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mlprobe"));
        command
            .args(&self.options)
            .args(["--dataset", "mini", "--input-size", "16", "--checkpoint-every", "0", "--out"])
            .arg(self.out())
            .env("MLPROBE_CACHE", self.folder.path().join("cache"));
        Process::start(&mut command, self.folder.path())
    }
}

/// Every file below `folder` with its bytes; times and what quotes them taken out.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut contents = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = match path.file_name().unwrap().to_str().unwrap() {
                "results.json" | "tuned.json" => {
                    let mut results = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                    remove_times(&mut results);
                    serde_json::to_vec(&results).unwrap()
                }
                "report.md" | "report.html" | "tuned.md" => Vec::new(),
                "SHA256SUMS" => {
                    let sums = fs::read_to_string(&path).unwrap();
                    let timed = ["results.json", "report.md", "tuned.json", "tuned.md"];
                    let lines = sums.lines().filter(|line| !timed.iter().any(|name| line.ends_with(name)));
                    lines.collect::<Vec<_>>().join("\n").into_bytes()
                }
                _ => fs::read(&path).unwrap(),
            };
            contents.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
        }
    }
    contents
}

fn remove_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !["seconds", "stages", "claims", "answers"].contains(&name.as_str()));
            fields.values_mut().for_each(remove_times);
        }
        Value::Array(values) => values.iter_mut().for_each(remove_times),
        _ => {}
    }
}

fn assert_same(place: &Place, expected: &BTreeMap<PathBuf, Vec<u8>>) {
    let actual = contents(&place.out());
    let names = |contents: &BTreeMap<PathBuf, Vec<u8>>| contents.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&actual), names(expected));
    for (name, bytes) in expected {
        assert!(actual[name] == *bytes, "{} differs", name.display());
    }
}

/// Kills the program `kills` times and compares what it ends with. It lives for up to half of the time that it takes when
/// it is left alone. When it ends before its kill, the next one is given to a new run.
fn kill_and_compare(options: &str, kills: usize) {
    let undisturbed = Place::new(options);
    let start = Instant::now();
    undisturbed.start().succeeds();
    let (expected, seconds) = (contents(&undisturbed.out()), start.elapsed().as_secs_f64());

    let mut random = Random::new(1, b"moments of kills", 0);
    let (mut killed, mut went_on) = (0, false);
    let mut place = Place::new(options);
    while killed < kills {
        let mut process = place.start();
        let moment = Duration::from_secs_f64(random.uniform(0.0, seconds / 2.0));
        if process.ends_within(moment).is_some() {
            process.succeeds();
            assert_same(&place, &expected);
            place = Place::new(options);
        } else {
            process.kill();
            killed += 1;
            went_on |= process.stderr().contains("resumes after");
        }
    }
    let mut last = place.start();
    last.succeeds();
    assert_same(&place, &expected);
    assert!(went_on || last.stderr().contains("resumes after"), "no start found a run part way");
}

#[test]
fn killed_at_any_moment_a_study_goes_on_to_the_same_bits() {
    kill_and_compare("reproduce --seeds 1 --epochs 16", 20);
}

#[test]
fn killed_at_any_moment_the_tuned_recipe_goes_on_to_the_same_bits() {
    kill_and_compare("reproduce --recipe tuned --seeds 1", 3);
}

#[test]
fn ctrl_c_ends_a_study_that_then_goes_on_and_no_second_process_may_enter_its_folder() {
    let place = Place::new("reproduce --seeds 1 --epochs 100000");
    let checkpoints = place.out().join("checkpoints");
    for (signal, goes_on) in [("INT", false), ("TERM", true)] {
        let mut process = place.start();
        let is_training = |process: &Process| match goes_on {
            true => process.stderr().contains("resumes after"),
            false => fs::read_dir(&checkpoints).is_ok_and(|entries| entries.count() > 1),
        };
        process.wait_until("training", is_training);

        assert_second_is_refused(&place);

        process.signal(signal);
        // Two seconds are promised; a machine that is busy with other work may take longer.
        let status = process.ends_within(Duration::from_secs(10));
        let stderr = process.stderr();
        assert_eq!(status.and_then(|status| status.code()), Some(130), "SIG{signal}: {stderr}");
        assert!(stderr.contains("Stopping."), "{stderr}");
        let command = format!("mlprobe {} --dataset mini", place.options.join(" "));
        assert!(stderr.contains(&format!("Stopped. To resume: {command}")), "{stderr}");
    }
}

/// A process in the folder of another one says so and fails.
fn assert_second_is_refused(place: &Place) {
    let output = Command::new(env!("CARGO_BIN_EXE_mlprobe"))
        .args(&place.options)
        .args(["--dataset", "mini", "--input-size", "16", "--out"])
        .arg(place.out())
        .env("MLPROBE_CACHE", place.folder.path().join("cache"))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("another process is working there"), "{stderr}");
}

#[test]
fn a_finished_study_says_so_and_trains_again_only_when_asked() {
    let mut place = Place::new("reproduce --seeds 1 --epochs 4");
    place.start().succeeds();
    let modified =
        |place: &Place| fs::metadata(place.out().join("results.json")).unwrap().modified().unwrap();
    let first = modified(&place);
    let stdout = |place: &Place| fs::read_to_string(place.folder.path().join("stdout")).unwrap();
    let summary = stdout(&place);

    let mut process = place.start();
    process.succeeds();
    assert!(process.stderr().contains("This run is finished"), "{}", process.stderr());
    assert_eq!((modified(&place), stdout(&place)), (first, summary));

    // Not what was finished.
    let model = place.out().join("models/augmented-seed0.safetensors");
    fs::remove_file(&model).unwrap();
    let mut process = place.start();
    process.succeeds();
    assert!(process.stderr().contains("safetensors is missing or was changed"), "{}", process.stderr());
    assert!(model.exists());

    let second = modified(&place);
    place.options.push("--fresh".to_owned());
    place.start().succeeds();
    assert!(modified(&place) > second);
}
