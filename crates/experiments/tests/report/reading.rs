//! Results of schema 2 are read, and say the same.

use std::fs;
use std::path::Path;

use mlprobe_experiments::report::{Page, learning_curves, markdown, summary};
use mlprobe_experiments::results::{Classifier, SCHEMA, read_results};
use mlprobe_experiments::settings::Compared;
use mlprobe_experiments::{Error, Note, Results};
use serde_json::{Value, json};

/// As version 0.1.0 wrote it: the study on Fashion-MNIST of docs/results.
const SCHEMA_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/report/schema-2.json");

fn record() -> Value {
    serde_json::from_slice(&fs::read(SCHEMA_2).unwrap()).unwrap()
}

fn read(value: &Value) -> Result<Results, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    fs::write(&path, serde_json::to_vec(value).unwrap()).unwrap();
    read_results(path)
}

#[test]
fn a_record_of_schema_2_is_read_and_rendered() {
    let (old, results) = (record(), read_results(SCHEMA_2).unwrap());
    assert_eq!((old["schema"].as_u64(), results.schema), (Some(2), SCHEMA));
    let protocol = &results.settings.protocol;
    assert_eq!(json!(protocol.seeds), old["protocol"]["seeds"]);
    assert_eq!((protocol.epochs, &protocol.report_at[..]), (200, &[100, 200][..]));
    assert_eq!(results.settings.compared, Compared::Given);
    assert!(results.settings.command().is_none());
    assert!(results.is_whole());

    // Every number of arms and comparisons stays what it was.
    assert_eq!(results.arms.len(), old["arms"].as_array().unwrap().len());
    for (arm, old) in results.arms.iter().zip(old["arms"].as_array().unwrap()) {
        assert_eq!(json!(arm.name), old["name"]);
        for (reading, old) in arm.readings.iter().zip(old["readings"].as_array().unwrap()) {
            assert_eq!(json!(reading.test_accuracy.mean), old["test_accuracy"]["mean"]);
        }
    }
    for (comparison, old) in results.comparisons.iter().zip(old["comparisons"].as_array().unwrap()) {
        assert_eq!(json!(comparison.mean), old["mean"]);
    }
    // Probes were not asked then.
    assert!(results.probes.is_empty());
    // So do the baselines, under their names.
    let old_baselines = old["baselines"].as_array().unwrap();
    assert_eq!(results.baselines.len(), old_baselines.len());
    for (baseline, old) in results.baselines.iter().zip(old_baselines) {
        assert_eq!(json!(baseline.test_accuracy.mean), old["test_accuracy"]);
        assert_eq!((baseline.test_accuracy.n, baseline.test_accuracy.std), (1, None));
        let name = old["name"].as_str().unwrap().to_owned();
        assert_eq!(baseline.classifier, Classifier::Named { name });
    }

    let report = markdown(&results).unwrap();
    let page = Page::new(&results).render().unwrap();
    for baseline in old_baselines {
        let name = baseline["name"].as_str().unwrap();
        assert!(report.contains(&format!("| {name} |")) && page.contains(name), "{name}");
    }
    assert!(page.starts_with("<!doctype html>") && !summary(&results).unwrap().is_empty());
    assert!(!report.contains("## Probes") && !page.contains("id=\"probes\""));
    assert!(learning_curves(&results).unwrap().contains("unaugmented"));
}

#[test]
fn notes_of_schema_2_keep_their_words() {
    let mut old = record();
    old["notes"] = json!([{"arm": "augmented", "seeds": [0, 1], "text": "the network is dead"}]);
    let results = read(&old).unwrap();
    assert_eq!(results.notes.len(), 1);
    assert_eq!(results.notes[0].note, Note::Text { text: "the network is dead".into() });
    let report = markdown(&results).unwrap();
    assert!(report.contains("`augmented`, seeds 0, 1: The network is dead."), "{report}");
}

#[test]
fn a_record_of_schema_2_is_written_as_schema_3_and_read_back_the_same() {
    let results = read_results(SCHEMA_2).unwrap();
    let json = serde_json::to_value(&results).unwrap();
    assert_eq!(json["schema"], 3);
    assert_eq!(read(&json).unwrap(), results);
}

#[test]
fn other_schemas_are_refused_by_name() {
    for (schema, part) in
        [(json!(1), "got schema 1"), (json!(4), "got schema 4"), (json!(null), "no field `schema`")]
    {
        let mut other = record();
        other["schema"] = schema;
        let error = read(&other).unwrap_err();
        assert!(matches!(error, Error::Schema { expected: SCHEMA, .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = read_results(Path::new("none/results.json")).unwrap_err();
    assert!(matches!(error, Error::File { .. }) && error.to_string().contains("none"), "{error}");
}
