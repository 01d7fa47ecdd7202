//! The statistics against SciPy (`golden/stats.json`, made by `golden/stats.py`) and hand-worked examples.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod cases;

use mlprobe_stats::{
    crossed_bootstrap, holm, mcnemar_exact, minimal_detectable_effect, paired_difference, summary,
};
use ndarray::Array2;
use serde_json::Value;

use cases::{assert_close, cases, number, numbers};

fn golden(part: &str) -> Vec<Value> {
    cases(include_str!("golden/stats.json"), part)
}

// Accuracies near 0.78 with differences near 0.001 lose three of f64's 16 digits in the subtraction, and a mean
// near 0 a few more; the binomial distribution of 201,000 tosses, the worst of the functions, is 4e-11 off.
const TOLERANCE: f64 = 1e-10;

#[test]
fn paired_differences_agree_with_scipy() {
    for case in golden("paired") {
        let (a, b) = (numbers(&case, "a"), numbers(&case, "b"));
        let paired = paired_difference(&a, &b, number(&case, "level")).unwrap();
        let figures = [
            (paired.mean, "mean"),
            (paired.std, "std"),
            (paired.interval.low, "low"),
            (paired.interval.high, "high"),
            (paired.t.unwrap(), "t"),
            (paired.p_value, "p_value"),
            (paired.probability_of_superiority, "probability_of_superiority"),
        ];
        for (actual, key) in figures {
            assert_close(actual, number(&case, key), TOLERANCE, &format!("{key} for n = {}", a.len()));
        }
    }
}

#[test]
fn mcnemars_p_value_agrees_with_scipys_exact_binomial_test() {
    for case in golden("mcnemar") {
        let count = |key: &str| case[key].as_u64().unwrap();
        let test = mcnemar_exact(count("only_a"), count("only_b"));
        assert_close(test.p_value, number(&case, "p_value"), TOLERANCE, &format!("{test:?}"));
    }
}

#[test]
fn detectable_effects_agree_with_scipys_noncentral_t_to_the_documented_error() {
    for case in golden("detectable") {
        let n = case["n"].as_u64().unwrap() as usize;
        let [std, alpha, power] = ["std", "alpha", "power"].map(|key| number(&case, key));
        let effect = minimal_detectable_effect(std, n, alpha, power).unwrap();
        assert_close(effect, number(&case, "effect"), 1e-8, &case.to_string());
    }
}

#[test]
fn crossed_bootstrap_intervals_agree_with_numpys_draws() {
    for case in golden("crossed") {
        let rows: Vec<&str> =
            case["correct"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
        let (seeds, images) = (rows.len() / 2, rows[0].len());
        let correct = |first: usize| {
            Array2::from_shape_fn((seeds, images), |(s, i)| rows[first + s].as_bytes()[i] == b'1')
        };
        let (a, b) = (correct(0), correct(seeds));
        let result = crossed_bootstrap(a.view(), b.view(), 100_000, 1, number(&case, "level")).unwrap();
        assert!((result.difference - number(&case, "difference")).abs() < 1e-12);
        // The standard deviation of B draws has a relative standard deviation of about 1 / sqrt(2 B): with 100,000
        // here and 400,000 there, 0.25 % together. Four of these.
        assert_close(result.std_error, number(&case, "std_error"), 0.01, "std_error");
        let half_width = 0.5 * (result.interval.high - result.interval.low);
        assert_close(
            half_width / result.std_error,
            number(&case, "half_width") / number(&case, "std_error"),
            TOLERANCE,
            "t",
        );
        assert_close(
            0.5 * (result.interval.low + result.interval.high),
            result.difference,
            TOLERANCE,
            "centre",
        );
    }
}

#[test]
fn a_summary_matches_a_hand_worked_example() {
    // Deviations from 5 are -3 -1 -1 -1 0 0 2 4, squares sum to 32.
    let eight = summary(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!((eight.n, eight.mean, eight.min, eight.max), (8, 5.0, 2.0, 9.0));
    assert_eq!(eight.std, Some((32.0_f64 / 7.0).sqrt()));
}

#[test]
fn holm_matches_a_hand_worked_example() {
    // Ascending 0.005 0.01 0.03 0.04, times 4 3 2 1: 0.02 0.03 0.06 0.04; never below an earlier one: 0.06 last.
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]).unwrap();
    for (actual, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((actual - expected).abs() < 1e-15, "{adjusted:?}");
    }
}
