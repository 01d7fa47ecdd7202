//! Convolution and pooling against naive loops, at odd sizes, on every instruction set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[macro_use]
#[path = "checks/mod.rs"]
mod checks;

use mlprobe_kernels::{Conv, Error, Finish, Isa, Map, MaxPool, Precision, mix};
use ndarray::Array4;

checks![
    a_strided_3x3_convolution_agrees_with_naive_loops,
    padded_and_strided_convolutions_agree_with_naive_loops,
    a_1x1_convolution_agrees_with_naive_loops,
    a_padded_3x3_convolution_by_winograd_agrees_with_naive_loops,
    direct_convolutions_in_bf16_and_bf16x3_agree_with_naive_loops,
    convolutions_of_odd_channels_with_an_even_stride_agree_with_naive_loops_in_bf16,
    a_padded_3x3_convolution_of_more_than_256_channels_is_direct_in_bf16,
    winograds_method_in_bf16x3_agrees_with_naive_loops,
    instruction_sets_of_one_order_give_direct_convolutions_the_same_bits_in_bf16,
    factors_are_rounded_unless_pixels_have_no_pairs_or_winograds_method_in_f32_is_faster,
    an_image_gives_the_same_bits_whichever_images_go_with_it,
    max_pooling_agrees_with_naive_loops_where_windows_hang_over_the_edge,
    pooled_lengths_are_those_of_torch,
    mixing_weighs_both_rows_at_every_length,
    arguments_that_do_not_fit_are_errors_that_name_them,
];

/// Values in (-1, 1), different at every place.
fn number(index: usize, salt: u32) -> f32 {
    ((index as u32 + salt).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0
}

fn map(shape: (usize, usize, usize, usize), salt: u32) -> Map {
    let mut map = Map::zeros(shape).unwrap();
    map.data_mut().iter_mut().enumerate().for_each(|(i, x)| *x = number(i, salt));
    map
}

fn weights(shape: (usize, usize, usize, usize)) -> (Array4<f32>, Vec<f32>) {
    let mut index = 0;
    let weight = Array4::from_shape_simple_fn(shape, || {
        index += 1;
        number(index, 77)
    });
    (weight, (0..shape.0).map(|o| number(o, 99)).collect())
}

/// conv + bias at one output place, in f64, and the sum of the absolute products.
fn naive(
    input: &Map,
    weight: &Array4<f32>,
    bias: f32,
    (stride, padding): (usize, usize),
    (n, y, x, o): (usize, usize, usize, usize),
) -> (f64, f64) {
    let (_, height, width, channels) = input.shape();
    let (_, _, kh, kw) = weight.dim();
    let (mut sum, mut scale) = (f64::from(bias), f64::from(bias).abs());
    for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
        let (row, column) =
            ((y * stride + ky).wrapping_sub(padding), (x * stride + kx).wrapping_sub(padding));
        if row < height && column < width {
            for c in 0..channels {
                let product = f64::from(input.data()[((n * height + row) * width + column) * channels + c])
                    * f64::from(weight[[o, c, ky, kx]]);
                (sum, scale) = (sum + product, scale + product.abs());
            }
        }
    }
    (sum, scale)
}

/// Checks every output; `growth` is how far the method's rounding error may exceed ε·Σ|products|.
fn agrees(
    weight_shape: (usize, usize, usize, usize),
    stride_and_padding: (usize, usize),
    sizes: &[(usize, usize, usize)],
    growth: f64,
) {
    agrees_in(Precision::F32, weight_shape, stride_and_padding, sizes, growth);
}

