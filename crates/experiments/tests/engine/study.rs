//! A study as its users meet it: the same bits for any number of threads, whole after every seed.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use mlprobe_experiments::reproduction::questions;
use mlprobe_experiments::results::{Comparison, Measure, Question, read_results};
use mlprobe_experiments::{
    About, Arm, Error, Event, LabelledFeatures, Outcome, Progress, Protocol, RunFolder, Session,
    Standardisation, Study, reanalyse,
};
use mlprobe_features::arrays::write_npz;
use mlprobe_stats::holm;
use ndarray::Array2;
use ndarray_npy::{read_npy, write_npy};
use sha2::{Digest, Sha256};

use crate::common::{DIM, assert_same, copies, protocol, run, set};

fn study<'a>(epochs: usize, seeds: u64) -> Study<'a> {
    let (original, test) = (set(60, 0), set(90, 1));
    let study = Study::new(&test)
        .about(About::features("clusters", &["a", "b", "c"]))
        .protocol(protocol(0..seeds, epochs))
        .add(Arm::new("unaugmented", 0.08).with(&original))
        .add(Arm::new("augmented", 0.1).with(&original).with_seeded(copies()))
        .add(Arm::new("duplicated", 0.1).with(&original).with(&original))
        .further_test("shifted", &set(90, 9));
    questions().into_iter().fold(study, Study::ask)
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let one = run(&study(12, 4).threads(1));
    for threads in [2, 4, 16] {
        let other = run(&study(12, 4).threads(threads));
        assert_same(&other, &one, &format!("{threads} threads"));
    }
}

#[test]
fn runs_are_paired_by_seed_and_differ_between_seeds() {
    let outcome = run(&study(3, 2));
    for arm in &outcome.results.arms {
        assert_eq!(arm.runs.iter().map(|run| run.seed).collect::<Vec<_>>(), [0, 1], "{}", arm.name);
        assert_ne!(arm.runs[0].history, arm.runs[1].history, "{}", arm.name);
    }
}

#[test]
fn every_metric_is_recorded_at_half_and_at_the_last_epoch() {
    let outcome = run(&study(24, 1));
    let unaugmented = outcome.results.arm("unaugmented").unwrap();
    let augmented = outcome.results.arm("augmented").unwrap();
    let history = &unaugmented.runs[0].history;
    assert_eq!(
        history.iter().map(|entry| entry.epoch).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 20, 24]
    );
    assert_eq!(history.iter().map(|entry| entry.updates).take(3).collect::<Vec<_>>(), [6, 12, 18]);
    assert_eq!(unaugmented.readings.iter().map(|reading| reading.epoch).collect::<Vec<_>>(), [12, 24]);
    // Half of the augmented epochs are as many updates as all of the unaugmented ones.
    assert_eq!(augmented.readings[0].updates, unaugmented.readings[1].updates);
    assert!(history.windows(2).all(|pair| pair[0].seconds <= pair[1].seconds));
    let last = history.last().unwrap();
    assert_eq!((last.test_accuracy, last.train_accuracy), {
        let run = &unaugmented.runs[0];
        (run.test_accuracy, run.train_accuracy)
    });
}

#[test]
fn an_arm_is_scored_on_its_own_training_set_and_on_the_originals() {
    let outcome = run(&study(10, 1));
    let last = |arm: &str| outcome.results.arm(arm).unwrap().runs[0].history.last().unwrap().clone();
    let (unaugmented, duplicated, augmented) = (last("unaugmented"), last("duplicated"), last("augmented"));
    assert_eq!(unaugmented.train_loss, unaugmented.original_loss);
    // Twice the same rows have the same mean; (a + a) / 2 is exact.
    assert_eq!(duplicated.train_accuracy, duplicated.original_accuracy);
    assert_ne!(augmented.train_loss, augmented.original_loss);
}

