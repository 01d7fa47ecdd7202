//! Products in every precision against a naive loop, at odd sizes, in every layout, on every instruction set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[macro_use]
#[path = "checks/mod.rs"]
mod checks;

use mlprobe_kernels::{Bf16, Error, Precision, gemm};
use ndarray::{Array2, Axis, ShapeBuilder, s};

checks![
    products_agree_with_a_naive_loop_within_the_stated_bounds,
    numbers_of_bf16_are_multiplied_exactly,
    one_product_of_bf16x3_is_off_by_less_than_2_to_the_minus_22,
    instruction_sets_of_one_order_give_the_same_bits_in_bf16,
    a_product_cut_along_q_at_multiples_of_32_has_the_bits_of_a_whole_one,
    shapes_that_do_not_fit_are_an_error,
];

/// (M, Q, N)
const SIZES: [(usize, usize, usize); 10] = [
    (1, 1, 1),
    (1, 17, 5),
    (3, 0, 4),
    (7, 9, 16),
    (15, 33, 31),
    (29, 5, 32),
    (33, 64, 10),
    (13, 100, 47),
    (61, 3, 129),
    (230, 12, 33),
];

/// Values in (-1, 1) of all 24 bits, different at every place.
fn numbers(shape: (usize, usize), column_major: bool, salt: u32) -> Array2<f32> {
    Array2::from_shape_fn(shape.set_f(column_major), |(i, j)| {
        let mixed = (i as u32 * 7919 + j as u32 * 104_729 + salt).wrapping_mul(2_654_435_761);
        (mixed ^ mixed >> 15) as i32 as f32 / (1_u32 << 31) as f32
    })
}

fn rounded(x: &Array2<f32>) -> Array2<Bf16> {
    let mut rounded = Array2::default(x.raw_dim().set_f(!x.is_standard_layout()));
    rounded.zip_mut_with(x, |to, &x| *to = Bf16::from(x));
    rounded
}

/// Σ_q a[m, q]·b[q, n] + c[m, n] in f64, S = Σ_q |a||b| and T = S + |c|.
fn naive(a: &Array2<f32>, b: &Array2<f32>, c: &Array2<f32>) -> [Array2<f64>; 3] {
    let [a, b, c] = [a, b, c].map(|x| x.mapv(f64::from));
    let s = a.mapv(f64::abs).dot(&b.mapv(f64::abs));
    [a.dot(&b) + &c, s.clone(), s + c.mapv(f64::abs)]
}

/// The bounds that `gemm` states.
fn bound(precision: Precision, q: usize, s: f64, t: f64) -> f64 {
    let (power, steps) = (|exponent| 2.0_f64.powi(exponent), q as f64 + 1.0);
    match precision {
        Precision::F32 => 2.0 * (steps + 1.0) * power(-24) * t,
        Precision::Bf16x3 => (power(-23) + power(-32)) * s + 7.0 * steps * power(-24) * t,
        Precision::Bf16 => (power(-7) + power(-16)) * s + 2.0 * steps * power(-24) * t,
    }
}

fn products_agree_with_a_naive_loop_within_the_stated_bounds() {
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        for ((m, q, n), layout) in SIZES.iter().flat_map(|&size| (0..8).map(move |layout| (size, layout))) {
            let (a, b) = (numbers((m, q), layout & 1 != 0, 1), numbers((q, n), layout & 2 != 0, 2));
            let before = numbers((m, n), layout & 4 != 0, 3);
            for beta in [0.0, 1.0, -0.5] {
                let mut c = if beta == 0.0 { before.mapv(|_| f32::NAN) } else { before.clone() };
                gemm((isa, precision), &a, &b, beta, &mut c).unwrap();
                let [expected, s, t] = naive(&a, &b, &(&before * beta));
                for (at, &actual) in c.indexed_iter() {
                    let off = (f64::from(actual) - expected[at]).abs();
                    let bound = bound(precision, q, s[at], t[at]);
                    assert!(
                        off <= bound,
                        "{isa} {precision} {m}x{q}x{n} {layout} {at:?}: {off:e} > {bound:e}"
                    );
                }
            }
        }
    }
}

fn numbers_of_bf16_are_multiplied_exactly() {
    for isa in checks::every_set() {
        for ((m, q, n), layout) in SIZES.iter().flat_map(|&size| (0..8).map(move |layout| (size, layout))) {
            let a = rounded(&numbers((m, q), layout & 1 != 0, 1));
            let b = numbers((q, n), layout & 2 != 0, 2).mapv(|b| f32::from(Bf16::from(b)));
            let mut c = Array2::zeros((m, n).set_f(layout & 4 != 0));
            for precision in Precision::ALL {
                gemm((isa, precision), &a, &b, 0.0, &mut c).unwrap();
                let [expected, s, _] = naive(&a.mapv(f32::from), &b, &Array2::zeros((m, n)));
                for (at, &actual) in c.indexed_iter() {
                    let bound = 2.0 * (q + 1) as f64 * 2.0_f64.powi(-24) * s[at];
                    assert!((f64::from(actual) - expected[at]).abs() <= bound, "{isa} {precision} {at:?}");
                }
            }
        }
    }
}

