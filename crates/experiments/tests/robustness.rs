//! Damaged results, reports of tuned runs and checkpoints: an error that names file, expected and actual, or a right
//! value; never a panic, and never much more memory than the file's size explains. What is read can also be rendered.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

#[path = "../../files/tests/damage/mod.rs"]
mod damage;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use mlprobe_data::augment::Preset;
use mlprobe_experiments::report::{Page, learning_curves, markdown, summary as text, tuned_markdown};
use mlprobe_experiments::reproduction::questions;
use mlprobe_experiments::results::{ExtractorInfo, read_results};
use mlprobe_experiments::settings::{Compared, Images, Settings};
use mlprobe_experiments::tuned::{EPOCHS as TUNED_EPOCHS, Report, Run, Scores, Tried, candidates};
use mlprobe_experiments::{
    About, Arm, Checkpoints, Error, Event, LabelledFeatures, Observer, Outcome, Progress, Protocol, Results,
    Session, Study,
};
use mlprobe_features::{ExtractorSettings, Precision};
use mlprobe_stats::summary;
use ndarray::Array2;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use damage::{Damage, SOME, damage, damaged, measured, turn};

const EPOCHS: usize = 3;

fn set(n: usize, shift: usize) -> LabelledFeatures {
    // Every set has rows of its own.
    let features = Array2::from_shape_fn((n, 4), |(i, j)| {
        ((i * 7 + j * 3 + shift) % 11) as f32 / 11.0 + shift as f32 / 1000.0
    });
    LabelledFeatures::new(features, (0..n).map(|i| (i % 3) as u16).collect()).unwrap()
}

fn protocol(seeds: &[u64]) -> Protocol {
    Protocol { batch_size: 10, hidden: vec![4], ..Protocol::new(seeds.to_vec(), EPOCHS) }
}

fn settings(compared: Compared, protocol: Protocol) -> Settings {
    Settings {
        compared,
        images: Some(Images::of("mini")),
        extractor: Some(ExtractorSettings::SqueezeNet { input_size: 64, precision: Precision::F32 }),
        protocol,
    }
}

/// The study's arms and comparisons, so that the claims are answered too.
fn study() -> Study<'static> {
    let mut about = About::features("made up", &["a", "b", "c"]);
    about.extractor = Some(ExtractorInfo { name: "none".into(), dim: 4, fingerprint: "0123abcd".into() });
    let (original, copies) = (set(30, 0), set(30, 1));
    let study = Study::new(&set(24, 5))
        .settings(settings(Compared::Reproduction { preset: Preset::Y2022 }, protocol(&[0, 1, 2])))
        .about(about)
        .baselines(&original, 0.1)
        .add(Arm::new("unaugmented", 0.1).with(&original))
        .add(Arm::new("augmented", 0.2).with(&original).with(&copies))
        .add(Arm::new("duplicated", 0.2).with(&original).with(&original))
        .compare("augmented images", "augmented", "duplicated")
        .compare("all", "augmented", "unaugmented")
        .further_test("rotation", &set(24, 6))
        .threads(1);
    questions().into_iter().fold(study, Study::ask)
}

static RESULTS: LazyLock<Results> = LazyLock::new(|| study().run().unwrap().results);

static TUNED: LazyLock<Report> = LazyLock::new(|| {
    let scores = |accuracy| Scores { loss: 0.5, accuracy, averaged_loss: 0.4, averaged_accuracy: accuracy };
    let tried = |candidate| Tried { candidate, validation: scores(0.5), seconds: 1.0 };
    Report {
        settings: Some(settings(Compared::Tuned, Protocol::new(vec![0, 1], TUNED_EPOCHS))),
        about: RESULTS.about.clone(),
        validation_images: 200,
        candidates: candidates().into_iter().take(3).map(tried).collect(),
        selected: 1,
        runs: (0..2).map(|seed| Run { seed, test: scores(0.5), seconds: 1.0 }).collect(),
        accuracy: summary(&[0.5, 0.5]).unwrap(),
        averaged_accuracy: summary(&[0.5, 0.5]).unwrap(),
        seconds: 100.0,
    }
});