#[test]
fn a_study_stopped_after_its_first_seed_leaves_a_whole_report() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path().join("run")).unwrap();
    let stop = |event: Event<'_>| match event {
        Event::SeedFinished { done: 1, .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let error = study(12, 3)
        .threads(1) // more would be at work on the next seeds, and finish them
        .run_in(&Session::new(Progress::new(&stop)), |so_far| folder.save(so_far))
        .err()
        .expect("the study was asked to stop");
    assert!(matches!(error, Error::Stopped { done: 1, planned: 3 }), "{error}");

    let results = read_results(folder.path().join("results.json")).unwrap();
    assert_eq!(
        (results.seeds_done, results.settings.protocol.seeds.len(), results.is_whole()),
        (1, 3, false)
    );
    assert!(results.arms.iter().all(|arm| arm.runs.len() == 1));
    let report = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(report.contains("Not finished: 1 of 3 seeds"), "{report}");
    assert!(report.contains("## The claims") && report.contains("## Time"), "{report}");
}

#[test]
fn a_reanalysis_from_what_a_run_kept_gives_the_record_again() {
    let gap = Question { measure: Measure::OwnGap, ..Question::accuracy("augmented", "unaugmented") };
    let asked = |study: Study<'static>| {
        study
            .probe_neighbours("augmented", "unaugmented")
            .probe_logistic("augmented", "duplicated")
            .compare("all", "augmented", "unaugmented")
            .compare("images", "augmented", "duplicated")
            .ask(gap.clone())
    };
    for (name, study) in
        [("fixed", asked(study(6, 3))), ("until decided", asked(study(6, 3).until_decided(4)))]
    {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(dir.path()).unwrap();
        let outcome = study.run_in(&silent(), |so_far| folder.save(so_far)).unwrap();
        let record = std::fs::read(dir.path().join("results.json")).unwrap();
        let again = reanalyse(&folder).unwrap();
        assert!(again == outcome.results, "{name}");
        assert!(
            again.answers.iter().any(|answer| answer.contrast == gap) && again.probes.len() == 2,
            "{name}"
        );
        assert_eq!(std::fs::read(dir.path().join("results.json")).unwrap(), record, "{name}");

        let predictions = dir.path().join("predictions/augmented-seed1-epoch3-classes.npy");
        let mut bytes = std::fs::read(&predictions).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&predictions, bytes).unwrap();
        let error = reanalyse(&folder).unwrap_err().to_string();
        assert!(error.contains("augmented-seed1-epoch3-classes.npy missing or changed"), "{error}");
    }
}

#[test]
fn a_resumed_run_leaves_a_record_of_more_seeds_until_it_has_as_many() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path()).unwrap();
    let saved_after = |seeds: usize, epochs: usize| {
        study(epochs, 3)
            .run_in(&silent(), |so_far| match so_far.results.seeds_done <= seeds {
                true => folder.save(so_far),
                false => Ok(()),
            })
            .unwrap();
        let results = read_results(dir.path().join("results.json")).unwrap();
        (results.seeds_done, results.epochs())
    };
    assert_eq!(saved_after(2, 4), (2, 4));
    assert_eq!(saved_after(1, 4), (2, 4));
    assert_eq!(saved_after(3, 4), (3, 4));
    assert_eq!(saved_after(1, 5), (1, 5), "of other settings");
}

#[test]
fn the_run_folder_holds_what_it_promises() {
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path()).unwrap();
    let outcome = study(6, 2).run_in(&silent(), |so_far| folder.save(so_far)).unwrap();

    for (arm, runs) in outcome.results.arms.iter().zip(&outcome.runs) {
        for run in runs {
            let name = format!("{}-seed{}", arm.name, run.record.seed);
            let at = |folder: &str, rest: &str| dir.path().join(folder).join(format!("{name}{rest}"));
            let model = mlprobe_nn::Mlp::<f32>::load(at("models", ".safetensors")).unwrap();
            assert_eq!(model, run.model, "{name}");
            assert_eq!(run.tested.iter().map(|tested| tested.epoch).collect::<Vec<_>>(), [3, 6]);
            for tested in &run.tested {
                let file = at("predictions", &format!("-epoch{}.npy", tested.epoch));
                assert_eq!(read_npy::<_, Array2<f32>>(file).unwrap(), tested.probabilities, "{name}");
            }
            let predictions: ndarray::Array1<u16> = read_npy(at("predictions", ".npy")).unwrap();
            let right = predictions.iter().zip(set(90, 1).labels()).filter(|(a, b)| a == b).count();
            assert_eq!(right as f64 / 90.0, run.record.test_accuracy, "{name}");
        }
    }
    assert_eq!(read_results(dir.path().join("results.json")).unwrap(), outcome.results);
    let report = std::fs::read_to_string(dir.path().join("report.md")).unwrap();
    assert!(!report.contains("Not finished"), "{report}");
    assert!(report.contains("90 test examples"), "{report}");
    let svg = std::fs::read_to_string(dir.path().join("learning-curves.svg")).unwrap();
    for text in ["Epoch", "Accuracy (%)", "unaugmented", "augmented", "duplicated"] {
        assert!(svg.contains(text), "{text}");
    }
    let sums = std::fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap();
    // The record and the labels; of 3 arms and 2 seeds a model, and after two epochs probabilities and classes.
    assert_eq!(sums.lines().count(), 2 + 3 * 2 * 5);
    for line in sums.lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        let bytes = std::fs::read(dir.path().join(name)).unwrap();
        let expected: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected, "{name}");
    }
    assert_only_whole_files(dir.path());
}