/// Without other sums: what is left out, 2⁻²³, the last step, 2⁻²⁴, and the five before it, of numbers 2⁻⁷ as large.
fn one_product_of_bf16x3_is_off_by_less_than_2_to_the_minus_22() {
    let (a, b) = (numbers((300, 1), false, 1), numbers((1, 300), false, 2));
    let mut c = Array2::zeros((300, 300));
    gemm(Precision::Bf16x3, &a, &b, 0.0, &mut c).unwrap();
    let [expected, s, _] = naive(&a, &b, &Array2::zeros((300, 300)));
    let units = (c.mapv(f64::from) - expected).mapv(f64::abs) / s * 2.0_f64.powi(23);
    assert!(units.iter().all(|&units| units < 1.6), "{:?}", units.iter().fold(0.0_f64, |a, &b| a.max(b)));
    gemm(Precision::Bf16, &a, &b, 0.0, &mut c).unwrap();
    let [expected, s, _] = naive(&a, &b, &Array2::zeros((300, 300)));
    let units = (c.mapv(f64::from) - expected).mapv(f64::abs) / s * 2.0_f64.powi(7);
    let largest = units.iter().fold(0.0_f64, |a, &b| a.max(b));
    assert!((0.5..1.01).contains(&largest), "{largest}");
}

/// Also where factors, products and sums are so small that they become zero, or so large that they become infinite.
fn instruction_sets_of_one_order_give_the_same_bits_in_bf16() {
    let bits = |x: &Array2<f32>| x.mapv(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() });
    for ((m, q, n), precision) in
        SIZES.iter().flat_map(|&s| [Precision::Bf16, Precision::Bf16x3].map(|p| (s, p)))
    {
        for (scale_a, scale_b) in
            [(1.0, 1.0), (1e-19, 3e-20), (1e-38, 1.0), (1e-30, 1e-8), (1e19, 3e19), (3e38, 1.0)]
        {
            for spread in [1, 40] {
                let spread = |x: &f32| x * 2.0_f32.powi((x.to_bits() >> 3) as i32 % spread - spread / 2);
                let a = numbers((m, q), false, 1).map(spread) * scale_a;
                let b = numbers((q, n), false, 2).map(spread) * scale_b;
                let product = |isa, a: &Array2<f32>| {
                    let mut c = Array2::from_elem((m, n), 1e-38);
                    gemm((isa, precision), a, &b, 1.0, &mut c).unwrap();
                    bits(&c)
                };
                for (first, isa) in
                    checks::sets_of_one_order().iter().flat_map(|sets| sets.iter().map(|&isa| (sets[0], isa)))
                {
                    let expected = product(first, &a);
                    assert_eq!(
                        product(isa, &a),
                        expected,
                        "{isa} {precision} {m}x{q}x{n} {scale_a} {scale_b}"
                    );
                    let (mut c, narrow) = (Array2::from_elem((m, n), 1e-38), rounded(&a));
                    gemm((isa, precision), &narrow, &b, 1.0, &mut c).unwrap();
                    assert_eq!(bits(&c), product(isa, &narrow.mapv(f32::from)), "{isa}: kept in bf16");
                }
            }
        }
    }
}

fn a_product_cut_along_q_at_multiples_of_32_has_the_bits_of_a_whole_one() {
    let (a, b) = (numbers((37, 111), true, 7), numbers((111, 75), false, 8));
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        let (mut whole, mut parts, mut row) =
            (Array2::zeros((37, 75)), Array2::zeros((37, 75)), Array2::zeros((1, 75)));
        gemm((isa, precision), &a, &b, 0.0, &mut whole).unwrap();
        for (a, b) in a.axis_chunks_iter(Axis(1), 32).zip(b.axis_chunks_iter(Axis(0), 32)) {
            gemm((isa, precision), &a, &b, 1.0, &mut parts).unwrap();
        }
        assert_eq!(parts, whole, "{isa} {precision}");
        for i in 0..37 {
            gemm((isa, precision), &a.slice(s![i..i + 1, ..]), &b, 0.0, &mut row).unwrap();
            assert_eq!(row.row(0), whole.row(i), "{isa} {precision}");
        }
    }
}

fn shapes_that_do_not_fit_are_an_error() {
    let (a, b) = (Array2::<f32>::zeros((2, 3)), Array2::<f32>::zeros((4, 5)));
    for precision in Precision::ALL {
        let error = gemm(precision, &a, &b, 0.0, &mut Array2::zeros((2, 5))).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }) && error.to_string().contains("(4, 5)"), "{error}");
    }
}
