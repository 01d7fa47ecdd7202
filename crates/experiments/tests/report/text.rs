//! The report in Markdown and in a few lines for a terminal.

use mlprobe_experiments::report::{markdown, summary};
use mlprobe_experiments::results::{ArmNote, FileInfo};
use mlprobe_experiments::{LabelledFeatures, Note, Study};
use ndarray::Array2;

use crate::common::{RESULTS, results};

/// What Markdown or HTML would take for its own, and a line break.
const ODD: &str = "a*b`c<i>|d\ne_[f](g)&amp;\\";

#[test]
fn names_from_outside_are_escaped() {
    let mut odd = RESULTS.clone();
    let classes = &mut odd.about.dataset.classes;
    classes.iter_mut().enumerate().for_each(|(k, class)| *class = format!("{ODD}{k}"));
    odd.about.dataset.name = ODD.into();
    let note = Note::MissingClasses { classes: vec![ODD.into()] };
    odd.notes.push(ArmNote { arm: "fast".into(), seeds: vec![0], note });
    odd.about.files.push(FileInfo {
        arm: None,
        file: ODD.into(),
        rows: 1,
        sha256: vec!["00".into()],
        test_rows: 0,
    });
    let (plain, report) = (markdown(&RESULTS).unwrap(), markdown(&odd).unwrap());

    let escaped = r"a\*b\`c\<i\>\|d e\_\[f\](g)\&amp;\\";
    for k in 0..10 {
        assert!(report.contains(&format!("| {escaped}{k} |")), "class {k} in {report}");
    }
    for part in ["image of ", "Data: ", "Test set: "].map(|before| format!("{before}{escaped}")) {
        assert!(report.contains(&part), "{part} is not in {report}");
    }
    assert!(!report.contains("<i>") && !report.contains("a*b"), "{report}");
    // A name breaks neither line nor table: each table has as many rows, each row as many cells.
    let cells = |text: &str| -> Vec<usize> {
        let rows = text.lines().filter(|line| line.starts_with('|'));
        rows.map(|row| row.replace(r"\\", "").replace(r"\|", "").matches('|').count()).collect()
    };
    assert_eq!(cells(&report), cells(&plain));
}

#[test]
fn every_table_has_as_many_cells_in_each_row() {
    for results in [RESULTS.clone(), results(1)] {
        let report = markdown(&results).unwrap();
        let mut width = None;
        for line in report.lines() {
            let cells = line.starts_with('|').then(|| line.matches('|').count());
            if let (Some(before), Some(now)) = (width, cells) {
                assert_eq!(before, now, "{line}");
            }
            width = cells;
        }
    }
}

/// What a template leaves where a condition or a plural went wrong.
fn check_words(text: &str) {
    let slips = ["none", "undefined", " .", " ,", "..", "1 seeds", "1 epochs", "  (", "( ", " )", "{{", "{%"];
    let prose = text.lines().filter(|line| !line.starts_with("    ") && !line.starts_with('|'));
    for line in prose.map(|line| line.trim_start()) {
        for slip in slips {
            assert!(!line.contains(slip), "{slip:?} in {line:?}");
        }
    }
}

#[test]
fn sentences_are_whole() {
    let one_epoch = {
        let set = |n: usize| {
            // Every set has rows of its own.
            let features =
                Array2::from_shape_fn((n, 2), |(i, j)| ((i * 7 + j * 3) % 13) as f32 + n as f32 / 100.0);
            LabelledFeatures::new(features, (0..n).map(|i| (i % 2) as u16).collect()).unwrap()
        };
        Study::new(&set(20))
            .arm("few", &set(10))
            .arm("many", &set(30))
            .seeds(1)
            .epochs(1)
            .run()
            .unwrap()
            .results
    };
    let mut unfinished = RESULTS.clone();
    unfinished.settings.protocol.seeds.push(9);
    for results in [RESULTS.clone(), results(1), one_epoch, unfinished] {
        let (report, summary) = (markdown(&results).unwrap(), summary(&results).unwrap());
        check_words(&report);
        check_words(&summary);
        assert!(!report.contains("\n\n\n"), "empty lines in {report}");
        assert!(!summary.contains("\n\n\n"), "empty lines in {summary}");
        assert!(report.ends_with('\n') && !report.ends_with("\n\n"));
        assert!(report.lines().all(|line| line == line.trim_end()), "spaces at the end of a line");
    }
}

#[test]
fn the_summary_tells_every_arm_every_verdict_and_the_answer() {
    let summary = summary(&RESULTS).unwrap();
    for arm in &RESULTS.arms {
        let line = summary.lines().find(|line| line.split_whitespace().next() == Some(&arm.name)).unwrap();
        for reading in &arm.readings {
            assert!(line.contains(&format!("{:.2} ± ", 100.0 * reading.test_accuracy.mean)), "{line}");
        }
    }
    for claim in &RESULTS.claims {
        let line = summary.lines().find(|line| line.trim_start().starts_with(&claim.id)).unwrap();
        let verdict = serde_json::to_value(claim.verdict).unwrap();
        assert!(line.ends_with(&format!(": {}.", verdict.as_str().unwrap())), "{line}");
    }
    assert!(summary.contains("With as many updates at the same learning rate,"), "{summary}");
    assert!(summary.contains("do not compare those of cifar10-mini with them"), "{summary}");
}
