//! The tuned recipe on made-up features: what selects, what is trained, and that it repeats.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlprobe_data::mini;
use mlprobe_data::random::Random;
use mlprobe_experiments::report::tuned_markdown;
use mlprobe_experiments::settings::{Compared, Images, Settings};
use mlprobe_experiments::tuned::{self, ARM, Data, EPOCHS, Outcome, Report, Scores, Views, candidates};
use mlprobe_experiments::{
    About, Error, Event, FeatureSource, LabelledFeatures, Progress, Protocol, RunFolder, Session,
};
use mlprobe_features::{Extractor, ExtractorSettings, FeatureCache, Precision};
use mlprobe_nn::Mlp;
use ndarray::{Array2, ArrayView4};

const CLASSES: usize = 3;
const DIM: usize = 6;

/// N images around one centre per class, with so much noise that no classifier is perfect; `seed` tells sets apart.
fn views(n: usize, seed: u64) -> Views {
    let labels: Vec<u16> = (0..n).map(|i| (i % CLASSES) as u16).collect();
    let set = |purpose: &[u8; 8]| {
        let mut noise: Vec<Random> = (0..n).map(|i| Random::new(seed, purpose, i as u64)).collect();
        let features = Array2::from_shape_fn((n, DIM), |(i, j)| {
            let centre = if j % CLASSES == i % CLASSES { 0.6 } else { 0.0 };
            centre + noise[i].uniform(0.0, 2.0) as f32
        });
        LabelledFeatures::new(features, labels.clone()).unwrap()
    };
    Views::new(set(b"original"), set(b"mirrored")).unwrap()
}

fn data() -> Data {
    Data { about: About::features("clusters", &["a", "b", "c"]), train: views(300, 0), test: views(90, 1) }
}

fn settings(seeds: &[u64]) -> Settings {
    Settings {
        compared: Compared::Tuned,
        images: Some(Images::of("mini")),
        extractor: Some(ExtractorSettings::SqueezeNet { input_size: 64, precision: Precision::F32 }),
        protocol: Protocol::new(seeds.to_vec(), EPOCHS),
    }
}

fn silent() -> Session<'static> {
    Session::new(Progress::silent())
}

fn tuned(data: &Data, threads: usize) -> Outcome {
    tuned::run(data, settings(&[5, 6]), threads, &silent()).unwrap()
}

/// What must not depend on the number of threads.
fn without_times(mut report: Report) -> Report {
    report.about.machine.threads = 0;
    report.seconds = 0.0;
    report.candidates.iter_mut().for_each(|tried| tried.seconds = 0.0);
    report.runs.iter_mut().for_each(|run| run.seconds = 0.0);
    report
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let one = tuned(&data(), 1);
    for threads in [2, 16] {
        let other = tuned(&data(), threads);
        assert_eq!(without_times(one.report.clone()), without_times(other.report), "{threads} threads");
        assert_eq!(one.models, other.models, "{threads} threads");
    }
}

#[test]
fn test_images_and_labels_change_neither_selection_nor_models() {
    let Data { about, train, test } = data();
    // Other labels, other features, another number of images.
    let permuted: Vec<u16> = test.labels().iter().map(|label| (label + 1) % 3).collect();
    let relabelled =
        |set: &LabelledFeatures| LabelledFeatures::new(set.features().to_owned(), permuted.clone()).unwrap();
    let relabelled = Views::new(relabelled(test.original()), relabelled(test.mirrored())).unwrap();
    let expected = tuned(&Data { about: about.clone(), train: train.clone(), test }, 2);
    for test in [relabelled, views(40, 9)] {
        let other = tuned(&Data { about: about.clone(), train: train.clone(), test }, 2);
        assert_eq!(other.report.selected, expected.report.selected);
        for (a, b) in other.report.candidates.iter().zip(&expected.report.candidates) {
            assert_eq!(a.validation, b.validation);
        }
        assert_eq!(other.models, expected.models);
        assert_ne!(other.report.accuracy, expected.report.accuracy);
    }
}

