//! The study of the original report on the mini set, with a cheap extractor in place of the network.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlprobe_audit::LeftOut;
use mlprobe_data::augment::Preset;
use mlprobe_data::{Dataset, LabelledImages, mini};
use mlprobe_experiments::report::markdown;
use mlprobe_experiments::reproduction::{
    AUGMENTED, DUPLICATED, UNAUGMENTED, UNAUGMENTED_FAST, ablation, feature_sets, study,
};
use mlprobe_experiments::settings::{Compared, Images, Settings};
use mlprobe_experiments::{
    Event, FeatureSource, LabelledFeatures, Outcome, Progress, Protocol, RunFolder, Session,
};
use mlprobe_features::{Error, Extractor, ExtractorSettings, FeatureCache, Precision};
use ndarray::{Array2, Array4, ArrayView4, s};

use crate::common::assert_same;

pub const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");

/// Mean colours of 16 tiles: 48 numbers per image, in [0, 1]. Counts the images it was given.
#[derive(Default)]
pub struct Tiles {
    pub extracted: AtomicUsize,
}

impl Extractor for Tiles {
    fn name(&self) -> String {
        "tiles".into()
    }

    fn dim(&self) -> usize {
        48
    }

    fn input_size(&self) -> usize {
        32
    }

    fn fingerprint(&self) -> String {
        "0123456789abcdef0123456789abcdef".into()
    }

    fn extract_with(
        &self,
        images: ArrayView4<u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        self.extracted.fetch_add(images.dim().0, Ordering::Relaxed);
        progress(images.dim().0);
        Ok(Array2::from_shape_fn((images.dim().0, 48), |(n, tile)| {
            let (y, x, c) = (tile / 12 * 8, tile / 3 % 4 * 8, tile % 3);
            let sum: u32 =
                images.slice(s![n, y..y + 8, x..x + 8, c]).iter().map(|&value| u32::from(value)).sum();
            sum as f32 / (64.0 * 255.0)
        }))
    }
}

pub fn source<'a>(
    dataset: &'a Dataset,
    extractor: &'a dyn Extractor,
    cache: &'a FeatureCache,
) -> FeatureSource<'a> {
    FeatureSource::new(dataset, false, extractor, cache, "abc1234".into())
}

pub fn settings(compared: Compared, seeds: u64) -> Settings {
    Settings {
        compared,
        images: Some(Images::of("mini")),
        extractor: Some(ExtractorSettings::SqueezeNet { input_size: 128, precision: Precision::F32 }),
        protocol: Protocol::new((0..seeds).collect(), 4),
    }
}

fn reproduction() -> Settings {
    settings(Compared::Reproduction { preset: Preset::Y2022 }, 2)
}

pub fn silent() -> Session<'static> {
    Session::new(Progress::silent())
}

fn run_on(source: &FeatureSource<'_>, threads: usize, session: &Session<'_>) -> Outcome {
    let study = study(source, Preset::Y2022, reproduction(), session).unwrap();
    study.threads(threads).run_in(session, |_| Ok(())).unwrap()
}

fn run(source: &FeatureSource<'_>) -> Outcome {
    run_on(source, 2, &silent())
}

#[test]
fn any_number_of_threads_gives_the_same_models_and_predictions() {
    let dataset = mini::load(MINI).unwrap();
    let tiles = Tiles::default();
    let with_threads = |threads| {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        run_on(&source(&dataset, &tiles, &cache), threads, &silent())
    };
    let one = with_threads(1);
    for threads in [2, 4] {
        assert_same(&with_threads(threads), &one, &format!("{threads} threads"));
    }
}

/// Fails for the sixth image of 100.
struct Sixth;

impl Extractor for Sixth {
    fn name(&self) -> String {
        "sixth".into()
    }

    fn dim(&self) -> usize {
        1
    }

    fn input_size(&self) -> usize {
        1
    }

    fn fingerprint(&self) -> String {
        "fedcba9876543210".into()
    }

    fn extract_with(&self, images: ArrayView4<u8>, _: &(dyn Fn(usize) + Sync)) -> Result<Array2<f32>, Error> {
        match images.dim().0 {
            100 => Err(Error::NotFinite { extractor: self.name(), row: 5, column: 0, value: f32::INFINITY }),
            n => Ok(Array2::zeros((n, 1))),
        }
    }
}

