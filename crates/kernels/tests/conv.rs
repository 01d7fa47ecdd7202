//! Convolution and pooling against naive loops, at odd sizes, on every instruction set.

use mlprobe_kernels::{Conv, Error, Isa, Map, max_pool, mix, pooled};
use ndarray::Array4;

/// Values in (-1, 1), different at every place.
fn number(index: usize, salt: u32) -> f32 {
    ((index as u32 + salt).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0
}

fn map(shape: (usize, usize, usize, usize), salt: u32) -> Map {
    let mut map = Map::zeros(shape);
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

/// max(conv + bias, 0) at one output place, in f64, and the sum of the absolute products.
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
                let product = f64::from(input.image(n)[(row * width + column) * channels + c])
                    * f64::from(weight[[o, c, ky, kx]]);
                (sum, scale) = (sum + product, scale + product.abs());
            }
        }
    }
    (sum.max(0.0), scale)
}

/// Checks every output; `growth` is how far the method's rounding error may exceed ε·Σ|products|.
fn agrees(
    weight_shape: (usize, usize, usize, usize),
    stride_and_padding: (usize, usize),
    sizes: &[(usize, usize, usize)],
    growth: f64,
) {
    let (weight, bias) = weights(weight_shape);
    for isa in Isa::available() {
        let conv = Conv::new(isa, weight.view(), &bias, stride_and_padding.0, stride_and_padding.1).unwrap();
        for &(n, height, width) in sizes {
            let input = map((n, height, width, weight_shape.1), 5);
            let (out_height, out_width) = conv.output_size(height, width);
            // Sixteen channels before those written, and sixteen after, have to stay as they are.
            let all = 32 + weight_shape.0;
            let mut output = Map::zeros((n, out_height, out_width, all));
            output.data_mut().fill(-1.0);
            conv.forward(&input, &mut output, 16).unwrap();
            for (pixel, values) in output.data().chunks_exact(all).enumerate() {
                let (i, y, x) =
                    (pixel / (out_height * out_width), pixel / out_width % out_height, pixel % out_width);
                assert!(
                    values[..16].iter().chain(&values[all - 16..]).all(|&v| v == -1.0),
                    "{isa}: neighbours"
                );
                for (o, &value) in values[16..all - 16].iter().enumerate() {
                    let (expected, scale) = naive(&input, &weight, bias[o], stride_and_padding, (i, y, x, o));
                    let bound = growth * f64::from(f32::EPSILON) * scale;
                    assert!(
                        (f64::from(value) - expected).abs() <= bound,
                        "{isa} {n}x{height}x{width} at {i}, {y}, {x}, {o}: {value} != {expected} ± {bound:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_strided_3x3_convolution_agrees_with_naive_loops() {
    agrees((48, 3, 3, 3), (2, 0), &[(1, 3, 3), (2, 8, 31), (1, 33, 16)], 27.0);
}

#[test]
fn a_1x1_convolution_agrees_with_naive_loops() {
    agrees((16, 19, 1, 1), (1, 0), &[(1, 1, 1), (3, 5, 7), (1, 15, 15)], 19.0);
    agrees((96, 64, 1, 1), (2, 0), &[(2, 5, 7)], 64.0);
}

#[test]
fn a_padded_3x3_convolution_by_winograd_agrees_with_naive_loops() {
    // A sum of 9·I products errs by √(9·I) units on average. The transforms double that, and the largest of many
    // errors is some five times the average.
    let sizes = [(1, 1, 1), (1, 4, 4), (2, 5, 7), (9, 7, 7), (1, 13, 31)];
    agrees((16, 16, 3, 3), (1, 1), &sizes, 12.0);
    agrees((80, 48, 3, 3), (1, 1), &sizes, 12.0);
}

#[test]
fn an_image_gives_the_same_bits_whichever_images_go_with_it() {
    let (weight, bias) = weights((32, 16, 3, 3));
    for isa in Isa::available() {
        let conv = Conv::new(isa, weight.view(), &bias, 1, 1).unwrap();
        let input = map((11, 7, 7, 16), 3);
        let mut together = Map::zeros((11, 7, 7, 32));
        conv.forward(&input, &mut together, 0).unwrap();
        let (mut one, mut alone) = (Map::zeros((1, 7, 7, 16)), Map::zeros((1, 7, 7, 32)));
        for i in 0..11 {
            one.data_mut().copy_from_slice(input.image(i));
            conv.forward(&one, &mut alone, 0).unwrap();
            assert_eq!(alone.data(), together.image(i), "{isa}, image {i}");
        }
    }
}

#[test]
fn max_pooling_agrees_with_naive_loops_where_windows_hang_over_the_edge() {
    for isa in Isa::available() {
        for (height, width) in [(1, 1), (2, 3), (3, 4), (7, 8), (24, 31)] {
            let input = map((2, height, width, 16), 8);
            let mut output = Map::zeros((2, pooled(height), pooled(width), 16));
            max_pool(isa, &input, &mut output).unwrap();
            for n in 0..2 {
                for (i, &value) in output.image(n).iter().enumerate() {
                    let (y, x, c) = (i / 16 / pooled(width), i / 16 % pooled(width), i % 16);
                    let window = (2 * y..height.min(2 * y + 3))
                        .flat_map(|y| (2 * x..width.min(2 * x + 3)).map(move |x| (y, x)))
                        .map(|(y, x)| input.image(n)[(y * width + x) * 16 + c]);
                    assert_eq!(value, window.fold(f32::MIN, f32::max), "{isa} {height}x{width}");
                }
            }
        }
    }
}

#[test]
fn pooled_lengths_are_those_of_torch_in_ceil_mode() {
    let lengths: Vec<usize> = [1, 2, 3, 4, 5, 6, 24, 63, 111].into_iter().map(pooled).collect();
    assert_eq!(lengths, [1, 1, 1, 2, 2, 3, 12, 31, 55]);
}

#[test]
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

#[test]
fn arguments_that_do_not_fit_are_errors_that_name_them() {
    let (weight, bias) = weights((16, 3, 3, 3));
    let isa = Isa::current();
    let conv = Conv::new(isa, weight.view(), &bias, 2, 0).unwrap();
    let errors = [
        Conv::new(isa, weight.view(), &bias[1..], 2, 0).err(),
        Conv::new(isa, weight.view(), &bias, 0, 0).err(),
        Conv::new(isa, weights((15, 3, 3, 3)).0.view(), &bias[1..], 2, 0).err(),
        conv.forward(&map((1, 9, 9, 4), 0), &mut Map::zeros((1, 4, 4, 16)), 0).err(),
        conv.forward(&map((1, 2, 9, 3), 0), &mut Map::zeros((1, 1, 4, 16)), 0).err(),
        conv.forward(&map((1, 9, 9, 3), 0), &mut Map::zeros((1, 4, 5, 16)), 0).err(),
        conv.forward(&map((1, 9, 9, 3), 0), &mut Map::zeros((1, 4, 4, 16)), 1).err(),
        max_pool(isa, &map((1, 9, 9, 3), 0), &mut Map::zeros((1, 4, 4, 3))).err(),
        max_pool(isa, &map((1, 9, 9, 16), 0), &mut Map::zeros((1, 5, 4, 16))).err(),
        mix(isa, (&[0.0], 1.0), (&[0.0, 1.0], 1.0), &mut [0.0, 0.0]).err(),
    ];
    for (i, error) in errors.into_iter().enumerate() {
        assert!(matches!(error, Some(Error::Shape { .. })), "case {i}: {error:?}");
    }
}