#[test]
fn the_lowest_validation_loss_is_selected_and_trained_with_every_seed() {
    let Outcome { report, models } = tuned(&data(), 2);
    assert_eq!(report.candidates.iter().map(|tried| tried.candidate).collect::<Vec<_>>(), candidates());
    let losses: Vec<f64> = report.candidates.iter().map(|tried| tried.validation.loss).collect();
    assert!(losses.iter().all(|&loss| loss >= losses[report.selected]), "{losses:?}");
    assert!(losses.iter().any(|&loss| loss > losses[report.selected]), "candidates differ: {losses:?}");
    assert_eq!(report.validation_images, 30);

    let selected = report.candidates[report.selected].candidate;
    assert_eq!(models.iter().map(|model| model.seed).collect::<Vec<_>>(), [5, 6]);
    assert!(models.iter().all(|model| model.square_roots == selected.square_roots));
    assert_ne!(models[0].network, models[1].network);
}

#[test]
fn reported_accuracies_are_those_of_the_models() {
    let data = data();
    let Outcome { report, models } = tuned(&data, 2);
    let accuracy = |probabilities: Array2<f32>| {
        let right = probabilities.outer_iter().zip(data.test.labels()).filter(|(p, label)| {
            p.iter()
                .enumerate()
                .all(|(k, &other)| k == usize::from(**label) || other < p[usize::from(**label)])
        });
        right.count() as f64 / data.test.labels().len() as f64
    };
    for (run, model) in report.runs.iter().zip(&models) {
        let Scores { accuracy: single, averaged_accuracy, .. } = run.test;
        let original = model.probabilities(data.test.original().features()).unwrap();
        let mirrored = model.probabilities(data.test.mirrored().features()).unwrap();
        assert_eq!(single, accuracy(original.clone()));
        assert_eq!(averaged_accuracy, accuracy(original + mirrored));
        assert!(single > 0.6, "a third is chance: {single}");
    }
    let mean = report.runs.iter().map(|run| run.test.accuracy).sum::<f64>() / 2.0;
    assert!((report.accuracy.mean - mean).abs() < 1e-15);
}

#[test]
fn progress_adds_up_to_what_was_announced_and_runs_are_reported_last() {
    let events = Mutex::new((0, 0, Vec::new()));
    let observer = |event: Event<'_>| {
        let (announced, done, runs) = &mut *events.lock().unwrap();
        match event {
            Event::StageStarted { total, .. } => *announced += total,
            Event::Advanced { amount, .. } => *done += amount,
            Event::RunFinished { arm, seed, .. } => runs.push((arm.to_owned(), seed, *done)),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let outcome = tuned::run(&data(), settings(&[5, 6]), 2, &Session::new(Progress::new(&observer))).unwrap();
    // Updates of 250 rows: for 270 rows of half the candidates and 540 of the others, then for 300 or 600 rows and two
    // seeds. Two models are scored at the end.
    let selected = outcome.report.candidates[outcome.report.selected].candidate;
    let of_selected = if selected.mirrored_copies { 3 } else { 2 };
    let all = (EPOCHS * (candidates().len() / 2 * (2 + 3) + 2 * of_selected) + 2) as u64;
    let run = |seed| (ARM.to_owned(), seed, all);
    assert_eq!(events.into_inner().unwrap(), (all, all, vec![run(5), run(6)]));
}

#[test]
fn the_run_folder_holds_report_and_models() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = tuned(&data(), 2);
    RunFolder::create(dir.path()).unwrap().save_tuned(&outcome).unwrap();
    for model in &outcome.models {
        let path = dir.path().join("models").join(format!("tuned-seed{}.safetensors", model.seed));
        assert_eq!(Mlp::<f32>::load(path).unwrap(), model.network);
    }
    let json = std::fs::read_to_string(dir.path().join("tuned.json")).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), outcome.report);
    assert_eq!(Report::read(dir.path().join("tuned.json")).unwrap(), outcome.report);

    let markdown = std::fs::read_to_string(dir.path().join("tuned.md")).unwrap();
    let Report { candidates, selected, runs, .. } = &outcome.report;
    let rows = markdown.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(rows, 2 + runs.len() + 1 + 2 + candidates.len());
    assert!(markdown.contains(&format!("| **{}** |", candidates[*selected].candidate)), "{markdown}");
    let run = format!("| 6 | {:.2} |", 100.0 * runs[1].test.accuracy);
    assert!(markdown.contains(&run), "{markdown}");
}

