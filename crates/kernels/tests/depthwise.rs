//! Depthwise convolution against naive loops, at odd sizes, on every instruction set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use mlprobe_kernels::{Depthwise, Error, Finish, Isa, Map};
use ndarray::Array4;

/// Values in (-1, 1), different at every place.
fn number(index: usize, salt: u32) -> f32 {
    ((index as u32 + salt).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0
}

fn map(shape: (usize, usize, usize, usize), salt: u32) -> Map {
    let mut map = Map::zeros(shape).unwrap();
    map.data_mut().iter_mut().enumerate().for_each(|(i, x)| *x = number(i, salt));
    map
}

fn weights(channels: usize, kernel: usize) -> (Array4<f32>, Vec<f32>) {
    let mut index = 0;
    let weight = Array4::from_shape_simple_fn((channels, 1, kernel, kernel), || {
        index += 1;
        4.0 * number(index, 77)
    });
    (weight, (0..channels).map(|c| number(c, 99)).collect())
}

/// TensorFlow's `SAME`: output length, and zeros in front
/// (<https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2>).
fn same(length: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let output = length.div_ceil(stride);
    let needed = if length.is_multiple_of(stride) { stride } else { length % stride };
    (output, kernel.saturating_sub(needed) / 2)
}

/// The sum at one place in f64, and the sum of the absolute products.
fn naive(
    input: &Map,
    weight: &Array4<f32>,
    bias: f32,
    stride: usize,
    (n, y, x, c): (usize, usize, usize, usize),
) -> (f64, f64) {
    let ((_, height, width, channels), k) = (input.shape(), weight.dim().2);
    let (top, left) = (same(height, k, stride).1, same(width, k, stride).1);
    let (mut sum, mut scale) = (f64::from(bias), f64::from(bias).abs());
    for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))) {
        let (row, column) = ((y * stride + i).wrapping_sub(top), (x * stride + j).wrapping_sub(left));
        if row < height && column < width {
            let product = f64::from(input.data()[((n * height + row) * width + column) * channels + c])
                * f64::from(weight[[c, 0, i, j]]);
            (sum, scale) = (sum + product, scale + product.abs());
        }
    }
    (sum, scale)
}

#[test]
fn every_size_kernel_stride_and_finish_agrees_with_naive_loops() {
    let finishes = [Finish::Store, Finish::Relu, Finish::Relu6, Finish::Add, Finish::AddRelu];
    let mut case = 0;
    for isa in Isa::available() {
        for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2), (3, 3), (2, 1)] {
            let (weight, bias) = weights(48, kernel);
            let layer = Depthwise::new(isa, weight.view(), &bias, stride).unwrap();
            for (n, height, width) in [(1, 1, 1), (2, 2, 3), (1, 7, 7), (1, 8, 6), (2, 5, 14), (1, 3, 31)] {
                let finish = finishes[case % finishes.len()];
                case += 1;
                let input = map((n, height, width, 48), 5);
                let (out_height, out_width) = (same(height, kernel, stride).0, same(width, kernel, stride).0);
                let before = map((n, out_height, out_width, 48), 6);
                let mut output = before.clone();
                layer.forward(&input, &mut output, finish).unwrap();
                for (at, (&actual, &before)) in output.data().iter().zip(before.data()).enumerate() {
                    let place = (
                        at / (48 * out_width * out_height),
                        at / (48 * out_width) % out_height,
                        at / 48 % out_width,
                        at % 48,
                    );
                    let (sum, scale) = naive(&input, &weight, bias[place.3], stride, place);
                    let before = f64::from(before);
                    let (expected, scale) = match finish {
                        Finish::Relu => (sum.max(0.0), scale),
                        Finish::Relu6 => (sum.clamp(0.0, 6.0), scale),
                        Finish::Add => (sum + before, scale + before.abs()),
                        Finish::AddRelu => ((sum + before).max(0.0), scale + before.abs()),
                        Finish::Store => (sum, scale),
                    };
                    // A rounding for each product (two on the portable path), for the bias and for the sum.
                    let roundings = (2 * kernel * kernel + 2) as f64;
                    let bound = roundings * f64::from(f32::EPSILON) / 2.0 * scale;
                    assert!(
                        (f64::from(actual) - expected).abs() <= bound,
                        "{isa} {kernel}/{stride} {:?} {finish:?} at {place:?}: {actual}, not {expected}",
                        input.shape()
                    );
                }
            }
        }
    }
}

#[test]
fn an_image_gives_the_same_bits_alone_and_in_a_batch() {
    let (weight, bias) = weights(32, 5);
    for isa in Isa::available() {
        let layer = Depthwise::new(isa, weight.view(), &bias, 1).unwrap();
        let input = map((3, 6, 13, 32), 5);
        let mut whole = Map::zeros((3, 6, 13, 32)).unwrap();
        layer.forward(&input, &mut whole, Finish::Relu6).unwrap();
        for i in 0..3 {
            let (mut image, mut alone) =
                (Map::zeros((1, 6, 13, 32)).unwrap(), Map::zeros((1, 6, 13, 32)).unwrap());
            image.data_mut().copy_from_slice(input.images().nth(i).unwrap());
            layer.forward(&image, &mut alone, Finish::Relu6).unwrap();
            assert_eq!(alone.data(), whole.images().nth(i).unwrap(), "{isa}");
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_no_pixels_are_none() {
    let isa = Isa::current();
    let (weight, bias) = weights(16, 3);
    let layer = Depthwise::new(isa, weight.view(), &bias, 2).unwrap();
    for (input, output) in [((1, 4, 4, 32), (1, 2, 2, 32)), ((1, 4, 4, 16), (1, 3, 2, 16))] {
        let mut output = Map::zeros(output).unwrap();
        let error = layer.forward(&Map::zeros(input).unwrap(), &mut output, Finish::Store);
        assert!(matches!(error, Err(Error::Shape { .. })), "{input:?}");
    }
    for (channels, bias, stride) in [(16, 15, 1), (24, 24, 1), (16, 16, 0)] {
        let weight = Array4::zeros((channels, 1, 3, 3));
        assert!(Depthwise::new(isa, weight.view(), &vec![0.0; bias], stride).is_err());
    }
    assert!(Depthwise::new(isa, Array4::zeros((16, 2, 3, 3)).view(), &[0.0; 16], 1).is_err());
    for shape in [(0, 4, 4, 16), (1, 0, 4, 16), (1, 4, 0, 16)] {
        let (n, height, width, channels) = shape;
        let mut none = Map::zeros((n, height / 2, width / 2, channels)).unwrap();
        layer.forward(&Map::zeros(shape).unwrap(), &mut none, Finish::Store).unwrap();
    }
}
