//! Near-duplicates against a naive search, and planted ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use mlprobe_audit::{
    DEFAULT_THRESHOLD, Error, MOST_PER_ROW, SHRINKAGE, Whitening, near_duplicates, nearest_rows,
};
use mlprobe_random::Random;
use ndarray::{Array2, ArrayView2, array, s};

/// Correlated features (N, D): a few strong directions that rows share, and weak noise.
fn features(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
    let mut random = Random::new(seed, b"test", 0);
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        (random.uniform(-1.0, 1.0) + 3.0 * ((i % 4) * (j + 1) % 5) as f64) as f32
    })
}

/// Cosines (M, N) in f64 of the rows that `nearest_rows` compares.
fn naive(train: ArrayView2<f32>, test: ArrayView2<f32>) -> Array2<f64> {
    let whitening = Whitening::fit(train, SHRINKAGE).unwrap();
    let [train, test] = [train, test].map(|rows| whitening.unit_rows(rows).unwrap().mapv(f64::from));
    Array2::from_shape_fn((test.nrows(), train.nrows()), |(i, j)| test.row(i).dot(&train.row(j)))
}

#[test]
fn nearest_rows_are_those_of_a_naive_search_at_odd_sizes() {
    for (n, m, d, k) in [(1, 1, 1, 1), (3, 5, 2, 2), (17, 3, 33, 4), (257, 300, 7, 3), (2100, 259, 5, 2)] {
        let (train, test) = (features(n, d, 1), features(m, d, 2));
        let cosines = naive(train.view(), test.view());
        let whitening = Whitening::fit(train.view(), SHRINKAGE).unwrap();
        let pairs = nearest_rows(&whitening, train.view(), test.view(), k).unwrap();
        assert_eq!(pairs.len(), m * k.min(n), "{n} {m} {d}");
        for (row, found) in pairs.chunks(k.min(n)).enumerate() {
            let mut expected: Vec<f64> = cosines.row(row).to_vec();
            expected.sort_by(|a, b| b.total_cmp(a));
            for (rank, pair) in found.iter().enumerate() {
                assert_eq!(pair.test, row);
                // Products of unit rows: 2(D + 3) 2⁻²⁴ at most, by gemm's bound and Σ|a||b| ≤ 1.
                let bound = 2.0 * (d + 3) as f64 / f64::from(1 << 24);
                assert!((pair.similarity - cosines[[row, pair.train]]).abs() <= bound);
                assert!((pair.similarity - expected[rank]).abs() <= bound, "{n} {m} {d} rank {rank}");
            }
        }
    }
}

#[test]
fn similarity_does_not_depend_on_scale_and_origin() {
    let (train, test) = (features(60, 6, 1), features(9, 6, 2));
    let scaled = |x: &Array2<f32>| x * 2.0 + 7.0;
    let before =
        nearest_rows(&Whitening::fit(train.view(), SHRINKAGE).unwrap(), train.view(), test.view(), 3)
            .unwrap();
    let (train, test) = (scaled(&train), scaled(&test));
    let after = nearest_rows(&Whitening::fit(train.view(), SHRINKAGE).unwrap(), train.view(), test.view(), 3)
        .unwrap();
    for (a, b) in before.iter().zip(&after) {
        assert!((a.similarity - b.similarity).abs() < 1e-4, "{a:?} {b:?}");
    }
}

#[test]
fn planted_copies_are_all_found_and_nothing_else() {
    let (train, mut test) = (features(600, 40, 1), features(100, 40, 2));
    let mut random = Random::new(3, b"test", 0);
    for i in 0..20 {
        test.row_mut(5 * i).assign(&train.row(30 * i));
        if i % 2 == 1 {
            // A near-duplicate: a tenth of the noise that tells rows apart.
            test.row_mut(5 * i).mapv_inplace(|x| x + random.uniform(-0.1, 0.1) as f32);
        }
    }
    let pairs = near_duplicates(train.view(), test.view(), 0.9).unwrap();
    let found: Vec<_> = pairs.iter().map(|pair| (pair.test, pair.train)).collect();
    assert_eq!(found, (0..20).map(|i| (5 * i, 30 * i)).collect::<Vec<_>>());
    assert!(pairs.iter().step_by(2).all(|pair| (pair.similarity - 1.0).abs() < 1e-5));
}