/// Nothing half-written is left beside the files.
fn assert_only_whole_files(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_only_whole_files(&path);
        } else {
            let extension = path.extension().and_then(|extension| extension.to_str());
            let known = ["json", "md", "svg", "npy", "safetensors"].map(Some).contains(&extension);
            assert!(known || path.ends_with("SHA256SUMS") || path.ends_with(".lock"), "{path:?}");
        }
    }
}

#[test]
fn progress_adds_up_to_what_was_announced() {
    let counts = Mutex::new((0, 0, 0, 0));
    let observer = |event: Event<'_>| {
        let mut counts = counts.lock().unwrap();
        match event {
            Event::StageStarted { stage: "training", total, .. } => counts.0 = total,
            Event::Advanced { stage: "training", amount } => counts.1 += amount,
            Event::RunFinished { .. } => counts.2 += 1,
            Event::SeedFinished { .. } => counts.3 += 1,
            _ => {}
        }
        ControlFlow::Continue(())
    };
    study(5, 2).run_in(&Session::new(Progress::new(&observer)), |_| Ok(())).unwrap();
    // 5 epochs of 6 + 12 + 12 updates for each of 2 seeds.
    assert_eq!(*counts.lock().unwrap(), (300, 300, 6, 2));
}

#[test]
fn an_error_in_one_run_ends_the_study_and_names_the_run() {
    let error = Study::new(&set(9, 1))
        .about(About::features("clusters", &["a", "b", "c"]))
        .protocol(protocol([7], 5))
        .add(Arm::new("wild", 1e30).with(&set(60, 0)))
        .run()
        .err()
        .expect("the loss is not finite");
    let message = error.to_string();
    assert!(message.starts_with("training arm `wild` with seed 7: training diverged"), "{message}");
}

#[test]
fn an_error_after_a_seed_is_passed_on() {
    let full = |_: &Outcome| {
        Err(Error::Argument {
            operation: "saving",
            expected: "room".into(),
            actual: "none".into(),
            next: "make some",
        })
    };
    let error = study(3, 2).run_in(&silent(), full).err().expect("saving failed");
    assert!(error.to_string().starts_with("saving: expected room"), "{error}");
}

