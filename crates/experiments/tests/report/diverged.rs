//! Whatever arms diverged, there is a page of what is left, in every kind of study; and what is written can be read again.

use std::cell::RefCell;

use mlprobe_experiments::curve::DataCurve;
use mlprobe_experiments::report::{Page, curve_markdown, growth_figure, learning_curves, markdown, summary};
use mlprobe_experiments::reproduction::questions;
use mlprobe_experiments::results::{Verdict, read_results};
use mlprobe_experiments::{
    About, Arm, Error, LabelledFeatures, Note, Progress, Protocol, Results, Session, Study,
};
use ndarray::Array2;

use crate::common::RESULTS;
use crate::page::check_tags;

const ARMS: [&str; 4] = ["unaugmented", "augmented", "duplicated", "unaugmented-lr0.01"];

/// Rows from `first` on, of three classes.
fn set(first: usize, rows: usize) -> LabelledFeatures {
    let features = Array2::from_shape_fn((rows, 4), |(i, j)| {
        let row = first + i;
        (if j == row % 3 { 1.0 } else { 0.0 }) + ((row * 31 + j * 17) % 1009) as f32 / 1009.0
    });
    LabelledFeatures::new(features, (first..first + rows).map(|row| (row % 3) as u16).collect()).unwrap()
}

/// The arms of the original report, of which those with a bit in `wild` diverge.
fn study<'a>(wild: usize) -> Study<'a> {
    let (train, test) = (set(0, 60), set(60, 40));
    let protocol = Protocol { batch_size: 20, hidden: vec![4], ..Protocol::new(vec![0, 1, 2], 4) };
    let study = Study::new(&test)
        .about(About::features("points", &["a", "b", "c"]))
        .protocol(protocol)
        .threads(1)
        .further_test("shifted", &set(100, 40));
    (0..4).fold(study, |study, i| {
        let rate = if wild >> i & 1 == 1 { 1e30 } else { 0.1 };
        let arm = Arm::new(ARMS[i], rate).with(&train);
        study.add(if i % 3 == 0 { arm } else { arm.with(&train) })
    })
}

fn reproduction<'a>(wild: usize) -> Study<'a> {
    let study = study(wild)
        .compare("all three", "augmented", "unaugmented")
        .compare("higher learning rate", "unaugmented-lr0.01", "unaugmented")
        .compare("more updates", "duplicated", "unaugmented-lr0.01")
        .compare("augmented images", "augmented", "duplicated")
        .separate_questions()
        .probe_neighbours("augmented", "unaugmented")
        .probe_logistic("augmented", "duplicated");
    questions().into_iter().fold(study, Study::ask)
}

/// As an ablation: each arm against one, and the answers are corrected together.
fn ablation<'a>(wild: usize) -> Study<'a> {
    let against = |study: Study<'a>, arm: &str| study.compare(arm, arm, "duplicated");
    ["unaugmented", "augmented", "unaugmented-lr0.01"].into_iter().fold(study(wild), against)
}

/// The last results that it handed over, and whether it ended with an error.
fn run(study: &Study<'_>) -> (Results, Option<Error>) {
    let last = RefCell::new(None);
    let ran = study.run_in(&Session::new(Progress::silent()), |so_far| {
        last.replace(Some(so_far.results.clone()));
        Ok(())
    });
    (last.into_inner().unwrap(), ran.err())
}

fn read_again(results: &Results) -> Results {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    std::fs::write(&path, serde_json::to_vec(results).unwrap()).unwrap();
    read_results(path).unwrap()
}

/// Everything that is made of results, one after the other; the Markdown.
fn rendered(results: &Results) -> String {
    assert_eq!(read_again(results), *results);
    summary(results).unwrap();
    learning_curves(results).unwrap();
    let page = Page { ablation: Some(results), ..Page::new(results) }.render().unwrap();
    check_tags(&page);
    let text = markdown(results).unwrap();
    for failed in &results.diverged {
        assert!(text.contains(&failed.arm) && page.contains(&failed.arm), "{}", failed.arm);
    }
    text
}

