//! The rules of decisions, plans, pools and stored records: what follows from what, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use mlprobe_stats::{
    Answer, Components, Contrast, CrossedBootstrap, Interval, SequentialRule, crossed_bootstrap, decide,
    plan, plan_images, plan_seeds, pool, provable_margin,
};
use ndarray::Array2;

fn contrast(difference: f64, std_error: f64, seeds: usize) -> Contrast {
    Contrast { difference, std_error, degrees: 40.0, seeds }
}

fn answer(difference: f64, std_error: f64, seeds: usize, margin: f64) -> Answer {
    decide(contrast(difference, std_error, seeds), margin).unwrap().answer
}

#[test]
fn each_answer_follows_from_its_interval() {
    // The quantiles with 40 degrees of freedom are 2.021 and 1.684.
    assert_eq!(answer(2.03, 1.0, 5, 1.0), Answer::Better);
    assert_eq!(answer(-2.03, 1.0, 5, 1.0), Answer::Worse);
    assert_eq!(answer(2.01, 1.0, 5, 1.0), Answer::Undecided);
    assert_eq!(answer(0.5, 1.0, 5, 2.19), Answer::Equivalent);
    assert_eq!(answer(-0.5, 1.0, 5, 2.19), Answer::Equivalent);
    assert_eq!(answer(0.5, 1.0, 5, 2.18), Answer::Undecided);
}

#[test]
fn a_proven_difference_inside_the_margin_is_equivalent_and_its_interval_still_shows_it() {
    let decision = decide(contrast(3.0, 1.0, 5), 10.0).unwrap();
    assert_eq!(decision.answer, Answer::Equivalent);
    assert!(decision.interval.low > 0.0 && decision.p_value < 0.01 && decision.equivalence_p_value < 0.01);
}

#[test]
fn fewer_than_three_seeds_decide_nothing() {
    assert_eq!(answer(100.0, 1.0, 2, 1.0), Answer::Undecided);
    assert_eq!(answer(0.0, 1e-9, 2, 1.0), Answer::Undecided);
    let rule = SequentialRule::new(5).unwrap();
    assert_eq!(rule.decide(contrast(100.0, 1.0, 2), 1.0).unwrap().answer, Answer::Undecided);
}

#[test]
fn p_values_and_intervals_agree_on_every_answer() {
    for step in -60..=60 {
        let decision = decide(contrast(0.1 * f64::from(step), 1.0, 5), 3.0).unwrap();
        assert_eq!(decision.p_value < 0.05, !decision.interval.contains(0.0), "{decision:?}");
        assert_eq!(
            decision.equivalence_p_value < 0.05,
            decision.answer == Answer::Equivalent,
            "{decision:?}"
        );
    }
}

#[test]
fn differences_without_error_have_the_limits_as_answer() {
    assert_eq!(answer(0.0, 0.0, 3, 0.1), Answer::Equivalent);
    assert_eq!(answer(0.1, 0.0, 3, 0.1), Answer::Better);
    let decision = decide(contrast(0.1, 0.0, 3), 0.1).unwrap();
    assert_eq!((decision.p_value, decision.equivalence_p_value), (0.0, 1.0));
}

#[test]
fn answers_are_written_in_small_letters() {
    let answers = [Answer::Better, Answer::Worse, Answer::Equivalent, Answer::Undecided];
    assert_eq!(serde_json::to_string(&answers).unwrap(), r#"["better","worse","equivalent","undecided"]"#);
}

/// S x N draws that are true with a probability that differs by row and column; no two pairs are alike.
fn scattered(seeds: usize, images: usize, offset: usize) -> Array2<bool> {
    Array2::from_shape_fn((seeds, images), |(s, i)| {
        (s * 37 + i * 101 + s * i * 13 + offset) % 10 < 5 + s + i % 3
    })
}

#[test]
fn a_record_without_degrees_of_freedom_gives_the_same_contrast() {
    for seeds in [2, 3, 5] {
        let (a, b) = (scattered(seeds, 200, 0), scattered(seeds, 200, 3));
        let new = crossed_bootstrap(a.view(), b.view(), 500, 7, 0.95).unwrap();
        let old = CrossedBootstrap { degrees: None, ..new };
        let json = serde_json::to_string(&old).unwrap();
        assert!(!json.contains("degrees"), "{json}");
        let read: CrossedBootstrap = serde_json::from_str(&json).unwrap();
        let (expected, recovered) = (new.contrast(seeds).unwrap(), read.contrast(seeds).unwrap());
        assert!((recovered.degrees / expected.degrees - 1.0).abs() < 1e-6, "{recovered:?} {expected:?}");
    }
    let other = CrossedBootstrap {
        difference: 0.0,
        std_error: 1.0,
        interval: Interval { level: 0.95, low: -1.0, high: 1.0 },
        degrees: None,
    };
    let error = other.contrast(5).unwrap_err().to_string();
    assert!(error.contains("half width / std_error between 1.95") && error.contains("got 1;"), "{error}");
}

#[test]
fn a_record_implies_the_components_of_its_table() {
    for seeds in [2, 3, 5] {
        let (a, b) = (scattered(seeds, 200, 0), scattered(seeds, 200, 3));
        let table = Components::of_difference(a.view(), b.view()).unwrap();
        let rows = a.outer_iter().zip(b.outer_iter());
        let row_sums =
            rows.map(|(a, b)| a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)).sum::<f64>());
        let differences: Vec<f64> = row_sums.map(|sum| sum / 200.0).collect();
        let discordant = a.iter().zip(&b).filter(|(a, b)| a != b).count() as u64;
        let recorded =
            Components::of_record(&differences, discordant, 200, table.contrast().degrees).unwrap();
        for (actual, expected) in [
            (recorded.mean, table.mean),
            (recorded.seed_part, table.seed_part),
            (recorded.image_part, table.image_part),
            (recorded.rest_part, table.rest_part),
        ] {
            assert!(
                (actual - expected).abs() < 1e-8 * table.image_part.max(expected.abs()),
                "{recorded:?} {table:?}"
            );
        }
    }
}

