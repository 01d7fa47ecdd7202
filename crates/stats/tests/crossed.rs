//! The crossed bootstrap and the components of variance that it stands on.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use mlprobe_stats::{Components, crossed_bootstrap, crossed_bootstrap_with_offsets};
use ndarray::Array2;

/// S x N draws that are true with a probability that differs by row and column; no two pairs are alike.
fn scattered(seeds: usize, images: usize, offset: usize) -> Array2<bool> {
    Array2::from_shape_fn((seeds, images), |(s, i)| {
        (s * 37 + i * 101 + s * i * 13 + offset) % 10 < 5 + s + i % 3
    })
}

#[test]
fn results_of_earlier_versions_stay_bit_for_bit() {
    let records = [
        ((2, 30), [0xbfa1111111111111, 0x3fc32d6cbd0a79d9, 0xbfd5dc285f5817d5, 0x3fd197e41b13d391]),
        ((3, 50), [0xbf947ae147ae147b, 0x3fb69a391714f5c8, 0xbfc9ef449ed64699, 0x3fc4d08c4ceac17b]),
        ((5, 200), [0xbf889374bc6a7efa, 0x3f9deb31ddb029f3, 0xbfb2a34544e50f8a, 0x3fa8fcd02b94df98]),
    ];
    for ((seeds, images), recorded) in records {
        let (a, b) = (scattered(seeds, images, 0), scattered(seeds, images, 3));
        let result = crossed_bootstrap(a.view(), b.view(), 1000, 7, 0.95).unwrap();
        let bits = [result.difference, result.std_error, result.interval.low, result.interval.high]
            .map(f64::to_bits);
        assert_eq!(bits, recorded, "{seeds} seeds, {images} images");
    }
}

#[test]
fn offsets_of_zero_change_nothing_and_equal_offsets_move_the_difference_only() {
    let (a, b) = (scattered(5, 200, 0), scattered(5, 200, 3));
    let plain = crossed_bootstrap(a.view(), b.view(), 500, 7, 0.95).unwrap();
    let with =
        |offset: f64| crossed_bootstrap_with_offsets(&[offset; 5], a.view(), b.view(), 500, 7, 0.95).unwrap();
    assert_eq!(with(0.0), plain);
    let moved = with(0.25);
    assert!((moved.difference - plain.difference - 0.25).abs() < 1e-12);
    assert!((moved.std_error / plain.std_error - 1.0).abs() < 1e-12);
    assert!((moved.degrees.unwrap() / plain.degrees.unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn the_bootstrap_tends_to_the_error_of_the_components_with_and_without_offsets() {
    let offsets = [0.1, -0.05, 0.02, 0.0, 0.07];
    let (a, b) = (scattered(5, 80, 0), scattered(5, 80, 3));
    let drawn = crossed_bootstrap_with_offsets(&offsets, a.view(), b.view(), 20_000, 3, 0.95).unwrap();
    let exact = Components::of_difference_with_offsets(&offsets, a.view(), b.view()).unwrap().contrast();
    assert!((drawn.difference - exact.difference).abs() < 1e-12);
    assert_eq!(drawn.degrees, Some(exact.degrees));
    // The standard deviation of B normal draws has a relative standard deviation of 1/sqrt(2 B) = 0.5 %; four are 2 %.
    assert!((drawn.std_error / exact.std_error - 1.0).abs() < 0.02, "{drawn:?} {exact:?}");
}

#[test]
fn offsets_that_do_not_fit_are_refused() {
    let a = scattered(3, 20, 0);
    let with = |offsets: &[f64]| {
        crossed_bootstrap_with_offsets(offsets, a.view(), a.view(), 100, 0, 0.95).unwrap_err().to_string()
    };
    assert!(with(&[0.0, 0.1]).contains("one offset per seed, got 2 for 3"));
    assert!(with(&[0.0, 0.1, f64::NAN]).contains("finite values, got NaN at index 2"));
}