#[test]
fn an_image_that_fails_when_it_is_transformed_is_named_by_its_own_number() {
    // 8,192 images are transformed at a time: of 8,292, the last 100 come by themselves.
    let [train, test] =
        [1, 8292].map(|n| LabelledImages::new(Array4::zeros((n, 1, 1, 3)), vec![0; n]).unwrap());
    let dataset = Dataset::new("black", vec!["a".into()], train, test).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = FeatureCache::new(folder.path());
    let error = study(&source(&dataset, &Sixth, &cache), Preset::Y2022, reproduction(), &silent())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("feature 0 of image 8197 is inf"), "{error}");
}

#[test]
fn the_arms_are_those_of_the_protocol() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let results = run(&source(&dataset, &tiles, &cache)).results;
    let arms: Vec<_> =
        results.arms.iter().map(|arm| (arm.name.as_str(), arm.train_images, arm.learning_rate)).collect();
    assert_eq!(
        arms,
        [
            (UNAUGMENTED, 2000, 0.008),
            (AUGMENTED, 4000, 0.01),
            (DUPLICATED, 4000, 0.01),
            (UNAUGMENTED_FAST, 2000, 0.01)
        ]
    );
    // As many updates in as many epochs: duplicated and augmented; in half the epochs: both unaugmented ones.
    let updates =
        |name: &str| results.arm(name).unwrap().readings.iter().map(|r| r.updates).collect::<Vec<_>>();
    assert_eq!((updates(AUGMENTED), updates(DUPLICATED)), (vec![16, 32], vec![16, 32]));
    assert_eq!((updates(UNAUGMENTED), updates(UNAUGMENTED_FAST)), (vec![8, 16], vec![8, 16]));
    assert_eq!(results.claims.iter().map(|claim| claim.id.as_str()).collect::<Vec<_>>(), ["C1", "C2", "C3"]);
}

#[test]
fn a_second_run_takes_every_feature_from_the_cache() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let source = source(&dataset, &tiles, &cache);
    let first = run(&source);
    // Training images as they are and augmented for two seeds, test images as they are and under six transforms.
    assert_eq!(tiles.extracted.load(Ordering::Relaxed), 3 * 2000 + 7 * 1000);
    let second = run(&source);
    assert_eq!(tiles.extracted.load(Ordering::Relaxed), 13_000);
    for (a, b) in first.runs.iter().flatten().zip(second.runs.iter().flatten()) {
        assert_eq!(a.model, b.model);
    }
}

#[test]
fn a_damaged_cache_file_is_reported_and_made_again() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let source = source(&dataset, &tiles, &cache);
    let first = run(&source);
    let damaged = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "npy"))
        .unwrap();
    let mut bytes = std::fs::read(&damaged).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&damaged, bytes).unwrap();

    let rebuilt = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::CacheRebuilt { set_aside, .. } = event {
            rebuilt.lock().unwrap().push(set_aside.to_owned());
        }
        std::ops::ControlFlow::Continue(())
    };
    let second = run_on(&source, 2, &Session::new(Progress::new(&observer)));
    assert_eq!(rebuilt.lock().unwrap().len(), 1);
    for (a, b) in first.runs.iter().flatten().zip(second.runs.iter().flatten()) {
        assert_eq!(a.model, b.model);
    }
}

#[test]
fn the_report_says_that_the_mini_set_is_not_comparable_and_how_to_repeat_the_run() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path().join("cache"));
    let run_folder = RunFolder::create(folder.path().join("run")).unwrap();
    let (source, session) = (source(&dataset, &tiles, &cache), silent());
    let study = study(&source, Preset::Y2022, reproduction(), &session).unwrap();
    let outcome = study.run_in(&session, |so_far| run_folder.save(so_far)).unwrap();

    let report = std::fs::read_to_string(run_folder.path().join("report.md")).unwrap();
    for part in [
        "**Not comparable with published figures.**",
        "these are for cifar10-mini, with 2,000 training and 1,000 test images.",
        "C1",
        "C2",
        "C3",
        "mlprobe reproduce --dataset mini --input-size 128 --preset 2022 --seeds 2 --epochs 4 --batch-size 500\n",
        "commit `abc1234`",
        "preset 2022: one of rotation, cutout, crop, contrast flip",
        "features of the training images",
    ] {
        assert!(report.contains(part), "{part:?} is not in\n{report}");
    }
    let mut results = outcome.results;
    for is_comparable in [false, true] {
        results.about.dataset.comparable = is_comparable;
        let report = markdown(&results).unwrap();
        let beside =
            ["77.5", "79.6"].map(|accuracy| report.contains(&format!("| 400 or 800 | | {accuracy} |")));
        assert_eq!(beside, [is_comparable; 2], "the original report's figures");
        assert_eq!(report.contains("**Not comparable with published figures.**"), !is_comparable);
    }
}

