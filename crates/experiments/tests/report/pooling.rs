//! Runs of several data sets pooled into one answer.

use mlprobe_experiments::results::FileInfo;
use mlprobe_experiments::{Results, pool_runs};

use super::common::RESULTS;

fn of(name: &str) -> Results {
    let mut results = RESULTS.clone();
    results.about.dataset.name = name.into();
    results
}

#[test]
fn the_pooled_difference_lies_within_those_of_the_data_sets() {
    let pooled = pool_runs(&[of("cats"), of("dogs"), of("cows")]).unwrap();
    assert_eq!(pooled.len(), RESULTS.final_comparisons().count());
    for comparison in pooled {
        let names: Vec<&str> = comparison.data_sets.iter().map(|of| of.data_set.as_str()).collect();
        assert_eq!(names, ["cats", "dogs", "cows"]);
        let differences = comparison.data_sets.iter().map(|of| of.contrast.difference);
        let (low, high) = differences.fold((f64::MAX, f64::MIN), |(low, high), d| (low.min(d), high.max(d)));
        let difference = comparison.pooled.contrast.difference;
        // Rounding of a weighted mean of equal numbers.
        assert!((low - 1e-15..=high + 1e-15).contains(&difference), "{difference} of {low} to {high}");
    }
}

#[test]
fn two_runs_of_one_data_set_are_refused() {
    let error = pool_runs(&[of("cats"), of("dogs"), of("cats")]).unwrap_err().to_string();
    assert!(error.contains("two runs of cats") && error.contains("name one of them"), "{error}");
    let (mut first, mut second) = (of("cats"), of("felines"));
    for results in [&mut first, &mut second] {
        results.about.dataset.test_digest = "0123".into();
    }
    assert!(pool_runs(&[first, second]).is_err(), "the same images under another name");
    let with_file = |digest: &str| {
        let mut results = of("test");
        results.about.files = vec![FileInfo {
            arm: None,
            file: "test.npz".into(),
            rows: 1,
            sha256: vec![digest.into()],
            test_rows: 0,
        }];
        results
    };
    assert!(pool_runs(&[with_file("01"), with_file("01")]).is_err());
    assert!(pool_runs(&[with_file("01"), with_file("23")]).is_ok(), "other files under the same name");
    assert!(pool_runs(&[of("cats")]).unwrap_err().to_string().contains("two or more runs"));
}
