//! Several draws per image: which draw an epoch trains on, that one draw is the study's augmented arm, and that the runs resume.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mlprobe_data::augment::Preset;
use mlprobe_data::mini;
use mlprobe_experiments::reproduction::{self, AUGMENTED, DUPLICATED};
use mlprobe_experiments::settings::{Compared, Draws, Settings};
use mlprobe_experiments::{
    Arm, Checkpoints, Error, Event, FeatureSource, LabelledFeatures, Outcome, Progress, Result, SeededRows,
    Session, Study, TrainedRun,
};
use mlprobe_features::FeatureCache;

use crate::common::{assert_same, protocol, run, set};
use crate::reproduction::{MINI, Tiles, settings, silent, source};

/// The settings of `numbers` over 2 seeds and 4 epochs.
fn comparing(numbers: &[Draws]) -> Settings {
    settings(Compared::Draws { preset: Preset::Y2022, draws: numbers.to_vec() }, 2)
}

fn run_draws(source: &FeatureSource<'_>, numbers: &[Draws], threads: usize) -> Outcome {
    let session = silent();
    let study = reproduction::draws(source, Preset::Y2022, numbers, comparing(numbers), &session).unwrap();
    study.threads(threads).run_in(&session, |_| Ok(())).unwrap()
}

fn runs<'a>(outcome: &'a Outcome, arm: &str) -> &'a [TrainedRun] {
    let index = outcome.results.arms.iter().position(|other| other.name == arm).unwrap();
    &outcome.runs[index]
}

#[test]
fn no_draw_and_one_draw_are_the_controls_of_the_study_bit_for_bit_and_more_are_not() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let (source, session) = (source(&dataset, &tiles, &cache), silent());
    let numbers = [0, 1, 2].map(Draws::Number);
    let compared = run_draws(&source, &numbers, 2);
    // Training images as they are and one or two draws for two seeds, test images as they are and under six transforms.
    assert_eq!(tiles.extracted.load(Ordering::Relaxed), (1 + 2 * 2) * 2000 + 7 * 1000);

    let of_study = settings(Compared::Reproduction { preset: Preset::Y2022 }, 2);
    let study = reproduction::study(&source, Preset::Y2022, of_study, &session).unwrap();
    let study = study.run_in(&session, |_| Ok(())).unwrap();
    assert_eq!(tiles.extracted.load(Ordering::Relaxed), 17_000, "draw 0 is the study's entry of the cache");
    for (draws, arm) in [(DUPLICATED, DUPLICATED), ("1-draw", AUGMENTED)] {
        for (a, b) in runs(&compared, draws).iter().zip(runs(&study, arm)) {
            assert_eq!(a.model, b.model, "{arm}");
            assert_eq!((&a.tested, &a.further), (&b.tested, &b.further), "{arm}");
            assert_eq!(
                a.record.history.last().unwrap().train_loss,
                b.record.history.last().unwrap().train_loss
            );
        }
    }
    for (two, one) in runs(&compared, "2-draws").iter().zip(runs(&compared, "1-draw")) {
        assert_ne!(two.model, one.model);
        // The first epoch has draw 0 in both.
        assert_eq!(two.record.history[0].test_loss, one.record.history[0].test_loss);
        assert_ne!(two.record.history[1].test_loss, one.record.history[1].test_loss);
    }
}

#[test]
fn every_number_of_draws_is_compared_with_the_fewest_and_with_the_next_smaller_one() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let numbers = [Draws::Number(0), Draws::Number(1), Draws::Number(2), Draws::Fresh];
    let outcome = run_draws(&source(&dataset, &tiles, &cache), &numbers, 2);
    let results = outcome.results;
    let finals: Vec<_> = results.final_comparisons().map(|c| (c.a.as_str(), c.b.as_str())).collect();
    assert_eq!(
        finals,
        [
            ("1-draw", DUPLICATED),
            ("2-draws", DUPLICATED),
            ("fresh-draws", DUPLICATED),
            ("2-draws", "1-draw"),
            ("fresh-draws", "2-draws")
        ]
    );
    assert!(results.final_comparisons().all(|c| c.adjusted.is_some()), "one question of many numbers");
    let updates = |name: &str| results.arm(name).unwrap().readings.last().unwrap().updates;
    for arm in &results.arms {
        assert_eq!(
            (arm.train_images, arm.learning_rate, updates(&arm.name)),
            (4000, 0.01, 32),
            "{}",
            arm.name
        );
    }
    let report = mlprobe_experiments::report::markdown(&results).unwrap();
    for (a, b) in finals {
        let is_sentence = |line: &str| {
            line.starts_with("- ")
                && line.contains(a)
                && line.contains(b)
                && line.contains("Holm’s correction")
        };
        assert_eq!(report.lines().filter(|line| is_sentence(line)).count(), 1, "{a} {b} in\n{report}");
    }
}