#[test]
fn rows_of_equal_similarity_come_in_their_order_and_are_limited() {
    let mut train = features(50, 8, 1);
    for row in 10..30 {
        let copy = train.row(3).to_owned();
        train.row_mut(row).assign(&copy);
    }
    let test = train.slice(s![3..4, ..]).to_owned();
    let pairs = near_duplicates(train.view(), test.view(), DEFAULT_THRESHOLD).unwrap();
    let rows: Vec<_> = pairs.iter().map(|pair| pair.train).collect();
    assert_eq!(rows, [vec![3], (10..9 + MOST_PER_ROW).collect()].concat());
}

#[test]
fn a_row_that_is_like_many_others_is_no_duplicate_and_one_that_stands_out_is() {
    // Test rows 0 and 1 have the direction of 15 training rows, up to noise. Row 1 is nearer to one of them.
    let mut random = Random::new(5, b"test", 0);
    let mut noise = |size: f64| random.uniform(-size, size) as f32;
    let mut train = Array2::from_shape_simple_fn((300, 30), || noise(1.0));
    let kind = train.row(0).to_owned();
    for row in 0..15 {
        train.row_mut(row).assign(&kind.mapv(|x| x + noise(0.5)));
    }
    let mut test = Array2::zeros((2, 30));
    test.row_mut(0).assign(&kind.mapv(|x| x + noise(0.5)));
    test.row_mut(1).assign(&train.row(7).mapv(|x| x + noise(0.3)));
    let nearest =
        nearest_rows(&Whitening::fit(train.view(), SHRINKAGE).unwrap(), train.view(), test.view(), 1)
            .unwrap();
    assert!(nearest.iter().all(|pair| pair.similarity > DEFAULT_THRESHOLD), "{nearest:?}");
    let pairs = near_duplicates(train.view(), test.view(), DEFAULT_THRESHOLD).unwrap();
    assert_eq!((pairs[0].test, pairs[0].train), (1, 7));
    assert!(pairs.iter().all(|pair| pair.test == 1), "{pairs:?}");
}

#[test]
fn copies_are_found_among_training_rows_that_are_all_equal() {
    let train = Array2::from_elem((4, 3), 0.7_f32);
    let test = array![[0.7_f32, 0.7, 0.7], [0.1, 0.7, 0.7]];
    let pairs = near_duplicates(train.view(), test.view(), 0.5).unwrap();
    assert_eq!(pairs.iter().map(|pair| pair.test).collect::<Vec<_>>(), [0; 4]);
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let (train, test) = (features(2500, 45, 1), features(700, 45, 2));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let whitening = Whitening::fit(train.view(), SHRINKAGE).unwrap();
            nearest_rows(&whitening, train.view(), test.view(), 3).unwrap()
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn what_does_not_fit_is_refused_with_the_way_out() {
    let x = features(5, 3, 1);
    let other = features(5, 4, 1);
    let none = Array2::<f32>::zeros((0, 3));
    let mut broken = x.clone();
    broken[[2, 1]] = f32::NAN;
    let message = |train: &Array2<f32>, test: &Array2<f32>, threshold| -> String {
        let error = near_duplicates(train.view(), test.view(), threshold).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }));
        error.to_string()
    };
    for (message, part) in [
        (message(&x, &other, 0.5), "expected 3 features per row, got 4; use one extractor"),
        (message(&none, &x, 0.5), "at least one row"),
        (message(&x, &none, 0.5), "at least one row"),
        (message(&broken, &x, 0.5), "NaN in row 2, column 1"),
        (message(&x, &broken, 0.5), "NaN in row 2, column 1"),
        (message(&x, &x, 1.5), "a threshold of -1 to 1, got 1.5"),
        (message(&x, &x, f64::NAN), "got NaN"),
    ] {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    assert!(Whitening::fit(x.view(), 0.0).is_err());
}