/// The same in another precision.
fn agrees_in(
    precision: Precision,
    weight_shape: (usize, usize, usize, usize),
    (stride, padding): (usize, usize),
    sizes: &[(usize, usize, usize)],
    growth: f64,
) {
    let stride_and_padding = (stride, padding);
    let (weight, bias) = weights(weight_shape);
    for isa in checks::every_set() {
        let conv = Conv::new((isa, precision), weight.view(), &bias, stride, padding).unwrap();
        for &(n, height, width) in sizes {
            let input = map((n, height, width, weight_shape.1), 5);
            let (out_height, out_width) = conv.output_size(height, width);
            // Sixteen channels before those written, and sixteen after, have to stay as they are.
            let all = 32 + weight_shape.0;
            let finish =
                [Finish::Store, Finish::Relu, Finish::Relu6, Finish::Add, Finish::AddRelu][(n + height) % 5];
            let before = map((n, out_height, out_width, all), 6);
            let mut output = before.clone();
            conv.forward(&input, &mut output, 16, finish).unwrap();
            for (pixel, values) in output.data().chunks_exact(all).enumerate() {
                let (i, y, x) =
                    (pixel / (out_height * out_width), pixel / out_width % out_height, pixel % out_width);
                let before = &before.data()[pixel * all..][..all];
                assert_eq!(values[..16], before[..16], "{isa}: neighbours");
                assert_eq!(values[all - 16..], before[all - 16..], "{isa}: neighbours");
                for (o, &value) in values[16..all - 16].iter().enumerate() {
                    let (sum, scale) = naive(&input, &weight, bias[o], stride_and_padding, (i, y, x, o));
                    let expected = match finish {
                        Finish::Store => sum,
                        Finish::Relu => sum.max(0.0),
                        Finish::Relu6 => sum.clamp(0.0, 6.0),
                        Finish::Add => sum + f64::from(before[16 + o]),
                        Finish::AddRelu => (sum + f64::from(before[16 + o])).max(0.0),
                    };
                    let bound = growth * f64::from(f32::EPSILON) * (scale + 1.0);
                    assert!(
                        (f64::from(value) - expected).abs() <= bound,
                        "{isa} {precision} {n}x{height}x{width} at {i}, {y}, {x}, {o}: {value} != {expected} ± {bound:e}"
                    );
                }
            }
        }
    }
}

fn a_strided_3x3_convolution_agrees_with_naive_loops() {
    agrees((48, 3, 3, 3), (2, 0), &[(1, 3, 3), (2, 8, 31), (1, 33, 16)], 27.0);
}

fn padded_and_strided_convolutions_agree_with_naive_loops() {
    agrees((16, 3, 7, 7), (2, 3), &[(1, 7, 7), (2, 9, 16), (3, 1, 5)], 147.0);
    agrees((32, 16, 3, 3), (2, 1), &[(1, 1, 1), (2, 7, 8), (3, 5, 4)], 144.0);
    agrees((16, 5, 3, 3), (1, 1), &[(1, 3, 4), (2, 6, 5), (3, 2, 2)], 45.0);
}

fn a_1x1_convolution_agrees_with_naive_loops() {
    agrees((16, 19, 1, 1), (1, 0), &[(1, 1, 1), (3, 5, 7), (1, 15, 15)], 19.0);
    agrees((96, 64, 1, 1), (2, 0), &[(2, 5, 7)], 64.0);
}

fn a_padded_3x3_convolution_by_winograd_agrees_with_naive_loops() {
    // A sum of 9·I products errs by √(9·I) units on average. The transforms double that, and the largest of many
    // errors is some five times the average.
    let sizes = [(1, 1, 1), (1, 4, 4), (2, 5, 7), (9, 7, 7), (1, 13, 31)];
    agrees((16, 16, 3, 3), (1, 1), &sizes, 12.0);
    agrees((80, 48, 3, 3), (1, 1), &sizes, 12.0);
}

/// Output channels, input channels, height and width of kernels; stride and padding; inputs.
type Case = ((usize, usize, usize, usize), (usize, usize), [(usize, usize, usize); 3]);