#[test]
fn there_is_a_page_whichever_arms_of_whichever_study_diverged() {
    type Case = (&'static str, fn(usize) -> Study<'static>, Vec<usize>);
    let table: [Case; 3] = [
        ("reproduction", reproduction, (1..16).collect()),
        ("ablation", ablation, vec![0b0001, 0b0100, 0b1101]),
        ("compare", study, vec![0b0001, 0b1110]),
    ];
    for (kind, study, subsets) in table {
        let whole = run(&study(0)).0;
        for wild in subsets {
            let what = format!("{kind}, {wild:04b}");
            let (results, error) = run(&study(wild));
            let left = (0..4).filter(|i| wild >> i & 1 == 0).map(|i| ARMS[i]);
            assert!(results.arms.iter().map(|arm| arm.name.as_str()).eq(left), "{what}");
            assert_eq!(
                (results.seeds_done, error.is_none()),
                if wild == 15 { (0, false) } else { (3, true) },
                "{what}"
            );
            assert!(results.diverged.len() >= wild.count_ones() as usize, "{what}");
            let text = rendered(&results);
            assert!(!text.contains("There is one arm") && !text.contains("No seed has"), "{what}: {text}");
            if wild != 15 && kind == "reproduction" {
                // A claim whose arms diverged is not answered by what is told beside it.
                let decided = wild & 0b11 == 0;
                assert_eq!(results.claims.len(), 3, "{what}");
                let undecided = |verdict| verdict == Verdict::Undecided;
                assert!(decided || results.claims.iter().all(|claim| undecided(claim.verdict)), "{what}");
                assert_eq!(text.contains("There is no answer, since"), !decided, "{what}");
            }
            let curve = DataCurve::of(&[whole.clone(), results.clone()]);
            growth_figure(&curve).unwrap();
            let table = curve_markdown(&curve).unwrap();
            for arm in &whole.answers {
                let (a, b) = (&arm.contrast.a, &arm.contrast.b);
                let both = [a, b].iter().all(|name| results.arm(name).is_some());
                let heading = format!("## {a} - {b}\n");
                if let Some((_, section)) = table.split_once(&heading) {
                    let section = section.split("##").next().unwrap();
                    assert_eq!(section.contains("an arm diverged"), !both, "{what}: {section}");
                }
            }
        }
    }
}

#[test]
fn a_baseline_that_diverges_is_left_out_and_named_and_the_others_stay() {
    let (results, error) = run(&study(0).baselines(&set(0, 60), 3e38));
    assert!(error.is_none());
    assert_eq!((results.baselines.len(), results.seeds_done), (2, 3));
    assert_eq!(results.diverged[0].arm, "logistic-regression");
    assert!(rendered(&results).contains("`logistic-regression` is left out."));
}

#[test]
fn numbers_as_large_as_32_bits_can_make_them_are_read_again_and_drawn() {
    for size in [1e15, 1e20, 3.4e38, 6.8e38] {
        let mut results = RESULTS.clone();
        for (i, arm) in results.arms.iter_mut().enumerate() {
            for run in &mut arm.runs {
                for (j, entry) in run.history.iter_mut().enumerate() {
                    entry.train_loss = size / (1 + i + j) as f64;
                    entry.original_loss = entry.train_loss;
                    entry.test_loss = size / (1 + i * j) as f64;
                }
            }
            for reading in &mut arm.readings {
                let gap = &mut reading.loss_gap;
                (gap.mean, gap.std, gap.min, gap.max) = (size, Some(size), -size, 2.0 * size);
            }
        }
        let text = rendered(&results);
        assert!(!text.contains("000000000000"), "{text}");
    }
}

#[test]
fn models_that_learned_nothing_are_undecided_and_it_is_said_why() {
    // One step of this size takes every hidden unit below 0 on all rows: both always name one class.
    let (train, test) = (set(0, 60), set(60, 900));
    let protocol = Protocol { batch_size: 20, hidden: vec![4], ..Protocol::new(vec![0, 1, 2], 4) };
    let pair = |rate| {
        let study = Study::new(&test).protocol(protocol.clone()).threads(1).margin(0.05);
        let twin = |name: &str| Arm::new(name, rate).with(&train);
        run(&study.add(twin("a")).add(twin("b")).probe_logistic("b", "a")).0
    };
    let nothing = pair(200.0);
    let answer = &nothing.answers[0];
    assert_eq!(serde_json::to_value(answer.answer).unwrap(), "undecided");
    assert_eq!(answer.not_above_chance, ["b", "a"]);
    let at_chance = |results: &Results| {
        results.notes.iter().filter(|note| matches!(note.note, Note::NotAboveChance { .. })).count()
    };
    assert_eq!(at_chance(&nothing), 2);
    let said = summary(&nothing).unwrap().replace("\n  ", " ");
    assert!(
        said.contains("It is undecided whether b or a") && said.contains("b and a are not shown"),
        "{said}"
    );
    assert!(rendered(&nothing).contains("not shown to be above the 33.33 % of always naming"));
    // Twins that learned are equivalent, as before.
    let something = pair(0.3);
    assert_eq!(serde_json::to_value(something.answers[0].answer).unwrap(), "equivalent");
    assert_eq!((at_chance(&something), something.answers[0].not_above_chance.len()), (0, 0));
}
