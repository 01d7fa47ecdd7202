//! The nearest rows against a naive search, however the rows are divided into blocks.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use mlprobe_kernels::{Error, Precision, keep_nearest};
use ndarray::{Array2, ArrayView2, s};

/// Small whole numbers: every product is exact, so that equal scores are truly equal.
fn whole_numbers(rows: usize, salt: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 5), |(i, j)| ((i * 31 + j * 17 + salt * i * j) % 7) as f32 - 3.0)
}

/// All rows sorted by score, then by number.
fn naive(queries: ArrayView2<'_, f32>, rows: ArrayView2<'_, f32>, k: usize) -> Vec<Vec<(f32, usize)>> {
    let of_query = |query: ndarray::ArrayView1<'_, f32>| {
        let score = |(i, row): (usize, ndarray::ArrayView1<'_, f32>)| (query.dot(&row) + (i % 3) as f32, i);
        let mut all: Vec<(f32, usize)> = rows.outer_iter().enumerate().map(score).collect();
        all.sort_by(|(a, i), (b, j)| b.total_cmp(a).then(i.cmp(j)));
        all.truncate(k);
        all
    };
    queries.outer_iter().map(of_query).collect()
}

#[test]
fn the_best_rows_are_those_of_a_naive_search_however_rows_are_divided() {
    // 2,500 rows are two blocks of 2,048 or less, 300 queries two of 256 or less.
    let (rows, queries) = (whole_numbers(2500, 1), whole_numbers(300, 2));
    let score = |product: f32, row: usize| product + (row % 3) as f32;
    for (k, precision) in
        [(0, Precision::F32), (1, Precision::Bf16x3), (7, Precision::Bf16), (2600, Precision::F32)]
    {
        let expected = naive(queries.view(), rows.view(), k);
        for cuts in [vec![0, 2500], vec![0, 1, 700, 2500], vec![0, 2048, 2048, 2500]] {
            let mut found = vec![Vec::new(); 300];
            for cut in cuts.windows(2) {
                let piece = rows.slice(s![cut[0]..cut[1], ..]);
                keep_nearest(precision, queries.view(), piece, cut[0], score, k, &mut found).unwrap();
            }
            assert!(found == expected, "k = {k}, {precision}, {cuts:?}");
        }
    }
}

/// 1 + 2⁻⁹ is no bf16 number: its nearest is 1.
#[test]
fn products_are_those_of_the_precision() {
    let (query, rows) = (ndarray::array![[1.0]], ndarray::array![[1.0], [1.0 + 1.0 / 512.0]]);
    for (precision, best) in [(Precision::F32, 1), (Precision::Bf16x3, 1), (Precision::Bf16, 0)] {
        let mut found = [Vec::new()];
        keep_nearest(precision, query.view(), rows.view(), 0, |product, _| product, 1, &mut found).unwrap();
        assert_eq!(found[0][0].1, best, "{precision}");
    }
}

#[test]
fn a_score_that_is_nan_is_kept_only_where_there_are_no_others() {
    let query = ndarray::array![[1.0_f32]];
    let found = |scores: &[f32], k: usize| {
        let rows = Array2::from_shape_fn((scores.len(), 1), |(i, _)| i as f32);
        let mut found = [Vec::new()];
        // Row by row, as blocks that come one after the other.
        for i in 0..scores.len() {
            let row = rows.slice(s![i..=i, ..]);
            let score = |_, number: usize| scores[number];
            keep_nearest(Precision::F32, query.view(), row, i, score, k, &mut found).unwrap();
        }
        found[0].iter().map(|&(_, number)| number).collect::<Vec<_>>()
    };
    let nan = f32::NAN;
    assert_eq!(found(&[2.0, nan, 5.0, -nan, 3.0], 2), [2, 4]);
    assert_eq!(found(&[nan, nan, 5.0], 2), [2, 0]);
    assert_eq!(found(&[nan, f32::NEG_INFINITY, nan, f32::INFINITY], 9), [3, 1, 0, 2]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let (rows, queries) = (whole_numbers(4, 1), whole_numbers(3, 2));
    let find = |rows: ArrayView2<'_, f32>, found: usize| {
        keep_nearest(
            Precision::F32,
            queries.view(),
            rows,
            0,
            |product, _| product,
            1,
            &mut vec![Vec::new(); found],
        )
    };
    assert!(find(rows.view(), 3).is_ok());
    assert!(matches!(find(rows.view(), 2), Err(Error::Shape { operation: "keep_nearest", .. })));
    assert!(matches!(find(rows.slice(s![.., ..4]), 3), Err(Error::Shape { .. })));
}