/// One change of what a JSON text says.
#[derive(Clone, Debug)]
enum Edit {
    Bytes(Vec<Damage>),
    /// Another value in the place of one.
    Value(Index, Value),
    /// An element of a list, or a field, is gone.
    Remove(Index),
    /// A list has its first element twice.
    Repeat(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let values = [
        json!(null),
        json!(0),
        json!(-1),
        json!(1e18),
        json!(-1e300),
        json!(u64::MAX),
        json!(0.5),
        json!("<a> & \"b\""),
        json!([]),
        json!({}),
        json!(true),
    ];
    prop_oneof![
        2 => damage().prop_map(Edit::Bytes),
        3 => (any::<Index>(), select(values.to_vec())).prop_map(|(at, value)| Edit::Value(at, value)),
        1 => any::<Index>().prop_map(Edit::Remove),
        1 => any::<Index>().prop_map(Edit::Repeat),
    ]
}

/// Calls `change` for the node that is `left` steps further on, in the order of the text.
fn change(value: &mut Value, left: &mut usize, at: &mut dyn FnMut(&mut Value)) {
    if *left == 0 {
        at(value);
        *left = usize::MAX;
        return;
    }
    *left -= 1;
    let mut inside: Vec<&mut Value> = match value {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in &mut inside {
        if *left != usize::MAX {
            change(value, left, at);
        }
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn edited(whole: &Value, edit: &Edit) -> Vec<u8> {
    let mut value = whole.clone();
    let mut with = |index: &Index, at: &mut dyn FnMut(&mut Value)| {
        change(&mut value, &mut index.index(count(whole)), at);
    };
    match edit {
        Edit::Bytes(damage) => return damaged(&serde_json::to_vec_pretty(whole).unwrap(), damage),
        Edit::Value(index, other) => with(index, &mut |value| *value = other.clone()),
        Edit::Remove(index) => with(index, &mut |value| match value {
            Value::Array(values) => drop(values.pop()),
            Value::Object(fields) => {
                let first = fields.keys().next().cloned();
                first.map(|name| fields.remove(&name));
            }
            other => *other = Value::Null,
        }),
        Edit::Repeat(index) => with(index, &mut |value| {
            if let Value::Array(values) = value
                && let Some(first) = values.first().cloned()
            {
                values.push(first);
            }
        }),
    }
    serde_json::to_vec(&value).unwrap()
}

/// What is read from a file with these bytes, if it is results at all.
fn check<T>(bytes: &[u8], read: impl FnOnce(&Path) -> Result<T, Error>) -> Result<Option<T>, TestCaseError> {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let (result, taken) = measured(|| read(file.path()));
    // Two bytes, as in `0,`, may become a value of 32 bytes in a list that has doubled.
    let allowed = 64 * bytes.len() + SOME;
    prop_assert!(taken <= allowed, "{taken} bytes taken, {allowed} allowed");
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ (Error::Schema { .. } | Error::Content { .. })) => {
            let message = error.to_string();
            prop_assert!(message.contains(file.path().to_str().unwrap()), "{message}");
            Ok(None)
        }
        Err(other) => Err(TestCaseError::fail(format!("another error: {other:?}"))),
    }
}

static RESULTS_JSON: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(&*RESULTS).unwrap());
static TUNED_JSON: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(&*TUNED).unwrap());

/// A study's checkpoints, stopped after its first epoch.
static CHECKPOINTS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let observer = |event: Event<'_>| match event {
        Event::Advanced { stage: "training", .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let session = session(&observer, folder.path(), Duration::ZERO).unwrap();
    assert!(matches!(one_run().run_in(&session, |_| Ok(())), Err(Error::Stopped { .. })));
    let paths = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    assert_eq!(files.len(), 2, "of the run, and of the stages");
    files
});

