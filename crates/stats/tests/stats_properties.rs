//! What the statistics promise beyond reference values: symmetry, limits, refusals and the same bits on any machine.

use mlprobe_stats::{
    McNemar, crossed_bootstrap, discordant, holm, mcnemar_exact, minimal_detectable_effect,
    paired_difference, summary,
};
use ndarray::{Array2, Axis, array};

/// S x N draws that are true with a probability that differs by row and column; no two pairs are alike.
fn scattered(seeds: usize, images: usize, offset: usize) -> Array2<bool> {
    Array2::from_shape_fn((seeds, images), |(s, i)| {
        (s * 37 + i * 101 + s * i * 13 + offset) % 10 < 5 + s + i % 3
    })
}

#[test]
fn swapping_the_arms_mirrors_every_figure() {
    let (a, b) = ([0.79, 0.80, 0.81, 0.78], [0.77, 0.79, 0.78, 0.785]);
    let [ab, ba] = [(a, b), (b, a)].map(|(a, b)| paired_difference(&a, &b, 0.95).unwrap());
    assert_eq!((ab.mean, ab.std, ab.p_value), (-ba.mean, ba.std, ba.p_value));
    assert_eq!((ab.interval.low, ab.interval.high), (-ba.interval.high, -ba.interval.low));
    assert!((ab.probability_of_superiority + ba.probability_of_superiority - 1.0).abs() < 1e-12);
    assert_eq!(mcnemar_exact(3, 9).p_value, mcnemar_exact(9, 3).p_value);
}

#[test]
fn differences_without_spread_have_the_limits_as_answer() {
    let base = [0.5, 0.25, 0.75];
    for (shift, p_value, superiority) in [(0.125, 0.0, 1.0), (0.0, 1.0, 0.5), (-0.125, 0.0, 0.0)] {
        let paired = paired_difference(&base.map(|x| x + shift), &base, 0.95).unwrap();
        assert_eq!((paired.t, paired.p_value), (None, p_value), "shift {shift}");
        assert_eq!(paired.probability_of_superiority, superiority, "shift {shift}");
        assert_eq!((paired.interval.low, paired.interval.high), (shift, shift));
    }
    let same = scattered(3, 20, 0);
    let none = crossed_bootstrap(same.view(), same.view(), 100, 0, 0.95).unwrap();
    assert_eq!(
        (none.difference, none.std_error, none.interval.low, none.interval.high),
        (0.0, 0.0, 0.0, 0.0)
    );
    assert_eq!(minimal_detectable_effect(0.0, 5, 0.05, 0.8).unwrap(), 0.0);
    assert_eq!(mcnemar_exact(0, 0).p_value, 1.0);
}

#[test]
fn one_run_has_a_mean_but_no_spread() {
    let one = summary(&[0.8]).unwrap();
    assert_eq!((one.n, one.mean, one.std, one.min, one.max), (1, 0.8, None, 0.8, 0.8));
}

#[test]
fn a_small_spread_around_a_large_mean_keeps_its_digits() {
    let offset = summary(&[1e9, 1e9 + 1.0, 1e9 + 2.0]).unwrap();
    assert_eq!((offset.mean, offset.std), (1e9 + 1.0, Some(1.0)));
}

#[test]
fn more_seeds_detect_smaller_effects_and_the_units_carry_through() {
    let effect = |std, n, power| minimal_detectable_effect(std, n, 0.05, power).unwrap();
    assert!(effect(1.0, 3, 0.8) > effect(1.0, 5, 0.8) && effect(1.0, 5, 0.8) > effect(1.0, 10, 0.8));
    assert!(effect(1.0, 5, 0.9) > effect(1.0, 5, 0.8));
    assert!((effect(0.002, 5, 0.8) - 0.002 * effect(1.0, 5, 0.8)).abs() < 1e-15);
    // With many seeds t is normal: (1.959964 + 0.841621) / sqrt(n), and the next term is of order 1/n.
    assert!((effect(1.0, 10_000, 0.8) - 0.028_015_85).abs() < 0.028 * 1e-3);
}