#[test]
fn the_fields_of_results_json_keep_their_names() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let results = run(&source(&dataset, &tiles, &cache)).results;
    let json = serde_json::to_value(&results).unwrap();
    for pointer in [
        "/schema",
        "/dataset/name",
        "/dataset/classes/9",
        "/dataset/train_images",
        "/dataset/test_images",
        "/dataset/train_digest",
        "/dataset/test_digest",
        "/dataset/comparable",
        "/dataset/dim",
        "/extractor/name",
        "/extractor/dim",
        "/extractor/fingerprint",
        "/settings/compared/study",
        "/settings/compared/preset",
        "/settings/images/dataset",
        "/settings/images/skip_broken",
        "/settings/extractor/network",
        "/settings/extractor/input_size",
        "/settings/protocol/seeds/1",
        "/settings/protocol/epochs",
        "/settings/protocol/report_at/1",
        "/settings/protocol/batch_size",
        "/settings/protocol/hidden/0",
        "/machine/cpu",
        "/machine/cores",
        "/machine/threads",
        "/machine/system",
        "/version",
        "/commit",
        "/seeds_done",
        "/arms/3/name",
        "/arms/0/train_images",
        "/arms/0/learning_rate",
        "/arms/0/runs/1/seed",
        "/arms/0/runs/0/train_accuracy",
        "/arms/0/runs/0/test_accuracy",
        "/arms/0/runs/0/seconds",
        "/arms/0/runs/0/history/3/epoch",
        "/arms/0/runs/0/history/0/updates",
        "/arms/0/runs/0/history/0/seconds",
        "/arms/0/runs/0/history/0/train_loss",
        "/arms/0/runs/0/history/0/train_accuracy",
        "/arms/0/runs/0/history/0/original_loss",
        "/arms/0/runs/0/history/0/original_accuracy",
        "/arms/0/runs/0/history/0/test_loss",
        "/arms/0/runs/0/history/0/test_accuracy",
        "/arms/0/readings/1/test_accuracy/mean",
        "/claims/2/id",
        "/claims/0/verdict",
        "/answers/0/contrast/claim",
        "/answers/0/contrast/decides",
        "/answers/0/contrast/measure",
        "/answers/0/contrast/a",
        "/answers/0/contrast/b",
        "/answers/0/answer",
        "/answers/0/difference",
        "/answers/0/interval/low",
        "/answers/0/population",
        "/answers/0/over_seeds/high",
        "/answers/0/margin",
        "/answers/0/seeds",
        "/answers/5/target",
        "/comparisons/0/effect",
        "/comparisons/0/a_epoch",
        "/comparisons/0/paired/p_value",
        "/comparisons/0/adjusted",
        "/baselines/1/classifier",
        "/baselines/1/k",
        "/baselines/2/test_accuracy/mean",
        "/probes/0/probe",
        "/probes/0/k",
        "/probes/0/a_accuracy/mean",
        "/probes/1/answer/interval/low",
        "/notes",
        "/stages/0/name",
        "/stages/0/seconds",
    ] {
        assert!(json.pointer(pointer).is_some(), "{pointer} is missing");
    }
    let verdict = json.pointer("/claims/0/verdict").unwrap().as_str().unwrap();
    assert!(["holds", "does not hold", "undecided"].contains(&verdict), "{verdict}");
}

