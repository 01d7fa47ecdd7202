//! The real program plans a study from a run that is there, or from a pilot that it runs itself.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn plan(folder: &Path, options: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mlprobe"))
        .arg("plan")
        .args(options.split_whitespace())
        .current_dir(folder)
        .env("MLPROBE_CACHE", folder.join("cache"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const PILOT: &str = "--dataset mini --input-size 16 --epochs 2 --out pilot";

#[test]
fn a_plan_without_a_run_runs_a_pilot_of_two_seeds_and_recognises_it_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let output = plan(folder.path(), &format!("{PILOT} --effect 2 --seeds 4"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for part in [
        "From a pilot of 2 seeds: what it takes to find a difference of 2.00 percentage points",
        "what 4 seeds and 1,000 test images can do",
        "On this machine (",
        "4 seeds of all arms take about",
        "Pilot: pilot",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }

    // The same pilot, by name and from its options, is not run again.
    let json = |options: &str| -> (Value, String) {
        let output = plan(folder.path(), options);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (serde_json::from_slice(&output.stdout).unwrap(), text(&output.stderr))
    };
    let (again, progress) = json(&format!("{PILOT} --json"));
    assert!(progress.contains("This run is finished"), "{progress}");
    let (of_run, _) = json("pilot --json");
    assert_eq!(again, of_run);
    assert_eq!((&of_run["pilot_seeds"], &of_run["seeds"]), (&2.into(), &5.into()));
    assert_eq!(of_run["is_this_machine"], true);
    assert!(of_run["seconds_per_seed"].as_f64().unwrap() > 0.0);
    assert!(of_run["feature_seconds_per_seed"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_plan_needs_either_a_run_or_images_and_a_number_of_seeds() {
    let folder = tempfile::tempdir().unwrap();
    for (options, part) in [
        ("", "there is no pilot to plan from; name the folder of a finished run"),
        ("--effect 1 --seeds 3", "there is no pilot to plan from"),
        ("pilot --dataset mini", "cannot be used with"),
        ("pilot --quick", "cannot be used with"),
        ("pilot --epochs 3", "cannot be used with"),
        ("pilot --out there", "cannot be used with"),
        ("--quick --seeds auto", "a plan is for a number of seeds"),
        ("nowhere", "nowhere/results.json"),
    ] {
        let output = plan(folder.path(), options);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(part), "plan {options}: {said}");
    }
}