#[test]
fn the_crossed_bootstrap_has_the_variance_of_its_two_way_decomposition() {
    let (seeds, images) = (5, 80);
    let (a, b) = (scattered(seeds, images, 0), scattered(seeds, images, 4));
    let d =
        Array2::from_shape_fn((seeds, images), |at| f64::from(u8::from(a[at])) - f64::from(u8::from(b[at])));
    // d = mean + row effect + column effect + rest. With m draws of rows and N of columns, both multinomial,
    // the variance of a resample's mean is  rows²/m + columns²/N + rest²/(m N), mean squares over d.
    let mean = d.mean().unwrap();
    let rows = d.mean_axis(Axis(1)).unwrap() - mean;
    let columns = d.mean_axis(Axis(0)).unwrap() - mean;
    let rest = Array2::from_shape_fn((seeds, images), |(s, i)| d[[s, i]] - mean - rows[s] - columns[i]);
    let square = |x: f64| x * x;
    let m = (seeds - 1) as f64;
    let variance = rows.mapv(square).mean().unwrap() / m
        + columns.mapv(square).mean().unwrap() / images as f64
        + rest.mapv(square).mean().unwrap() / (m * images as f64);

    let result = crossed_bootstrap(a.view(), b.view(), 20_000, 3, 0.95).unwrap();
    assert!((result.difference - mean).abs() < 1e-12);
    // The standard deviation of B normal draws has a relative standard deviation of 1/sqrt(2 B) = 0.5 %; four are 2 %.
    let ratio = result.std_error / variance.sqrt();
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
}

#[test]
fn the_crossed_bootstrap_has_the_same_bits_for_any_number_of_threads() {
    let (a, b) = (scattered(5, 200, 0), scattered(5, 200, 3));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| crossed_bootstrap(a.view(), b.view(), 1000, 7, 0.95).unwrap())
    };
    let one = on(1);
    assert_eq!(on(2), one);
    assert_eq!(on(7), one);
    let other = crossed_bootstrap(a.view(), b.view(), 1000, 8, 0.95).unwrap();
    assert_ne!(other.std_error, one.std_error, "another seed draws other resamples");
}

#[test]
fn discordant_images_are_counted_by_the_model_that_has_them_right() {
    let a = array![true, true, true, false, false];
    let b = array![true, false, false, true, false];
    assert_eq!(discordant(a.view(), b.view()).unwrap(), (2, 1));
    assert_eq!(mcnemar_exact(2, 1), McNemar { only_a: 2, only_b: 1, p_value: 1.0 });
}

#[test]
fn what_has_no_answer_is_refused_with_what_was_expected() {
    let (two, three) = (scattered(2, 10, 0), scattered(3, 10, 0));
    let bootstrap = |a: &Array2<bool>, b: &Array2<bool>, resamples, level| {
        crossed_bootstrap(a.view(), b.view(), resamples, 0, level).map(drop)
    };
    let table = [
        (summary(&[]).map(drop), "summary: expected one or more values, got none"),
        (summary(&[1.0, f64::NAN]).map(drop), "summary: expected finite values, got NaN at index 1"),
        (paired_difference(&[1.0], &[1.0], 0.95).map(drop), "with the same seeds, 2 or more, got 1 and 1"),
        (paired_difference(&[1.0, 2.0], &[1.0], 0.95).map(drop), "got 2 and 1"),
        (paired_difference(&[1.0, 2.0], &[1.0, f64::INFINITY], 0.95).map(drop), "got -inf at index 1"),
        (paired_difference(&[1.0, 2.0], &[1.0, 1.0], 1.0).map(drop), "a level in (0, 1), got 1"),
        (bootstrap(&two, &three, 100, 0.95), "got (2, 10) and (3, 10)"),
        (bootstrap(&scattered(1, 10, 0), &scattered(1, 10, 1), 100, 0.95), "2 or more seeds and images"),
        (bootstrap(&two, &two, 1, 0.95), "2 or more resamples, got 1"),
        (bootstrap(&two, &two, 100, f64::NAN), "a level in (0, 1), got NaN"),
        (discordant(two.row(0), array![true].view()).map(drop), "got 10 and 1"),
        (minimal_detectable_effect(1.0, 1, 0.05, 0.8).map(drop), "2 or more seeds, got 1"),
        (minimal_detectable_effect(-1.0, 5, 0.05, 0.8).map(drop), "a finite std of 0 or more, got -1"),
        (minimal_detectable_effect(1.0, 5, 0.05, 0.01).map(drop), "got alpha 0.05, power 0.01"),
        (minimal_detectable_effect(1.0, 5, 0.05, 1.0).map(drop), "got alpha 0.05, power 1"),
        (holm(&[0.5, 1.5]).map(drop), "p-values in [0, 1], got 1.5"),
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

#[test]
fn differences_that_are_equal_but_for_rounding_do_not_vary() {
    // 0.537 - 0.5 and 0.817 - 0.78 differ in the last bits.
    let (a, b) = ([0.537, 0.637, 0.817], [0.5, 0.6, 0.78]);
    assert_ne!(a[0] - b[0], a[2] - b[2]);
    let same = paired_difference(&a, &b, 0.95).unwrap();
    assert_eq!((same.std, same.t, same.p_value, same.probability_of_superiority), (0.0, None, 0.0, 1.0));
    // One image of ten thousand more is no rounding.
    let other = paired_difference(&[0.537, 0.6371], &[0.5, 0.6], 0.95).unwrap();
    assert!(other.std > 7e-5 && other.t.unwrap() > 100.0, "{other:?}");
}