#[test]
fn a_plan_that_cannot_work_is_refused_before_anything_runs() {
    let arm = |name: &str| Arm::new(name, 0.1).with(&set(6, 0));
    let new = || Study::new(&set(9, 1)).about(About::features("clusters", &["a", "b", "c"]));
    let narrow = LabelledFeatures::new(Array2::zeros((2, DIM - 1)), vec![0, 1]).unwrap();
    let fourth = LabelledFeatures::new(Array2::zeros((2, DIM)), vec![0, 3]).unwrap();
    let table = [
        (new(), "0 arms"),
        (new().add(arm("a")).add(arm("a")), "2 arms with 1 names"),
        (new().add(arm("a")).add(arm("A")), "2 arms with 1 names"),
        (new().add(arm("../a")), "\"../a\""),
        (new().add(Arm::new("a", 0.1)), "none in arm `a`"),
        (new().add(arm("a")).compare("nothing", "a", "b"), "\"b\""),
        (
            new().add(arm("a")).add(Arm::new("b", 0.1).with(&narrow)),
            "expected 6 features per row, as in the test set, got 5 in arm `b`",
        ),
        (
            new().add(Arm::new("a", 0.1).with(&set(6, 0)).with(&fourth)),
            "expected labels 0 to 2, for 3 classes, got 3 in row 1 of arm `a`",
        ),
        (new().add(arm("a")).further_test("odd", &fourth), "got 3 in row 1 of test set `odd`"),
        (new().add(arm("a")).baselines(&narrow, 0.1), "got 5 in the baselines' training set"),
        (new().protocol(Protocol { epochs: 0, ..Protocol::default() }).add(arm("a")), "0 epochs"),
        (new().protocol(Protocol { report_at: vec![400], ..Protocol::default() }).add(arm("a")), "[400]"),
    ];
    for (study, part) in table {
        let started = Progress::new(&|event| unreachable!("{event:?}"));
        let error = study.run_in(&Session::new(started), |_| Ok(())).err().expect(part);
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn an_arm_may_not_be_compared_with_one_that_is_asked_for_but_missing() {
    let study = Study::new(&set(9, 1)).arm("a", &set(6, 0)).arm("b", &set(6, 1)).seeds(1).epochs(1);
    let question = questions().remove(0); // of augmented and unaugmented
    let error = study.ask(question).run().err().expect("no such arms").to_string();
    assert!(error.contains("names of the study's arms"), "{error}");
}

/// One standardised arm, trained on raw features.
fn standardised() -> Study<'static> {
    Study::new(&set(90, 1))
        .protocol(protocol([0], 10))
        .add(Arm::new("scaled", 0.1).with(&set(60, 0)).standardised())
}

#[test]
fn models_of_standardised_features_take_them_as_they_were() {
    let raw_test = set(90, 1);
    let outcome = run(&standardised());
    let run = &outcome.runs[0][0];
    let probabilities = run.model.probabilities(raw_test.features()).unwrap();
    let said = &run.tested.last().unwrap().probabilities;
    // Features are below 2, deviations above 0.25, so terms of the first layer below 10: some 2^-24 * 10 * D off, which the
    // second layer of 8 takes times 8 at most.
    let off = (&probabilities - said).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
    assert!(off < 3e-5, "{off}");
    assert!(run.record.test_accuracy > 0.6, "{}", run.record.test_accuracy);
}

#[test]
fn a_standardised_arm_is_the_arm_of_standardised_sets() {
    let standardisation = Standardisation::fit(set(60, 0).features());
    let scaled = |set: LabelledFeatures| {
        LabelledFeatures::new(standardisation.apply(set.features()), set.labels().to_vec()).unwrap()
    };
    let by_hand = Study::new(&scaled(set(90, 1)))
        .protocol(protocol([0], 10))
        .add(Arm::new("scaled", 0.1).with(&scaled(set(60, 0))));
    let (outcome, expected) = (run(&standardised()), run(&by_hand));
    assert_eq!(outcome.runs[0][0].tested, expected.runs[0][0].tested);
    // The baselines see standardised features too, whether they are asked for before the arm or after it.
    let [before, after] = [true, false].map(|is_first| {
        let study = Study::new(&set(90, 1)).protocol(protocol([0], 10));
        let arm = Arm::new("scaled", 0.1).with(&set(60, 0)).standardised();
        let study = match is_first {
            true => study.baselines(&set(60, 0), 0.1).add(arm),
            false => study.add(arm).baselines(&set(60, 0), 0.1),
        };
        run(&study).results.baselines
    });
    let expected = run(&by_hand.baselines(&scaled(set(60, 0)), 0.1)).results.baselines;
    assert_eq!((&before, &after), (&expected, &expected));
}

#[test]
fn any_epochs_to_report_at_are_read_compared_and_kept() {
    let report_at = vec![2, 5, 8];
    let dir = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(dir.path()).unwrap();
    let study = study(8, 2).protocol(Protocol { report_at: report_at.clone(), ..protocol(0..2, 8) });
    let outcome = study.run_in(&silent(), |so_far| folder.save(so_far)).unwrap();
    for (arm, runs) in outcome.results.arms.iter().zip(&outcome.runs) {
        assert_eq!(arm.readings.iter().map(|reading| reading.epoch).collect::<Vec<_>>(), report_at);
        for run in runs {
            for (tested, epoch) in run.tested.iter().zip(&report_at) {
                let name = format!("predictions/{}-seed{}-epoch{epoch}.npy", arm.name, run.record.seed);
                let kept: Array2<f32> = read_npy(dir.path().join(name)).unwrap();
                assert_eq!((tested.epoch, &kept), (*epoch, &tested.probabilities));
                // The network that is kept at an epoch is the one that was scored there.
                let right = tested.predicted.iter().zip(set(90, 1).labels()).filter(|(a, b)| a == b).count();
                assert_eq!(right as f64 / 90.0, run.record.at(*epoch).unwrap().test_accuracy);
            }
            assert_eq!(run.tested.len(), 3);
        }
    }
    let same_epoch = |c: &&Comparison| c.a_epoch == c.b_epoch;
    let epochs: Vec<_> = outcome.results.comparisons.iter().filter(same_epoch).map(|c| c.a_epoch).collect();
    assert_eq!(epochs, [2, 5, 8, 2, 5, 8]);
    assert_eq!(folder.first_damaged(), None);
    let report = std::fs::read_to_string(dir.path().join("report.md")).unwrap();
    for reading in &outcome.results.arm("duplicated").unwrap().readings {
        let row = format!("| duplicated | 120 | 0.1 | {} | ", reading.epoch);
        assert!(report.contains(&row), "{row} is not in {report}");
    }
    let summary = outcome.summary();
    let head = summary.lines().find(|line| line.trim_start().starts_with("arm")).unwrap();
    assert_eq!(
        head.split_whitespace().collect::<Vec<_>>(),
        ["arm", "2", "epochs", "5", "epochs", "8", "epochs"]
    );
}

#[test]
fn comparisons_that_answer_one_question_are_corrected_epoch_by_epoch() {
    let study = || {
        let study = Study::new(&set(90, 9)).protocol(protocol(0..4, 6)).learning_rate(0.05);
        (0..4).fold(study, |study, shift| study.arm(&format!("arm-{shift}"), &set(60, shift)))
    };
    let comparisons = run(&study()).results.comparisons;
    assert_eq!(comparisons.len(), 2 * 3);
    for epoch in [3, 6] {
        let family: Vec<_> = comparisons.iter().filter(|comparison| comparison.is_at(epoch)).collect();
        let p_values: Vec<f64> = family.iter().map(|comparison| comparison.paired.unwrap().p_value).collect();
        let adjusted: Vec<f64> = family.iter().map(|comparison| comparison.adjusted.unwrap()).collect();
        assert_eq!(adjusted, holm(&p_values).unwrap(), "epoch {epoch}");
        assert_ne!(adjusted, p_values, "a correction changes something");
    }
    let separate = run(&study().separate_questions()).results.comparisons;
    assert!(separate.iter().all(|comparison| comparison.adjusted.is_none()));
}

#[test]
fn a_set_is_read_from_one_file_or_from_two() {
    let folder = tempfile::tempdir().unwrap();
    let (pair, features, labels) =
        (folder.path().join("set.npz"), folder.path().join("x.npy"), folder.path().join("y.npy"));
    let set = set(12, 3);
    let wide: Vec<u16> = set.labels().to_vec();
    write_npz(&pair, set.features(), &wide).unwrap();
    write_npy(&features, &set.features()).unwrap();
    write_npy(&labels, &ndarray::aview1(set.labels())).unwrap();
    for read in [LabelledFeatures::read(&pair), LabelledFeatures::read_pair(&features, &labels)] {
        let read = read.unwrap();
        assert_eq!((read.features(), read.labels()), (set.features(), set.labels()));
    }
    let error = LabelledFeatures::read(folder.path().join("none.npz")).unwrap_err().to_string();
    assert!(error.starts_with("reading /") && error.contains("none.npz"), "{error}");
}

fn silent() -> Session<'static> {
    Session::new(Progress::silent())
}
