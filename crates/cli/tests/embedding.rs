//! The real program on image files: killed and started again it ends with the same bytes; it finds images, and says what
//! they show.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

#[path = "../../features/tests/bmp/mod.rs"]
mod bmp;
#[path = "../../features/tests/formula/mod.rs"]
mod formula;
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mlprobe_data::random::Random;
use mlprobe_features::{Extractor, Normalization, ResNet18, SqueezeNet};
use ndarray::Array2;
use serde_json::Value;
use tempfile::TempDir;

use process::Process;

/// `mlprobe` in `folder`, which has a feature cache of its own.
fn mlprobe(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlprobe"));
    command
        .args(arguments.split(' '))
        .current_dir(folder)
        .env("MLPROBE_CACHE", folder.join("cache"))
        .stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn succeeds(folder: &Path, arguments: &str) -> String {
    stdout(&mlprobe(folder, arguments).output().unwrap())
}

fn fails(folder: &Path, arguments: &str) -> String {
    let output = mlprobe(folder, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

/// `count` images of 8 x 6 pixels in `photos/`, all different.
fn photos(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("photos")).unwrap();
    for i in 0..count {
        let image = bmp::bmp(8, 6, |y, x| [i as u8, (i / 256 + 30 * y) as u8, (40 * x) as u8]);
        fs::write(folder.path().join(format!("photos/{i:05}.bmp")), image).unwrap();
    }
    folder
}

/// The matrix and the manifest.
fn results(folder: &Path, name: &str) -> [Vec<u8>; 2] {
    ["npy", "jsonl"].map(|extension| fs::read(folder.join(name).with_extension(extension)).unwrap())
}

#[test]
fn killed_at_any_moment_an_embedding_goes_on_to_the_same_bytes() {
    const COUNT: usize = 4000;
    let folder = photos(COUNT);
    let folder = folder.path();
    let start = Instant::now();
    succeeds(folder, "embed photos --input-size 32 --out whole.npy");
    let (expected, seconds) = (results(folder, "whole.npy"), start.elapsed().as_secs_f64());
    assert_eq!(expected[0].len(), 128 + COUNT * 512 * 4);

    let out = folder.join("killed.npy");
    let mut command = mlprobe(folder, "embed photos --input-size 32 --out killed.npy");
    let mut random = Random::new(1, b"moments of kills", 0);
    let (mut killed, mut went_on) = (0, 0);
    while killed < 16 {
        let mut process = Process::start(&mut command, folder);
        let moment = Duration::from_secs_f64(random.uniform(0.0, seconds / 2.0));
        if process.ends_within(moment).is_some() {
            process.succeeds();
            assert!(results(folder, "killed.npy") == expected);
            fs::remove_file(&out).unwrap();
            fs::remove_file(out.with_extension("jsonl")).unwrap();
        } else {
            process.kill();
            killed += 1;
            assert!(!out.exists() || fs::read(&out).unwrap() == expected[0], "only when it is whole");
        }
        went_on += usize::from(process.stderr().contains("were done before"));
    }
    Process::start(&mut command, folder).succeeds();
    assert!(results(folder, "killed.npy") == expected);
    assert!(went_on >= 3, "{went_on} starts found something done");
}

#[test]
fn ctrl_c_ends_an_embedding_that_then_goes_on() {
    let folder = photos(4000);
    let folder = folder.path();
    succeeds(folder, "embed photos --input-size 32 --out whole.npy");
    let part = folder.join("stopped.npy.part");
    let mut command = mlprobe(folder, "embed photos --input-size 32 --out stopped.npy");
    let mut process = Process::start(&mut command, folder);
    process.wait_until("rows", |_| fs::metadata(&part).is_ok_and(|metadata| metadata.len() > 128));
    process.signal("INT");
    // Two seconds are promised; a machine that is busy with other work may take longer.
    let status = process.ends_within(Duration::from_secs(10));
    let stderr = process.stderr();
    assert_eq!(status.and_then(|status| status.code()), Some(130), "{stderr}");
    let go_on = "To resume: mlprobe embed photos --input-size 32 --out stopped.npy";
    assert!(stderr.contains("Stopping.") && stderr.contains(go_on), "{stderr}");
    assert!(part.exists() && !folder.join("stopped.npy").exists());

    let mut process = Process::start(&mut command, folder);
    process.succeeds();
    assert!(process.stderr().contains("were done before"), "{}", process.stderr());
    assert!(results(folder, "stopped.npy") == results(folder, "whole.npy"));
}

#[test]
fn a_broken_image_is_named_and_stops_the_work_unless_it_is_skipped() {
    let folder = photos(5);
    let folder = folder.path();
    fs::write(folder.join("photos/00003.bmp"), "no image").unwrap();
    let error = fails(folder, "embed photos --input-size 16 --out f.npy");
    assert!(error.contains("00003.bmp") && error.contains("--skip-broken"), "{error}");
    let output = mlprobe(folder, "embed photos --input-size 16 --out f.npy --skip-broken").output().unwrap();
    assert!(stdout(&output).contains("f.npy: 4 x 512 features"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("00003.bmp"));
    assert!(fails(folder, "embed photos nowhere --out g.npy").contains("nowhere is not there"));
    fs::create_dir(folder.join("empty")).unwrap();
    assert!(fails(folder, "embed empty --out g.npy").contains("there is no image in empty"));
}

#[test]
fn similar_finds_the_image_itself_first_and_refuses_another_network() {
    let folder = photos(40);
    let folder = folder.path();
    succeeds(folder, "embed photos --input-size 16 --out f.npy");
    let text = succeeds(folder, "similar --query photos/00007.bmp --in f.npy --top 3");
    let first = text.lines().nth(1).unwrap();
    assert!(first.contains("1.0000") && first.ends_with("photos/00007.bmp"), "{text}");
    assert_eq!(text.lines().count(), 4);
    let json = succeeds(folder, "similar --query photos/00007.bmp --in f.npy --json --top 50");
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["nearest"].as_array().unwrap().len(), 40);
    assert_eq!((&answer["nearest"][0]["row"], &answer["extractor"]), (&7.into(), &"squeezenet1_1@16".into()));
    assert!(
        fails(folder, "similar --query photos/nothing.bmp --in f.npy").contains("nothing.bmp is not there")
    );
    assert!(fails(folder, "similar --query photos --in f.npy").contains("one image"));
    assert!(fails(folder, "similar --query photos/00007.bmp --in g.npy").contains("g.jsonl"));

    let manifest = fs::read_to_string(folder.join("f.jsonl")).unwrap();
    let fingerprint = SqueezeNet::new(16).unwrap().fingerprint();
    assert!(manifest.contains(&fingerprint), "{manifest}");
    fs::write(folder.join("f.jsonl"), manifest.replace(&fingerprint, "0123-avx2")).unwrap();
    let other = fails(folder, "similar --query photos/00007.bmp --in f.npy");
    assert!(other.contains("0123-avx2") && other.contains(&fingerprint), "{other}");
}

/// Images of a file of the tiny data set.
const TINY: usize = 20;

/// The six files of CIFAR-10's binary version with a few images each, in `tiny/`; a class is a brightness. Those of the
/// test batch are in `test/` too.
fn tiny_cifar(folder: &Path) {
    for name in ["tiny", "test"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let pixel = |file, i, p| 20 * label(i) + ((p * 7 + i * 5 + file * 3) % 32) as u8;
    let names = (1..=5).map(|i| format!("data_batch_{i}.bin")).chain(["test_batch.bin".to_owned()]);
    for (file, name) in names.enumerate() {
        let records = (0..TINY).flat_map(|i| {
            let pixels = (0..3072).map(move |p| pixel(file, i, p));
            [label(i)].into_iter().chain(pixels)
        });
        fs::write(folder.join("tiny").join(name), records.collect::<Vec<u8>>()).unwrap();
    }
    for i in 0..TINY {
        let image = bmp::bmp(32, 32, |y, x| [0, 1024, 2048].map(|plane| pixel(5, i, plane + 32 * y + x)));
        fs::write(folder.join(format!("test/{i:02}.bmp")), image).unwrap();
    }
}

/// Of image `i`.
fn label(i: usize) -> u8 {
    (i % 10) as u8
}

/// `predict` on the test images: the model, and the probabilities (N, K) in the order of the labels.
fn predict(folder: &Path, options: &str) -> (PathBuf, Vec<Vec<f64>>) {
    let text = succeeds(folder, &format!("predict {options} --json --top 10 test"));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let images = answer["images"].as_array().unwrap();
    let rows = images.iter().enumerate().map(|(i, image)| {
        assert_eq!(image["path"], format!("test/{i:02}.bmp"));
        let classes = image["classes"].as_array().unwrap();
        let number = |class: &Value| class["probability"].as_f64().unwrap();
        assert!(classes.is_sorted_by(|a, b| number(a) >= number(b)), "{image}");
        let of = |name: &str| number(classes.iter().find(|class| class["class"] == name).unwrap());
        CLASSES.iter().map(|name| of(name)).collect()
    });
    (answer["model"].as_str().unwrap().into(), rows.collect())
}

const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// The softmax outputs on the test images that a model of the run in the folder `run` has given.
fn recorded(folder: &Path, run: &str, model: &str) -> Vec<Vec<f64>> {
    let file = folder.join(format!("{run}/predictions/{model}-epoch40.npy"));
    let probabilities: Array2<f32> = ndarray_npy::read_npy(file).unwrap();
    probabilities.outer_iter().map(|row| row.iter().map(|&p| f64::from(p)).collect()).collect()
}

#[test]
fn predict_gives_the_probabilities_that_the_run_recorded_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny_cifar(folder);
    succeeds(folder, "reproduce --dataset tiny --seeds 2 --epochs 40 --input-size 32 --out run");
    let first = recorded(folder, "run", "unaugmented-seed0");
    assert_eq!(first.len(), TINY);
    let (model, probabilities) = predict(folder, "--model run");
    assert!(model.ends_with("models/unaugmented-seed0.safetensors"), "{}", model.display());
    assert_eq!(probabilities, first);
    let other = recorded(folder, "run", "augmented-seed1");
    assert_ne!(other, first);
    assert_eq!(predict(folder, "--model run --arm augmented --seed 1").1, other);
    assert_eq!(predict(folder, "--model run/models/augmented-seed1.safetensors").1, other);

    let text = succeeds(folder, "predict --model run test/01.bmp");
    assert!(text.starts_with("test/01.bmp  ") && text.matches(" %").count() == 3, "{text}");
    for (arguments, part) in [
        ("predict --model run --arm x test", "expected one of unaugmented, augmented"),
        ("predict --model run --seed 7 test", "expected one of 0, 1"),
        ("predict --model test test", "expected a folder with results.json"),
        ("predict --model run/models/augmented-seed0.safetensors --seed 1 test", "leave them out"),
        ("predict --model run test/nothing.bmp", "nothing.bmp is not there"),
        ("predict --model run --input-size 17 test", "leave --input-size and --normalization out"),
    ] {
        let error = fails(folder, arguments);
        assert!(error.contains(part), "{arguments}: {error}");
    }

    // In the precision of the run.
    let options = "--seeds 1 --epochs 40 --input-size 32 --precision bf16";
    succeeds(folder, &format!("reproduce --dataset tiny {options} --out rounded"));
    let rounded = recorded(folder, "rounded", "unaugmented-seed0");
    assert_ne!(rounded, first);
    assert_eq!(predict(folder, "--model rounded").1, rounded);
    // What it predicts is what it is scored by: the mean of -ln p agrees but for the rounding of p to f32, below 1e-6.
    let results: Value =
        serde_json::from_slice(&fs::read(folder.join("rounded/results.json")).unwrap()).unwrap();
    let history = results["arms"][0]["runs"][0]["history"].as_array().unwrap();
    let scored = history.last().unwrap()["test_loss"].as_f64().unwrap();
    #[allow(clippy::disallowed_methods, reason = "compared within a tolerance")]
    let loss = |rows: &[Vec<f64>]| {
        rows.iter().enumerate().map(|(i, row)| -row[usize::from(label(i))].ln()).sum::<f64>()
            / rows.len() as f64
    };
    assert!((loss(&rounded) - scored).abs() < 1e-6, "{} and {scored}", loss(&rounded));

    // A model away from its run.
    fs::copy(model_file(folder), folder.join("alone.safetensors")).unwrap();
    assert!(fails(folder, "predict --model alone.safetensors test").contains("--extractor"));
    let options = "--model alone.safetensors --extractor squeezenet --input-size 32";
    let text = succeeds(folder, &format!("predict {options} --top 1 test/01.bmp"));
    assert!(text.contains("class "), "{text}");
}

fn model_file(folder: &Path) -> PathBuf {
    folder.join("run/models/unaugmented-seed0.safetensors")
}

#[test]
fn predict_on_a_tuned_run_gives_the_probabilities_that_were_scored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny_cifar(folder);
    succeeds(folder, "reproduce --recipe tuned --dataset tiny --seeds 1 --input-size 32 --out run");
    let (model, probabilities) = predict(folder, "--model run");
    assert!(model.ends_with("models/tuned-seed0.safetensors"), "{}", model.display());
    let report: Value = serde_json::from_slice(&fs::read(folder.join("run/tuned.json")).unwrap()).unwrap();
    #[allow(clippy::disallowed_methods, reason = "compared within a tolerance")]
    let losses = probabilities.iter().enumerate().map(|(i, row)| -row[usize::from(label(i))].ln());
    let loss = losses.sum::<f64>() / TINY as f64;
    let expected = report["runs"][0]["test"]["loss"].as_f64().unwrap();
    // The same probabilities; logarithms differ in the last digit.
    assert!((loss - expected).abs() <= 1e-12 * expected, "{loss} is not {expected}");
}

#[test]
fn the_study_runs_on_resnet18_with_weights_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny_cifar(folder);
    let weights = folder.join("weights.safetensors");
    fs::write(&weights, formula::weights()).unwrap();
    let options = "--extractor resnet18 --weights weights.safetensors --input-size 32";
    succeeds(folder, &format!("reproduce --dataset tiny --seeds 1 --epochs 2 {options} --out run"));
    let results: Value = serde_json::from_slice(&fs::read(folder.join("run/results.json")).unwrap()).unwrap();
    let network = ResNet18::load(&weights, 32, Normalization::DIV255).unwrap();
    assert_eq!(results["extractor"]["name"], network.name());
    assert_eq!(results["extractor"]["fingerprint"], network.fingerprint());
    let report = fs::read_to_string(folder.join("run/report.md")).unwrap();
    let options = "--extractor resnet18 --normalization div255 --input-size 32 --weights ";
    assert!(report.contains(options), "{report}");

    // The record knows everything but where the file is.
    succeeds(folder, "predict --model run --weights weights.safetensors test");
    let mut changed = fs::read(&weights).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&weights, changed).unwrap();
    let error = fails(folder, "predict --model run --weights weights.safetensors test");
    assert!(error.contains(&network.fingerprint()), "{error}");
}
