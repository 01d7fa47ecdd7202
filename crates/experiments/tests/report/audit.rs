//! The page of an audit: few findings or many, with images or without, before the verdicts and after.

use mlprobe_audit::{Audit, Crossing, OneSided, Pair, Suspect};
use mlprobe_data::Dataset;
use mlprobe_experiments::report::AuditPage;
use mlprobe_experiments::results::Decision;
use mlprobe_experiments::{About, AuditRecord, Verdicts};

use crate::common::{DATASET, RESULTS};
use crate::page::check_tags;

/// So many pairs and doubtful labels of the mini set, the surest first, and a group on both sides.
fn audit(findings: usize) -> Audit {
    let similarity = |i: usize| 1.0 - i as f64 / 200.0;
    Audit {
        train_rows: 2000,
        test_rows: 1000,
        threshold: 0.45,
        duplicates: (0..findings)
            .map(|i| Pair { test: i, train: 2 * i, similarity: similarity(i) })
            .collect(),
        suspects: (0..findings)
            .map(|row| Suspect {
                row,
                given: DATASET.train.labels[row],
                suggested: 3,
                confidence: similarity(row),
            })
            .collect(),
        crossings: vec![Crossing { group: "<b>one</b>".into(), train: vec![4], test: vec![5, 900] }],
        single: vec![2],
        one_sided: OneSided { train_only: vec![1], ..OneSided::default() },
        ..Audit::default()
    }
}

fn record(findings: usize, dataset: Option<&Dataset>) -> AuditRecord {
    AuditRecord::new(audit(findings), RESULTS.about.clone(), dataset)
}

#[test]
fn the_page_has_few_pictures_however_many_findings_there_are() {
    let record = record(900, Some(&DATASET));
    let page = AuditPage { record: &record, dataset: Some(&DATASET), command: None }.render().unwrap();
    check_tags(&page);
    // 24 pairs, 48 labels, and a pair of the group.
    assert_eq!(page.matches("<img ").count(), 48 + 48 + 2);
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    assert!(page.contains(
        "900 test images of 1,000 are copies of a training image, or merely similar to one. 41 of them have"
    ));
    // 2 % of 2,000 labels, similarities down to 0.8, and one more test image of the group.
    assert_eq!((record.left_out.train.len(), record.left_out.test.len()), (40, 42));
    assert!(page.contains("42 test images and 40 training images"));
    assert!(page.contains("&lt;b&gt;one&lt;&#x2f;b&gt;") && !page.contains("<b>one"), "escaped");
    assert!(page.contains("1 class has no test image, so nothing measures it: automobile"));
    assert!(page.contains("1 class has a single training image, whose label cannot be judged: bird."));
}

#[test]
fn the_answers_stand_side_by_side_and_those_that_change_are_counted() {
    let mut record = record(3, Some(&DATASET));
    record.with_all = Some(Verdicts::of(&RESULTS));
    record.without = record.with_all.clone();
    let render = |record: &AuditRecord| {
        let page = AuditPage {
            record,
            dataset: Some(&DATASET),
            command: Some("mlprobe reproduce --without a.json"),
        };
        [page.render().unwrap(), page.markdown().unwrap(), page.summary().unwrap()]
    };
    for text in render(&record) {
        assert!(
            text.contains("Without 5 test images and 3 training images, every answer stays the same."),
            "{text}"
        );
        assert!(text.contains("accuracy: augmented − unaugmented"), "{text}");
    }
    let answer = &mut record.without.as_mut().unwrap().answers[0];
    answer.answer = if answer.answer == Decision::Better { Decision::Worse } else { Decision::Better };
    let [page, text, said] = render(&record);
    check_tags(&page);
    assert!(page.contains("Differences with their 95 % intervals, from 3 seeds"));
    for text in [&page, &text, &said] {
        assert!(text.contains("1 of 7 answers changes."), "{text}");
    }
    assert!(page.contains("<tr class=\"strong\">") && page.contains("mlprobe reproduce --without a.json"));
    assert!(text.contains("```console\n$ mlprobe reproduce --without a.json\n```"));
}

#[test]
fn without_images_findings_are_rows_and_without_findings_the_page_says_so() {
    let about = || About::features("rows", &["cat", "dog", "owl", "fox"]);
    let record = AuditRecord::new(Audit { crossings: vec![], ..audit(3) }, about(), None);
    let page = AuditPage { record: &record, dataset: None, command: Some("mlprobe compare a b") };
    let (html, text) = (page.render().unwrap(), page.markdown().unwrap());
    check_tags(&html);
    assert!(!html.contains("<img ") && html.contains("<th scope=\"row\">training row 2</th>"), "{html}");
    assert!(text.contains("| 0.995 | test row 1 | training row 2 | left out |"), "{text}");

    let clean = Audit { train_rows: 9, test_rows: 5, threshold: 0.45, ..Audit::default() };
    let record = AuditRecord::new(clean, about(), None);
    let page = AuditPage { record: &record, dataset: None, command: None };
    check_tags(&page.render().unwrap());
    for text in [page.render().unwrap(), page.markdown().unwrap(), page.summary().unwrap()] {
        assert!(text.contains("The surest findings leave nothing out."), "{text}");
        assert!(text.contains("Every class has training and test rows."), "{text}");
    }
}

#[test]
fn a_record_is_read_as_it_was_written_and_other_images_are_refused() {
    let record = record(3, Some(&DATASET));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.json");
    std::fs::write(&path, serde_json::to_string(&record).unwrap()).unwrap();
    assert_eq!(AuditRecord::read(&path).unwrap(), record);
    std::fs::write(&path, "{}").unwrap();
    let error = AuditRecord::read(&path).unwrap_err().to_string();
    assert!(error.contains("expected what `audit` writes") && error.contains("audit.json"), "{error}");
}
