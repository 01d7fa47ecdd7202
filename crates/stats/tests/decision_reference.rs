//! Decisions, components, plans and pooled differences against SciPy and statsmodels (`golden/decisions.json`, made by
//! `golden/decisions.py`).

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod cases;

use mlprobe_stats::{
    Components, Contrast, SequentialRule, classifier_accuracy, decide, pool, provable_margin,
};
use ndarray::{Array1, Array2};
use serde_json::Value;

use cases::{assert_close, cases, number, numbers};

fn golden(part: &str) -> Vec<Value> {
    cases(include_str!("golden/decisions.json"), part)
}

// As in tests/stats_reference.rs: subtraction loses a few of 16 digits, `statrs` a few more.
const TOLERANCE: f64 = 1e-9;

#[test]
fn intervals_and_p_values_agree_with_statsmodels() {
    for case in golden("contrasts") {
        let [difference, std_error, degrees, margin] =
            ["difference", "std_error", "degrees", "margin"].map(|key| number(&case, key));
        let seeds = case["seeds"].as_u64().unwrap() as usize;
        let decision = decide(Contrast { difference, std_error, degrees, seeds }, margin).unwrap();
        let (outer, inner) = (numbers(&case, "interval"), numbers(&case, "equivalence_interval"));
        let figures = [
            (decision.interval.low, outer[0]),
            (decision.interval.high, outer[1]),
            (decision.equivalence_interval.low, inner[0]),
            (decision.equivalence_interval.high, inner[1]),
            (decision.p_value, number(&case, "p_value")),
            (decision.equivalence_p_value, number(&case, "equivalence_p_value")),
        ];
        for (i, (actual, expected)) in figures.into_iter().enumerate() {
            assert_close(actual, expected, TOLERANCE, &format!("figure {i} with {seeds} seeds"));
        }
    }
}

#[test]
fn provable_margins_agree_with_scipys_integral_to_the_documented_error() {
    for case in golden("provable") {
        let margin = provable_margin(number(&case, "std_error"), number(&case, "degrees")).unwrap();
        assert_close(margin, number(&case, "margin"), 1e-5, &case.to_string());
    }
}

/// The arms a and b (S, N) of a golden table.
fn arms(case: &Value) -> (Array2<bool>, Array2<bool>) {
    let rows: Vec<&str> = case["correct"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    let (seeds, images) = (rows.len() / 2, rows[0].len());
    let arm =
        |first: usize| Array2::from_shape_fn((seeds, images), |(s, i)| rows[first + s].as_bytes()[i] == b'1');
    (arm(0), arm(seeds))
}

#[test]
fn components_agree_with_statsmodels_analysis_of_variance() {
    for case in golden("components") {
        let (a, b) = arms(&case);
        let components = Components::of_difference(a.view(), b.view()).unwrap();
        let figures = [
            (components.mean, "mean"),
            (components.seed_part, "seed_part"),
            (components.image_part, "image_part"),
            (components.rest_part, "rest_part"),
        ];
        for (actual, key) in figures {
            assert_close(actual, number(&case, key), TOLERANCE, key);
        }
    }
}

#[test]
fn intervals_of_one_classifier_agree_with_statsmodels_wilson_intervals() {
    for case in golden("wilson") {
        let [right, images] = ["right", "images"].map(|key| case[key].as_u64().unwrap() as usize);
        let correct = Array1::from_shape_fn(images, |i| i < right);
        let interval = classifier_accuracy(correct.view(), number(&case, "level")).unwrap().interval;
        // Ends near 0 are compared on the scale of accuracies.
        assert!((interval.low - number(&case, "low")).abs() < TOLERANCE, "{case}");
        assert!((interval.high - number(&case, "high")).abs() < TOLERANCE, "{case}");
    }
}

#[test]
fn pooled_differences_agree_with_statsmodels() {
    for case in golden("pooled") {
        let contrasts: Vec<Contrast> = numbers(&case, "differences")
            .into_iter()
            .zip(numbers(&case, "std_errors"))
            .map(|(difference, std_error)| Contrast { difference, std_error, degrees: 30.0, seeds: 5 })
            .collect();
        let pooled = pool(&contrasts).unwrap();
        let what = format!("{} data sets", pooled.data_sets);
        let half_width = 0.5 * (pooled.interval.high - pooled.interval.low);
        assert_close(pooled.contrast.difference, number(&case, "difference"), TOLERANCE, &what);
        assert_close(pooled.contrast.std_error, number(&case, "std_error"), TOLERANCE, &what);
        assert_close(half_width, number(&case, "half_width"), TOLERANCE, &what);
        assert!((pooled.between - number(&case, "between")).abs() < TOLERANCE, "{what}");
        let prediction = pooled.prediction.map(|interval| 0.5 * (interval.high - interval.low));
        match case["prediction"].as_f64() {
            Some(expected) => assert_close(prediction.unwrap(), expected, TOLERANCE, &what),
            None => assert_eq!(prediction, None),
        }
        // The factor of Hartung and Knapp is 1 by definition of the variance between data sets, or below 1 without it.
        let factor = number(&case, "scale_hksj");
        assert!(
            if pooled.between > 0.0 { (factor - 1.0).abs() < 1e-9 } else { factor <= 1.0 },
            "{what}: {factor}"
        );
    }
}

#[test]
fn sequential_levels_agree_with_the_multivariate_normal_distribution() {
    for case in golden("sequential") {
        let rule = SequentialRule::new(case["max_seeds"].as_u64().unwrap() as usize).unwrap();
        for (seeds, (level, equivalence)) in
            (3..).zip(numbers(&case, "levels").into_iter().zip(numbers(&case, "equivalence_levels")))
        {
            // SciPy integrates to 1e-7, and errors of one look carry over to the next; a level has to be right to 0.01 %.
            assert!((rule.level_at(seeds).unwrap() - level).abs() < 1e-5, "{seeds} seeds: {level}");
            let actual = rule.equivalence_level_at(seeds).unwrap();
            assert!((actual - equivalence).abs() < 1e-5, "{seeds} seeds: {actual} for {equivalence}");
        }
    }
}