#[test]
fn feature_sets_are_what_the_arms_train_on() {
    let dataset = mini::load(MINI).unwrap();
    let tiles = Tiles::default();
    let folder = tempfile::tempdir().unwrap();
    let cache = FeatureCache::new(folder.path());
    let source = source(&dataset, &tiles, &cache);
    run(&source);
    let extracted = tiles.extracted.load(Ordering::Relaxed);

    let sets = feature_sets(&source, Preset::Y2022, 1, &silent()).unwrap();
    // All come from the cache, so they are those of the study.
    assert_eq!(tiles.extracted.load(Ordering::Relaxed), extracted);
    assert_eq!(sets.augmented.features().slice(s![..2000, ..]), sets.unaugmented.features());
    assert_ne!(sets.augmented.features().slice(s![2000.., ..]), sets.unaugmented.features());
    assert_eq!(sets.augmented.labels(), [&dataset.train.labels[..], &dataset.train.labels].concat());
    assert_eq!(sets.test.labels(), dataset.test.labels);
}

#[test]
fn images_that_are_kept_have_the_features_and_draws_that_they_had_among_all() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let all = source(&dataset, &tiles, &cache);
    let before = feature_sets(&all, Preset::Y2022, 1, &silent()).unwrap();
    let extracted = tiles.extracted.load(Ordering::Relaxed);

    let kept = LeftOut { train: vec![0, 7], test: vec![999] }.kept(2000, 1000).unwrap();
    let fewer = source(&dataset, &tiles, &cache).keeping(Some(&kept));
    let sets = feature_sets(&fewer, Preset::Y2022, 1, &silent()).unwrap();
    assert_eq!(tiles.extracted.load(Ordering::Relaxed), extracted, "all come from the cache");
    let copies: Vec<usize> = kept.train.iter().map(|row| 2000 + row).collect();
    let rows = [&kept.train[..], &copies].concat();
    let same = |kept: &LabelledFeatures, all: &LabelledFeatures, rows: &[usize]| {
        let selected = all.select(rows).unwrap();
        kept.features() == selected.features() && kept.labels() == selected.labels()
    };
    assert!(same(&sets.augmented, &before.augmented, &rows));
    assert!(same(&sets.test, &before.test, &kept.test));
    let about = fewer.about().dataset;
    assert_eq!((about.train_images, about.test_images), (1998, 999));
    assert_eq!(fewer.inputs()[..3], all.inputs()[..]);
    assert_eq!((fewer.inputs().get(3), all.about().dataset.kept_digest), (about.kept_digest.as_ref(), None));
}

#[test]
fn every_feature_is_there_before_the_training_begins() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let stages = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::StageStarted { stage, .. } = event {
            stages.lock().unwrap().push(stage.to_owned());
        }
        std::ops::ControlFlow::Continue(())
    };
    run_on(&source(&dataset, &tiles, &cache), 2, &Session::new(Progress::new(&observer)));
    let stages = stages.into_inner().unwrap();
    let end = stages.len() - 5;
    let is_known = |stage: &String| stage.starts_with("features of the ") || stage == "baselines";
    assert!(stages[..end].iter().all(is_known), "{stages:?}");
    let rest = [
        "features of the augmented images, seed 0",
        "features of the augmented images, seed 1",
        "training",
        "probe: nearest neighbours",
        "probe: logistic regression",
    ];
    assert_eq!(stages[end..], rest);
}

#[test]
fn the_ablation_compares_every_preset_and_transform_with_plain_copies() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let (source, session) = (source(&dataset, &tiles, &cache), silent());
    let study = ablation(&source, settings(Compared::Ablation, 2), &session).unwrap();
    let results = study.run_in(&session, |_| Ok(())).unwrap().results;
    let names: Vec<_> = results.arms.iter().map(|arm| arm.name.as_str()).collect();
    let expected = [
        DUPLICATED,
        "preset-2022",
        "preset-2023",
        "rotation",
        "cutout",
        "crop",
        "contrast-flip",
        "enhancement",
        "posterize",
    ];
    assert_eq!(names, expected);
    assert!(results.arms.iter().all(|arm| (arm.train_images, arm.learning_rate) == (4000, 0.01)));
    let last: Vec<_> = results.final_comparisons().collect();
    assert_eq!(last.iter().map(|c| c.a.as_str()).collect::<Vec<_>>(), expected[1..]);
    assert!(
        last.iter().all(|c| c.b == DUPLICATED && c.adjusted.is_some()),
        "one question of many transforms"
    );
    assert_eq!(results.answers.len(), 8);
    assert!(results.claims.is_empty());
}
