//! The crossed bootstrap and the components of variance that it stands on.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use mlprobe_stats::crossed_bootstrap;
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