#[test]
fn the_report_tells_the_command_that_repeats_it_where_there_is_one() {
    let Outcome { mut report, .. } = tuned(&data(), 2);
    assert_eq!(report.settings, Some(settings(&[5, 6])));
    assert!(!tuned_markdown(&report).unwrap().contains("mlprobe reproduce"), "a command counts seeds from 0");
    report.settings = Some(settings(&[0, 1]));
    let command = "$ mlprobe reproduce --dataset mini --input-size 64 --recipe tuned --seeds 2\n";
    assert!(tuned_markdown(&report).unwrap().contains(command));
}

#[test]
fn an_observer_stops_it() {
    let stop = Progress::new(&|event| match event {
        Event::Advanced { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let error = tuned::run(&data(), settings(&[5, 6]), 2, &Session::new(stop)).unwrap_err();
    assert!(matches!(error, Error::Stopped { done: 0, planned: 2 }), "{error}");
}

#[test]
fn what_cannot_work_is_refused_before_the_first_epoch() {
    let Data { about, train, test } = data();
    let message = |data: Data, seeds: &[u64]| {
        let fail = Progress::new(&|event| match event {
            Event::Advanced { .. } => panic!("{event:?}"),
            _ => ControlFlow::Continue(()),
        });
        tuned::run(&data, settings(seeds), 1, &Session::new(fail)).unwrap_err().to_string()
    };
    let narrow = |images: &Views| {
        let set = LabelledFeatures::new(Array2::zeros((images.labels().len(), 2)), images.labels().to_vec());
        Views::new(set.as_ref().unwrap().clone(), set.unwrap()).unwrap()
    };
    let two = About::features("clusters", &["a", "b"]);
    let table = [
        (message(data(), &[]), "at least one seed"),
        (
            message(Data { about: about.clone(), train: train.clone(), test: narrow(&test) }, &[1]),
            "expected 6 features of a test image, got 2",
        ),
        (
            message(Data { about: two, train: train.clone(), test: test.clone() }, &[1]),
            "expected labels 0 to 1, for 2 classes, got 2 in row 2 of the test set",
        ),
        (message(Data { about, train: views(9, 0), test }, &[1]), "a class of 10 training images or more"),
    ];
    for (message, part) in table {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

/// The mean red of the left half of an image and of its right half.
#[derive(Default)]
struct Halves {
    extracted: AtomicUsize,
}

impl Extractor for Halves {
    fn name(&self) -> String {
        "halves".into()
    }

    fn dim(&self) -> usize {
        2
    }

    fn input_size(&self) -> usize {
        32
    }

    fn fingerprint(&self) -> String {
        "fedcba9876543210".into()
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        _: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, mlprobe_features::Error> {
        self.extracted.fetch_add(images.dim().0, Ordering::Relaxed);
        Ok(Array2::from_shape_fn((images.dim().0, 2), |(n, half)| {
            let pixels = (0..32).flat_map(|y| (16 * half..16 * half + 16).map(move |x| [n, y, x, 0]));
            pixels.map(|at| f32::from(images[at])).sum::<f32>() / 512.0
        }))
    }
}

#[test]
fn features_of_both_views_come_from_the_images_and_then_from_the_cache() {
    let mini = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
    let dataset = mini::load(mini).unwrap();
    let (extractor, folder) = (Halves::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let source = FeatureSource::new(&dataset, false, &extractor, &cache, String::new());
    for _ in 0..2 {
        let data = tuned::data(&source, &silent()).unwrap();
        assert_eq!(extractor.extracted.load(Ordering::Relaxed), 6000, "2,000 and 1,000 images, twice each");
        for (images, n) in [(&data.train, 2000), (&data.test, 1000)] {
            assert_eq!(images.labels().len(), n);
            let (original, mirrored) = (images.original().features(), images.mirrored().features());
            assert_eq!(original.column(0), mirrored.column(1));
            assert_eq!(original.column(1), mirrored.column(0));
        }
        assert_eq!(data.about.dataset.train_digest, dataset.train.digest());
    }
}