const DIRECT: [Case; 6] = [
    ((48, 4, 3, 3), (2, 0), [(1, 3, 3), (2, 8, 31), (1, 33, 16)]),
    ((16, 6, 7, 7), (2, 3), [(1, 7, 7), (2, 9, 16), (3, 1, 5)]),
    ((32, 16, 3, 3), (2, 1), [(1, 1, 1), (2, 7, 8), (3, 5, 4)]),
    ((16, 18, 1, 1), (1, 0), [(1, 1, 1), (3, 5, 7), (1, 15, 15)]),
    ((96, 64, 1, 1), (2, 0), [(2, 5, 7), (1, 1, 1), (1, 4, 3)]),
    ((16, 10, 3, 3), (1, 1), [(1, 1, 1), (2, 4, 5), (1, 7, 7)]),
];

const ODD: [Case; 4] = [
    ((48, 3, 3, 3), (2, 0), [(1, 3, 3), (2, 8, 31), (1, 33, 16)]),
    ((16, 3, 7, 7), (2, 3), [(1, 7, 7), (2, 9, 16), (3, 1, 5)]),
    ((16, 5, 2, 4), (4, 1), [(1, 2, 2), (2, 9, 15), (1, 12, 18)]),
    ((32, 7, 1, 1), (2, 0), [(2, 5, 7), (1, 1, 1), (1, 4, 3)]),
];

/// The bounds of `gemm` for kh·kw·I numbers, in units of 2⁻²³ Σ|products|.
fn direct_convolutions_in_bf16_and_bf16x3_agree_with_naive_loops() {
    for (shape, stride_and_padding, sizes) in DIRECT {
        let steps = (shape.2 * shape.3 * shape.1 + 1) as f64;
        let rounding = f64::from(1 << 16) + f64::from(1 << 7);
        agrees_in(Precision::Bf16, shape, stride_and_padding, &sizes, rounding + steps);
        agrees_in(Precision::Bf16x3, shape, stride_and_padding, &sizes, 1.01 + 3.5 * steps);
    }
}

/// Rows of the kernel then are pairs, and some end in the middle of one, or begin there behind the padding.
fn convolutions_of_odd_channels_with_an_even_stride_agree_with_naive_loops_in_bf16() {
    for (shape, stride_and_padding, sizes) in ODD {
        let steps = (shape.2 * shape.3 * shape.1 + 1) as f64;
        let rounding = f64::from(1 << 16) + f64::from(1 << 7);
        agrees_in(Precision::Bf16, shape, stride_and_padding, &sizes, rounding + steps);
    }
}

/// What is by Winograd's method in the other precisions.
fn a_padded_3x3_convolution_of_more_than_256_channels_is_direct_in_bf16() {
    let (rounding, steps) = (f64::from(1 << 16) + f64::from(1 << 7), f64::from(9 * 272 + 1));
    agrees_in(Precision::Bf16, (16, 272, 3, 3), (1, 1), &[(1, 1, 1), (2, 5, 7)], rounding + steps);
}

/// The bound of the same in `f32`: what bf16x3 leaves out is one unit.
fn winograds_method_in_bf16x3_agrees_with_naive_loops() {
    let sizes = [(1, 1, 1), (2, 5, 7), (9, 7, 7), (1, 13, 31)];
    agrees_in(Precision::Bf16x3, (16, 16, 3, 3), (1, 1), &sizes, 13.0);
    agrees_in(Precision::Bf16x3, (80, 48, 3, 3), (1, 1), &sizes, 13.0);
}

fn instruction_sets_of_one_order_give_direct_convolutions_the_same_bits_in_bf16() {
    let odd = ODD.map(|case| (case, &[Precision::Bf16][..]));
    let even = DIRECT.map(|case| (case, &[Precision::Bf16, Precision::Bf16x3][..]));
    for ((shape, (stride, padding), sizes), precisions) in odd.into_iter().chain(even) {
        let (weight, bias) = weights(shape);
        let sets = precisions
            .iter()
            .flat_map(|&precision| checks::sets_of_one_order().map(|sets| (precision, sets)));
        for (precision, sets) in sets {
            let [expected, others @ ..] = &sets
                .into_iter()
                .map(|isa| {
                    let conv = Conv::new((isa, precision), weight.view(), &bias, stride, padding).unwrap();
                    let (n, height, width) = sizes[1];
                    let (out_height, out_width) = conv.output_size(height, width);
                    let mut output = Map::zeros((n, out_height, out_width, shape.0)).unwrap();
                    conv.forward(&map((n, height, width, shape.1), 4), &mut output, 0, Finish::Relu).unwrap();
                    (isa, output)
                })
                .collect::<Vec<_>>()[..]
            else {
                panic!("an instruction set")
            };
            for (isa, output) in others {
                assert_eq!(
                    output.data(),
                    expected.1.data(),
                    "{isa} and {} {precision} {shape:?}",
                    expected.0
                );
            }
        }
    }
}