static UNDISTURBED: LazyLock<Outcome> = LazyLock::new(|| one_run().run().unwrap());

fn one_run() -> Study<'static> {
    Study::new(&set(24, 5))
        .about(About::features("made up", &["a", "b", "c"]))
        .protocol(protocol(&[1]))
        .add(Arm::new("alone", 0.1).with(&set(30, 0)))
        .threads(1)
}

fn session<'a>(observer: &'a Observer<'a>, folder: &Path, pause: Duration) -> Result<Session<'a>, Error> {
    let checkpoints = Checkpoints::new(folder, "this program").every(pause);
    Session::resumable(Progress::new(observer), checkpoints, "this run")
}

/// Resumes from checkpoints of which one is damaged. With `sum_follows` its SHA-256 is right, as of a file that was
/// written so.
fn check_checkpoint(damage: &[Damage], victim: usize, sum_follows: bool) -> TestCaseResult {
    const SUM: usize = 32;
    let folder = tempfile::tempdir().unwrap();
    let mut damaged_file = None;
    for (i, (name, whole)) in CHECKPOINTS.iter().enumerate() {
        let mut bytes = whole.clone();
        if i == victim && sum_follows {
            let content = damaged(&whole[SUM..], damage);
            bytes = [&Sha256::digest(&content)[..], &content].concat();
        } else if i == victim {
            bytes = damaged(whole, damage);
        }
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        if bytes != *whole {
            damaged_file = Some((path, bytes));
        }
    }
    let set_aside: Mutex<Vec<PathBuf>> = Mutex::default();
    let observer = |event: Event<'_>| {
        if let Event::CheckpointDamaged { set_aside: path } = event {
            set_aside.lock().unwrap().push(path.to_owned());
        }
        ControlFlow::Continue(())
    };
    let study = one_run();
    let (result, taken) = measured(|| {
        let session = session(&observer, folder.path(), Duration::MAX)?;
        study.run_in(&session, |_| Ok(()))
    });
    prop_assert!(taken <= 4 * SOME, "{taken} bytes taken");
    let set_aside = set_aside.into_inner().unwrap();
    if sum_follows {
        // Then it is what a program wrote: nothing tells right numbers from wrong ones.
        let is_typed = matches!(result, Ok(_) | Err(Error::Training { .. }));
        prop_assert!(is_typed && set_aside.is_empty());
        return Ok(());
    }
    let outcome = result.unwrap();
    prop_assert_eq!(&outcome.runs[0][0].model, &UNDISTURBED.runs[0][0].model);
    prop_assert_eq!(&outcome.runs[0][0].tested, &UNDISTURBED.runs[0][0].tested);
    let kept = damaged_file.map(|(path, bytes)| (path.with_extension("checkpoint.damaged"), bytes));
    prop_assert_eq!(set_aside, kept.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>());
    if let Some((path, bytes)) = kept {
        prop_assert_eq!(fs::read(path).unwrap(), bytes);
    }
    Ok(())
}

proptest! {
    #[test]
    fn results(edit in edit()) {
        let _turn = turn();
        if let Some(results) = check(&edited(&RESULTS_JSON, &edit), |path| read_results(path))? {
            let page = Page::new(&results).render();
            let rendered = [markdown(&results), text(&results), learning_curves(&results), page];
            for page in rendered {
                prop_assert!(matches!(page, Ok(_) | Err(Error::Rendering { .. })), "{page:?}");
            }
        }
    }

    #[test]
    fn tuned(edit in edit()) {
        let _turn = turn();
        if let Some(report) = check(&edited(&TUNED_JSON, &edit), |path| Report::read(path))? {
            let page = tuned_markdown(&report);
            prop_assert!(matches!(page, Ok(_) | Err(Error::Rendering { .. })), "{page:?}");
        }
    }

    #[test]
    fn checkpoint_files(damage in damage(), victim in 0..2usize, sum_follows: bool) {
        let _turn = turn();
        check_checkpoint(&damage, victim, sum_follows)?;
    }
}
