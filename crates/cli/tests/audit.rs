//! The real program finds a test row that is a training row too, and leaves it out of the set to compute the verdict from.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::fs;
use std::process::Command;

use mlprobe_data::random::Random;
use mlprobe_features::arrays::{Options, read_labelled, write_npz};
use ndarray::{Array2, s};
use serde_json::Value;

#[test]
fn a_test_row_that_is_a_training_row_too_is_listed_and_left_out_of_the_clean_set() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test, out) =
        (folder.path().join("train.npz"), folder.path().join("test.npz"), folder.path().join("audit"));
    let mut random = Random::new(0, b"audit", 0);
    let rows = Array2::from_shape_simple_fn((260, 64), || random.uniform(-1.0, 1.0) as f32);
    let labels: Vec<u16> = (0..260).map(|row| row % 2).collect();
    let mut tested = rows.slice(s![200.., ..]).to_owned();
    tested.row_mut(7).assign(&rows.row(31));
    write_npz(&train, rows.slice(s![..200, ..]), &labels[..200]).unwrap();
    write_npz(&test, tested.view(), &labels[200..]).unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_mlprobe"))
        .arg("audit")
        .arg(&train)
        .args(["--test".as_ref(), test.as_os_str()])
        .args(["--out".as_ref(), out.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let audit: Value = serde_json::from_slice(&fs::read(out.join("audit.json")).unwrap()).unwrap();
    let first = &audit["duplicates"][0];
    assert_eq!((&first["test"], &first["train"]), (&7.into(), &31.into()), "the surest is listed first");
    let clean = read_labelled(out.join("test-clean.npz"), &Options::default()).unwrap().main.features;
    assert!(clean.rows().into_iter().all(|row| row != rows.row(31)), "the copy is left out");
    assert!(clean.nrows() < 60);
}

#[test]
fn a_second_audit_does_not_replace_the_record_of_another_or_lists_that_were_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(0, b"audit", 2);
    let rows = Array2::from_shape_simple_fn((60, 8), || random.uniform(-1.0, 1.0) as f32);
    let labels: Vec<u16> = (0..60).map(|row| row % 2).collect();
    write_npz(folder.path().join("train.npz"), rows.slice(s![..40, ..]), &labels[..40]).unwrap();
    write_npz(folder.path().join("other.npz"), rows.slice(s![1..41, ..]), &labels[1..41]).unwrap();
    write_npz(folder.path().join("test.npz"), rows.slice(s![41.., ..]), &labels[41..]).unwrap();
    let run = |options: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_mlprobe"))
            .args(format!("audit {options}").split_whitespace())
            .args(if options.contains("--out") { &[][..] } else { &["--test", "test.npz", "--out", "audit"] })
            .current_dir(folder.path())
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let record = folder.path().join("audit/audit.json");
    fs::create_dir(folder.path().join("audit")).unwrap();
    fs::write(folder.path().join("audit/train-all.npz"), "mine").unwrap();
    assert!(run("train.npz").1.contains("not of this audit"));
    fs::remove_file(folder.path().join("audit/train-all.npz")).unwrap();

    assert!(run("train.npz").0);
    let written = fs::read_to_string(&record).unwrap();
    assert!(run("train.npz").0, "the same audit again");
    for options in ["other.npz", "train.npz --threshold 0.9"] {
        let (succeeded, said) = run(options);
        assert!(!succeeded && said.contains("another audit"), "{options}: {said}");
        assert_eq!(fs::read_to_string(&record).unwrap(), written, "{options}");
    }
    let mut changed: Value = serde_json::from_str(&written).unwrap();
    changed["left_out"]["train"] = serde_json::json!([3]);
    fs::write(&record, changed.to_string()).unwrap();
    assert!(run("train.npz").1.contains("lists were changed"));
    assert_eq!(fs::read_to_string(&record).unwrap(), changed.to_string());
    assert!(run("train.npz --force").0);

    // Every test row is a training row: the findings are there to look at, and no sets.
    let out = folder.path().join("same");
    let (succeeded, said) = run("train.npz --test train.npz --out same");
    assert!(!succeeded && said.contains("at least one test row to keep"), "{said}");
    assert!(out.join("audit.html").exists() && !out.join("test-clean.npz").exists());
}

#[test]
fn the_command_that_an_audit_prints_compares_sets_whose_labels_are_text() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, rows: std::ops::Range<u64>| {
        let mut text: String = (0..32).map(|column| format!("x{column},")).collect();
        text += "label\n";
        for row in rows {
            let mut random = Random::new(row, b"audit", 1);
            let x: Vec<f64> = (0..32).map(|_| random.uniform(-1.0, 1.0)).collect();
            text.extend(x.iter().map(|x| format!("{x},")));
            text += if x[0] > 0.0 { "cat\n" } else { "dog\n" };
        }
        fs::write(folder.path().join(name), text).unwrap();
    };
    table("train.csv", 0..100);
    table("test.csv", 100..140);
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_mlprobe"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&["audit", "train.csv", "--test", "test.csv", "--labels-key", "label", "--out", "audit"]);
    let command = said.lines().find_map(|line| line.split_once("mlprobe compare ")).unwrap().1;
    let arguments = ["compare"].into_iter().chain(command.split(' '));
    let arguments: Vec<&str> = arguments.chain(["--seeds", "2", "--epochs", "2", "--out", "run"]).collect();
    assert!(run(&arguments).contains("train-clean"));
}