fn factors_are_rounded_unless_pixels_have_no_pairs_or_winograds_method_in_f32_is_faster() {
    for (shape, (stride, padding), rounds) in [
        ((32, 16, 1, 1), (1, 0), [true, true]),
        ((32, 16, 3, 3), (1, 1), [true, false]),
        ((32, 256, 3, 3), (1, 1), [true, false]),
        ((32, 272, 3, 3), (1, 1), [true, true]),
        ((32, 16, 3, 3), (2, 1), [true, true]),
        ((32, 15, 3, 3), (1, 1), [false, false]),
        ((32, 15, 3, 3), (2, 1), [false, true]),
    ] {
        let (weight, bias) = weights(shape);
        for isa in checks::every_set() {
            let [exact, bf16x3, bf16] = Precision::ALL.map(|precision| {
                let conv = Conv::new((isa, precision), weight.view(), &bias, stride, padding).unwrap();
                let (height, width) = conv.output_size(7, 7);
                let mut output = Map::zeros((2, height, width, 32)).unwrap();
                conv.forward(&map((2, 7, 7, shape.1), 3), &mut output, 0, Finish::Store).unwrap();
                output.data().to_vec()
            });
            // With AMX, direct sums in bf16 take the place of Winograd's method.
            let rounds = [rounds[0], rounds[1] || (isa.is_amx() && shape.1 % 16 == 0)];
            assert_eq!([bf16x3 != exact, bf16 != exact], rounds, "{isa} {shape:?}, stride {stride}");
        }
    }
}

fn an_image_gives_the_same_bits_whichever_images_go_with_it() {
    let (weight, bias) = weights((32, 16, 3, 3));
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        let conv = Conv::new((isa, precision), weight.view(), &bias, 1, 1).unwrap();
        let input = map((11, 7, 7, 16), 3);
        let mut together = Map::zeros((11, 7, 7, 32)).unwrap();
        conv.forward(&input, &mut together, 0, Finish::Store).unwrap();
        let (mut one, mut alone) = (Map::zeros((1, 7, 7, 16)).unwrap(), Map::zeros((1, 7, 7, 32)).unwrap());
        for i in 0..11 {
            one.data_mut().copy_from_slice(input.images().nth(i).unwrap());
            conv.forward(&one, &mut alone, 0, Finish::Store).unwrap();
            assert_eq!(alone.data(), together.images().nth(i).unwrap(), "{isa} {precision}, image {i}");
        }
    }
}

fn max_pooling_agrees_with_naive_loops_where_windows_hang_over_the_edge() {
    for isa in Isa::available() {
        for (height, width) in [(1, 1), (2, 3), (3, 4), (7, 8), (24, 31)] {
            for pool in [MaxPool { padding: 0, ceil: true }, MaxPool { padding: 1, ceil: false }] {
                let input = map((2, height, width, 16), 8);
                let (out_height, out_width) = (pool.output_size(height), pool.output_size(width));
                let mut output = Map::zeros((2, out_height, out_width, 16)).unwrap();
                pool.forward(isa, &input, &mut output).unwrap();
                for (n, (i, &value)) in (0..2)
                    .flat_map(|n| output.images().nth(n).unwrap().iter().enumerate().map(move |x| (n, x)))
                {
                    let (y, x, c) = (i / 16 / out_width, i / 16 % out_width, i % 16);
                    let reaches = |window: usize, place: usize| {
                        (2 * window..2 * window + 3).contains(&(place + pool.padding))
                    };
                    let expected = (0..height)
                        .flat_map(|row| (0..width).map(move |column| (row, column)))
                        .filter(|&(row, column)| reaches(y, row) && reaches(x, column))
                        .map(|(row, column)| input.data()[((n * height + row) * width + column) * 16 + c])
                        .fold(f32::MIN, f32::max);
                    assert_eq!(value, expected, "{isa} {height}x{width} {pool:?}");
                }
            }
        }
    }
}