#[test]
fn fresh_draws_are_different_in_every_epoch_and_the_draws_of_a_number_take_turns() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let source = source(&dataset, &tiles, &cache);
    let rows = source.augmented(Preset::Y2022.transforms(), "copies").with_draws(4);
    let features: Vec<_> = (0..4).map(|draw| rows.load(7, draw, &silent()).unwrap()).collect();
    for (draw, other) in (0..4).flat_map(|draw| (0..draw).map(move |other| (draw, other))) {
        assert_ne!(features[draw].features(), features[other].features(), "draws {draw} and {other}");
        assert_eq!(features[draw].labels(), features[other].labels());
    }

    for (draws, expected) in [(5, [0, 1, 2, 3, 4]), (2, [0, 1, 0, 1, 0])] {
        let loaded = Mutex::default();
        let arm = Arm::new("copies", 0.1).with(&set(30, 0)).with_seeded(Drawn { draws, loaded: &loaded });
        run(&Study::new(&set(90, 1)).protocol(protocol([3], 5)).add(arm));
        assert_eq!(loaded.into_inner().unwrap(), expected, "{draws} draws over 5 epochs");
    }
}

/// 30 rows, other ones in every draw; notes which are loaded.
struct Drawn<'a> {
    draws: usize,
    loaded: &'a Mutex<Vec<usize>>,
}

impl SeededRows for Drawn<'_> {
    fn rows(&self) -> usize {
        30
    }

    fn draws(&self) -> usize {
        self.draws
    }

    fn prepare(&self, _: u64, _: &Session<'_>) -> Result<()> {
        Ok(())
    }

    fn load(&self, seed: u64, draw: usize, _: &Session<'_>) -> Result<LabelledFeatures> {
        self.loaded.lock().unwrap().push(draw);
        Ok(set(30, 10 * draw + seed as usize))
    }
}

#[test]
fn any_number_of_threads_gives_the_same_models_and_predictions() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let source = source(&dataset, &tiles, &cache);
    let numbers = [Draws::Number(1), Draws::Number(3), Draws::Fresh];
    let one = run_draws(&source, &numbers, 1);
    for threads in [2, 4] {
        assert_same(&run_draws(&source, &numbers, threads), &one, &format!("{threads} threads"));
    }
}

#[test]
fn runs_with_draws_that_are_stopped_again_and_again_end_with_the_same_bits_and_train_no_epoch_twice() {
    const EPOCHS: usize = 7;
    // 7 epochs of 6 updates for each of two arms and two seeds.
    const UPDATES: u64 = 7 * 6 * 2 * 2;
    let loaded = Mutex::default();
    let study = |draws| {
        let arm =
            |name, draws| Arm::new(name, 0.1).with(&set(30, 0)).with_seeded(Drawn { draws, loaded: &loaded });
        let study = Study::new(&set(90, 1)).protocol(protocol([3, 4], EPOCHS)).threads(2);
        study.add(arm("few", 1)).add(arm("many", draws).standardised())
    };
    let start = |study: &Study<'_>, folder: &Path, events: u64| {
        let (left, advanced) = (AtomicU64::new(events), AtomicU64::new(0));
        let observer = |event: Event<'_>| {
            if let Event::Advanced { stage: "training", amount } = event {
                advanced.fetch_add(amount, Ordering::Relaxed);
                if left.fetch_sub(1, Ordering::Relaxed) <= 1 {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        };
        let checkpoints = Checkpoints::new(folder, "p").every(Duration::ZERO);
        let session = Session::resumable(Progress::new(&observer), checkpoints, "draws").unwrap();
        let outcome = match study.run_in(&session, |_| Ok(())) {
            Ok(outcome) => Some(outcome),
            Err(Error::Stopped { .. }) => None,
            Err(error) => panic!("{error}"),
        };
        (outcome, advanced.into_inner())
    };
    let expected = run(&study(3));
    for events in [1, 2, 5] {
        let dir = tempfile::tempdir().unwrap();
        let (mut advanced, mut starts) = (0, 0);
        let outcome = loop {
            let (outcome, updates) = start(&study(3), dir.path(), events);
            (advanced, starts) = (advanced + updates, starts + 1);
            if let Some(outcome) = outcome {
                break outcome;
            }
        };
        assert!(starts > 2 && advanced == UPDATES, "{starts} starts, {advanced} updates");
        assert_same(&outcome, &expected, &format!("stopped after {events}"));
    }
    // Checkpoints of another number of draws are not used.
    let dir = tempfile::tempdir().unwrap();
    assert!(start(&study(3), dir.path(), 9).0.is_none());
    let (outcome, _) = start(&study(2), dir.path(), u64::MAX);
    assert_same(&outcome.unwrap(), &run(&study(2)), "two draws");
}

#[test]
fn numbers_of_draws_that_cannot_be_compared_are_refused_before_anything_is_extracted() {
    let dataset = mini::load(MINI).unwrap();
    let (tiles, folder) = (Tiles::default(), tempfile::tempdir().unwrap());
    let cache = FeatureCache::new(folder.path());
    let source = source(&dataset, &tiles, &cache);
    for numbers in
        [vec![Draws::Number(0)], vec![Draws::Number(1); 2], vec![Draws::Number(1), Draws::Number(5)]]
    {
        let error = reproduction::draws(&source, Preset::Y2022, &numbers, comparing(&numbers), &silent());
        let error = error.err().unwrap();
        assert!(matches!(error, Error::Argument { operation: "comparing numbers of draws", .. }), "{error}");
    }
    assert_eq!(tiles.extracted.load(Ordering::Relaxed), 0);
}
