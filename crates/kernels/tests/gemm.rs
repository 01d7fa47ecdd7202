//! The products against a naive triple loop, at odd sizes, in every layout, on every instruction set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[macro_use]
#[path = "checks/mod.rs"]
mod checks;

use mlprobe_kernels::{Error, Factor, Isa, Precision, fetching, gemm};
use ndarray::{Array2, ArrayView2, Axis, NdFloat, ShapeBuilder};

checks![
    f32_products_agree_with_a_triple_loop_within_the_stated_bound,
    f64_products_agree_with_a_triple_loop_within_the_stated_bound,
    a_factor_scales_what_was_there,
    where_beta_is_zero_what_was_there_is_not_read,
    an_element_is_the_same_bits_whatever_rows_and_columns_surround_it,
    a_product_added_up_along_the_inner_dimension_has_the_bits_of_a_whole_one,
    what_is_added_to_a_strided_view_comes_on_top_of_it,
    a_product_into_a_strided_view_leaves_the_rest_alone,
    shapes_that_do_not_fit_are_an_error_that_names_them,
    fetching_rows_meanwhile_changes_no_bit,
];

/// Σ_q a[m, q]·b[q, n] in f64, and the same sum of absolute values, which scales the error bound.
fn naive(a: ArrayView2<f64>, b: ArrayView2<f64>) -> (Array2<f64>, Array2<f64>) {
    let sum = |f: fn(f64) -> f64| {
        Array2::from_shape_fn((a.nrows(), b.ncols()), |(m, n)| {
            (0..a.ncols()).map(|q| f(a[[m, q]] * b[[q, n]])).sum()
        })
    };
    (sum(|x| x), sum(f64::abs))
}

/// Values in (-1, 1), different at every place, exact in f32.
fn numbers(rows: usize, columns: usize, column_major: bool, salt: u32) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns).set_f(column_major), |(i, j)| {
        let mixed = (i as u32 * 7919 + j as u32 * 104_729 + salt).wrapping_mul(2_654_435_761) >> 12;
        f64::from(mixed) / f64::from(1 << 19) - 1.0
    })
}

const SIZES: [(usize, usize, usize); 9] = [
    (1, 1, 1),
    (1, 17, 5),
    (3, 0, 4),
    (7, 9, 16),
    (15, 33, 31),
    (29, 5, 32),
    (33, 64, 10),
    (13, 100, 47),
    (61, 3, 129),
];