fn pooled_lengths_are_those_of_torch() {
    let lengths = |pool: MaxPool| [3, 4, 5, 6, 24, 63, 111, 112].map(|length| pool.output_size(length));
    assert_eq!(lengths(MaxPool { padding: 0, ceil: true }), [1, 2, 2, 3, 12, 31, 55, 56]);
    assert_eq!(lengths(MaxPool { padding: 1, ceil: false }), [2, 2, 3, 3, 12, 32, 56, 56]);
}

fn mixing_weighs_both_rows_at_every_length() {
    for isa in Isa::available() {
        for len in [0, 1, 15, 16, 37] {
            let (a, b): (Vec<f32>, Vec<f32>) = (0..len).map(|i| (number(i, 1), number(i, 2))).unzip();
            let mut out = vec![f32::NAN; len];
            mix(isa, (&a, 0.25), (&b, 0.75), &mut out).unwrap();
            let near = |(i, &x): (usize, &f32)| (x - (0.25 * a[i] + 0.75 * b[i])).abs() <= f32::EPSILON;
            assert!(out.iter().enumerate().all(near), "{isa}, {len}");
        }
    }
}

fn arguments_that_do_not_fit_are_errors_that_name_them() {
    let (weight, bias) = weights((16, 3, 3, 3));
    let isa = Isa::current();
    let conv = Conv::new((isa, Precision::F32), weight.view(), &bias, 2, 0).unwrap();
    let pool = MaxPool { padding: 0, ceil: true };
    let errors = [
        Conv::new((isa, Precision::F32), weight.view(), &bias[1..], 2, 0).err(),
        Conv::new((isa, Precision::F32), weight.view(), &bias, 0, 0).err(),
        Conv::new((isa, Precision::F32), weights((15, 3, 3, 3)).0.view(), &bias[1..], 2, 0).err(),
        conv.forward(&map((1, 9, 9, 4), 0), &mut Map::zeros((1, 4, 4, 16)).unwrap(), 0, Finish::Relu).err(),
        conv.forward(&map((1, 2, 9, 3), 0), &mut Map::zeros((1, 1, 4, 16)).unwrap(), 0, Finish::Relu).err(),
        conv.forward(&map((1, 9, 9, 3), 0), &mut Map::zeros((1, 4, 5, 16)).unwrap(), 0, Finish::Relu).err(),
        conv.forward(&map((1, 9, 9, 3), 0), &mut Map::zeros((1, 4, 4, 16)).unwrap(), 1, Finish::Relu).err(),
        pool.forward(isa, &map((1, 9, 9, 3), 0), &mut Map::zeros((1, 4, 4, 3)).unwrap()).err(),
        pool.forward(isa, &map((1, 9, 9, 16), 0), &mut Map::zeros((1, 5, 4, 16)).unwrap()).err(),
        MaxPool { padding: 2, ceil: false }
            .forward(isa, &map((1, 9, 9, 16), 0), &mut Map::zeros((1, 6, 6, 16)).unwrap())
            .err(),
        mix(isa, (&[0.0], 1.0), (&[0.0, 1.0], 1.0), &mut [0.0, 0.0]).err(),
    ];
    for (i, error) in errors.into_iter().enumerate() {
        assert!(matches!(error, Some(Error::Shape { .. })), "case {i}: {error:?}");
    }
}