const PILOT: Components = Components {
    seeds: 5,
    images: 10_000,
    mean: 0.001,
    seed_part: 0.8e-6,
    image_part: 5e-6,
    rest_part: 0.5e-6,
};

#[test]
fn a_plan_of_the_pilots_size_has_the_pilots_error() {
    let (planned, studied) = (plan(&PILOT, 5, 10_000).unwrap(), PILOT.contrast());
    assert!((planned.std_error / studied.std_error - 1.0).abs() < 1e-12);
    assert!((planned.degrees / studied.degrees - 1.0).abs() < 1e-12);
    assert_eq!(planned.provable_margin, provable_margin(planned.std_error, planned.degrees).unwrap());
}

#[test]
fn planned_numbers_are_the_smallest_that_detect_the_effect() {
    let seeds = plan_seeds(&PILOT, 0.0068, 10_000).unwrap();
    assert!(seeds.detectable <= 0.0068 && seeds.seeds > 3, "{seeds:?}");
    assert!(plan(&PILOT, seeds.seeds - 1, 10_000).unwrap().detectable > 0.0068, "{seeds:?}");
    let images = plan_images(&PILOT, 0.004, 10).unwrap();
    assert!(images.detectable <= 0.004, "{images:?}");
    assert!(plan(&PILOT, 10, images.images - 1).unwrap().detectable > 0.004, "{images:?}");
}

#[test]
fn what_has_no_answer_is_refused_with_a_way_out() {
    let at = |margin: f64| decide(contrast(0.1, 0.1, 5), margin).map(drop);
    let table = [
        (at(0.0), "a finite margin above 0, got 0; state the largest difference"),
        (at(-0.1), "got -0.1"),
        (at(f64::INFINITY), "got inf"),
        (at(f64::NAN), "got NaN"),
        (decide(contrast(f64::NAN, 0.1, 5), 0.1).map(drop), "difference NaN"),
        (contrast(0.1, 0.1, 5).interval(1.0).map(drop), "a level in (0, 1), got 1"),
        (contrast(0.1, 0.1, 1).guarded_interval(0.95).map(drop), "2 or more seeds, got 1"),
        (provable_margin(-1.0, 4.0).map(drop), "std_error -1"),
        (provable_margin(1.0, 0.5).map(drop), "1 or more degrees of freedom, got 0.5"),
        (plan(&PILOT, 2, 10_000).map(drop), "3 or more seeds, got 2"),
        (plan_seeds(&PILOT, 0.0, 10_000).map(drop), "a finite effect above 0, got 0"),
        (plan_seeds(&PILOT, 0.001, 10_000).map(drop), "use more test images"),
        (plan_images(&PILOT, 1e-5, 3).map(drop), "run more seeds"),
        (SequentialRule::new(2).map(drop), "a maximum of 3 to 100 seeds, got 2"),
        (SequentialRule::new(5).and_then(|rule| rule.level_at(6)).map(drop), "3 to 5 seeds, got 6"),
        (pool(&[contrast(0.1, 0.1, 5)]).map(drop), "2 or more data sets, got 1"),
        (pool(&[contrast(0.1, 0.0, 5), contrast(0.1, 0.1, 5)]).map(drop), "standard errors above 0, got 0"),
        (Components::of_record(&[0.1, 0.1], 5, 10, 4.0).map(drop), "differences that vary"),
        (
            Components::of_record(&[0.1, 0.2], 5, 10, 40.0).map(drop),
            "degrees of freedom between 1 and 10, got 40",
        ),
    ];
    let wrong: Vec<String> = table
        .into_iter()
        .filter_map(|(result, expected)| {
            let message = result.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
            (!message.contains(expected)).then(|| format!("{message:?} lacks {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