fn agrees_with_naive<T: Factor<Number = T> + NdFloat + Into<f64>>(unit_roundoff: f64, from: fn(f64) -> T) {
    let mut wrong = Vec::new();
    for isa in Isa::available() {
        for (m, q, n) in SIZES {
            for layout in 0..8 {
                let a = numbers(m, q, layout & 1 != 0, 1);
                let b = numbers(q, n, layout & 2 != 0, 2);
                let (expected, scale) = naive(a.view(), b.view());
                let mut c = Array2::from_elem((m, n).set_f(layout & 4 != 0), from(f64::NAN));
                gemm((isa, Precision::F32), &a.mapv(from), &b.mapv(from), T::zero(), &mut c).unwrap();
                for (((i, j), &actual), &expected) in c.indexed_iter().zip(&expected) {
                    let bound = 2.0 * q as f64 * unit_roundoff * scale[[i, j]];
                    let actual: f64 = actual.into();
                    if (actual - expected).abs() > bound || actual.is_nan() {
                        wrong.push(format!(
                            "{isa} {m}x{q}x{n} layout {layout} [{i}, {j}]: {actual} != {expected}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong, first: {}", wrong.len(), wrong[0]);
}

fn f32_products_agree_with_a_triple_loop_within_the_stated_bound() {
    agrees_with_naive(f64::from(f32::EPSILON) / 2.0, |x| x as f32);
}

fn f64_products_agree_with_a_triple_loop_within_the_stated_bound() {
    agrees_with_naive(f64::EPSILON / 2.0, |x| x);
}

/// A B + β C within 2 (Q + 1) ε (Σ|a||b| + |β||c|), as documented.
fn a_factor_scales_what_was_there() {
    for isa in Isa::available() {
        for (m, q, n) in SIZES {
            for layout in 0..8 {
                let a = numbers(m, q, layout & 1 != 0, 1);
                let b = numbers(q, n, layout & 2 != 0, 2);
                let before = numbers(m, n, layout & 4 != 0, 3);
                let (product, scale) = naive(a.view(), b.view());
                for beta in [0.7, 0.0, -1.0, 1.0] {
                    let mut c = before.clone();
                    gemm((isa, Precision::F32), &a, &b, beta, &mut c).unwrap();
                    for (at, &actual) in c.indexed_iter() {
                        let expected = product[at] + beta * before[at];
                        let sums = scale[at] + f64::abs(beta * before[at]);
                        let bound = 2.0 * (q + 1) as f64 * f64::EPSILON / 2.0 * sums;
                        assert!(
                            (actual - expected).abs() <= bound,
                            "{isa} {m}x{q}x{n} layout {layout} β {beta} {at:?}: {actual} != {expected}"
                        );
                    }
                }
            }
        }
    }
}

fn where_beta_is_zero_what_was_there_is_not_read() {
    let (a, b) = (numbers(5, 6, false, 5), numbers(6, 7, false, 6));
    let mut c = Array2::from_elem((5, 7), f64::NAN);
    gemm(Precision::F32, &a, &b, 0.0, &mut c).unwrap();
    assert!(c.iter().all(|c| c.is_finite()));
}

fn an_element_is_the_same_bits_whatever_rows_and_columns_surround_it() {
    let a = numbers(37, 50, false, 3).mapv(|x| x as f32);
    let b = numbers(50, 70, false, 4).mapv(|x| x as f32);
    for isa in Isa::available() {
        let mut whole = Array2::zeros((37, 70));
        gemm((isa, Precision::F32), &a, &b, 0.0, &mut whole).unwrap();
        for (rows, columns) in [(0..1, 0..70), (3..20, 5..6), (30..37, 11..64)] {
            let mut part = Array2::zeros((rows.len(), columns.len()));
            let a = a.slice(ndarray::s![rows.clone(), ..]);
            let b = b.slice(ndarray::s![.., columns.clone()]);
            gemm((isa, Precision::F32), &a, &b, 0.0, &mut part).unwrap();
            assert_eq!(part, whole.slice(ndarray::s![rows, columns]), "{isa}");
        }
    }
}

fn a_product_added_up_along_the_inner_dimension_has_the_bits_of_a_whole_one() {
    let a = numbers(37, 110, true, 7).mapv(|x| x as f32);
    let b = numbers(110, 75, false, 8).mapv(|x| x as f32);
    for isa in Isa::available() {
        for layout in [(37, 75).set_f(false), (37, 75).set_f(true)] {
            let (mut whole, mut parts) = (Array2::zeros(layout), Array2::zeros(layout));
            gemm((isa, Precision::F32), &a, &b, 0.0, &mut whole).unwrap();
            for (a, b) in a.axis_chunks_iter(Axis(1), 41).zip(b.axis_chunks_iter(Axis(0), 41)) {
                gemm((isa, Precision::F32), &a, &b, 1.0, &mut parts).unwrap();
            }
            assert_eq!(parts, whole, "{isa}");
        }
    }
}

fn what_is_added_to_a_strided_view_comes_on_top_of_it() {
    let (a, b) = (numbers(5, 6, false, 5), numbers(6, 7, false, 6));
    for isa in Isa::available() {
        let mut c = Array2::from_elem((10, 14), 2.0);
        gemm((isa, Precision::F32), &a, &b, 1.0, &mut c.slice_mut(ndarray::s![..;2, ..;2])).unwrap();
        let (product, scale) = naive(a.view(), b.view());
        for ((i, j), &product) in product.indexed_iter() {
            // One step more than the product alone.
            let bound = 2.0 * 7.0 * f64::EPSILON / 2.0 * (scale[[i, j]] + 2.0);
            assert!((c[[2 * i, 2 * j]] - (2.0 + product)).abs() <= bound, "{isa} [{i}, {j}]");
        }
        assert!(c.indexed_iter().all(|((i, j), &x)| (i % 2 == 0 && j % 2 == 0) || x == 2.0), "{isa}");
    }
}

fn a_product_into_a_strided_view_leaves_the_rest_alone() {
    let (a, b) = (numbers(5, 6, false, 5), numbers(6, 7, false, 6));
    for isa in Isa::available() {
        let mut c = Array2::from_elem((10, 14), -1.0);
        gemm((isa, Precision::F32), &a, &b, 0.0, &mut c.slice_mut(ndarray::s![..;2, ..;2])).unwrap();
        let untouched = c.indexed_iter().filter(|((i, j), _)| i % 2 == 1 || j % 2 == 1);
        assert!(untouched.into_iter().all(|(_, &x)| x == -1.0), "{isa}");
        assert!(c.slice(ndarray::s![..;2, ..;2]).iter().all(|&x| x != -1.0), "{isa}");
    }
}

fn shapes_that_do_not_fit_are_an_error_that_names_them() {
    let (a, b) = (Array2::<f32>::zeros((2, 3)), Array2::<f32>::zeros((4, 5)));
    let error = gemm(Precision::F32, &a, &b, 0.0, &mut Array2::zeros((2, 5))).unwrap_err();
    assert!(matches!(error, Error::Shape { operation: "gemm", .. }));
    assert!(error.to_string().contains("(4, 5)"), "{error}");
}

fn fetching_rows_meanwhile_changes_no_bit() {
    let rows = numbers(9, 33, false, 3).mapv(|x| x as f32);
    let rows: Vec<&[f32]> = rows.rows().into_iter().map(|row| row.to_slice().unwrap()).collect();
    for isa in Isa::available() {
        for (m, q, n) in SIZES {
            let [a, b] = [numbers(m, q, true, 1), numbers(q, n, false, 2)].map(|x| x.mapv(|x| x as f32));
            let (mut c, mut fetched) = (Array2::zeros((m, n)), Array2::zeros((m, n)));
            gemm((isa, Precision::F32), &a, &b, 0.0, &mut c).unwrap();
            // None, one that is empty, fewer rows than tiles, and more than a product has time for.
            for rows in [&[][..], &[&[][..]], &rows[..2], &rows] {
                fetched.fill(f32::NAN);
                let product = || gemm((isa, Precision::F32), &a, &b, 0.0, &mut fetched);
                fetching(rows.iter().copied(), product).unwrap();
                assert_eq!(fetched, c);
            }
        }
    }
}
