//! Products in bf16 and bf16x3 against f32, at the shapes of the MLP and of a convolution: `cargo bench -p mlprobe-kernels --bench
//! precision`.
//!
//! The precisions take turns, so that other work on the machine slows all of them down, and the fastest of many turns counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use mlprobe_kernels::{Bf16, Conv, Finish, Isa, Map, Precision, gemm};
use ndarray::{Array2, Array4, ShapeBuilder};

const TURNS: usize = 400;

fn main() {
    println!("{}, bf16 by instructions: {}", Isa::current(), Isa::current().has_bf16());
    for (name, (m, q, n), transposed) in [
        ("forward 500x512x64", (500, 512, 64), false),
        ("weight gradient 512x500x64", (512, 500, 64), true),
        ("convolution 961x288x64", (961, 288, 64), false),
    ] {
        let x = |i, j| ((i * 811 + j) as f32 * 0.618_034).fract() - 0.5;
        let a = Array2::from_shape_fn((m, q).set_f(transposed), |(i, j)| x(i, j));
        let mut narrow = Array2::<Bf16>::default((m, q).set_f(transposed));
        narrow.zip_mut_with(&a, |to, &a| *to = Bf16::from(a));
        let b = Array2::from_shape_fn((q, n), |(i, j)| x(i, j));
        let mut c = Array2::zeros((m, n));
        let mut least = [Duration::MAX; 4];
        for _ in 0..TURNS {
            for (i, least) in least.iter_mut().enumerate() {
                let start = Instant::now();
                match i {
                    3 => gemm(Precision::Bf16, &narrow, &b, 0.0, black_box(&mut c)),
                    _ => gemm(Precision::ALL[i], &a, &b, 0.0, black_box(&mut c)),
                }
                .unwrap();
                *least = start.elapsed().min(*least);
            }
        }
        let [f32, bf16x3, bf16, kept] = least.map(|least| least.as_secs_f64());
        println!(
            "{name}: f32 {:.0} GFLOP/s; times its speed: bf16 {:.2}, bf16 with A kept in bf16 {:.2}, bf16x3 {:.2}",
            2e-9 * (m * q * n) as f64 / f32,
            f32 / bf16,
            f32 / kept,
            f32 / bf16x3
        );
    }
    convolutions();
}

/// At shapes of SqueezeNet 1.1 for images of 128 pixels a side, and of ResNet-18 for 224. Inputs are rounded in each call. The 3x3
/// kernels of stride 1 are computed by Winograd's method, in bf16 from 64 channels in `f32`, from 512 directly.
fn convolutions() {
    for (name, (side, inputs, outputs, k), (stride, padding)) in [
        ("first layer of SqueezeNet, 128x128x3 to 64, 3x3, stride 2", (128, 3, 64, 3), (2, 0)),
        ("first layer of ResNet, 224x224x3 to 64, 7x7, stride 2", (224, 3, 64, 7), (2, 3)),
        ("squeeze 31x31x128 to 16, 1x1", (31, 128, 16, 1), (1, 0)),
        ("expand 7x7x64 to 256, 1x1", (7, 64, 256, 1), (1, 0)),
        ("squeeze 7x7x512 to 64, 1x1", (7, 512, 64, 1), (1, 0)),
        ("residual 56x56x64 to 128, 3x3, stride 2", (56, 64, 128, 3), (2, 1)),
        ("residual 14x14x256 to 512, 3x3, stride 2", (14, 256, 512, 3), (2, 1)),
        ("residual 56x56x64 to 64, 3x3", (56, 64, 64, 3), (1, 1)),
        ("residual 7x7x512 to 512, 3x3", (7, 512, 512, 3), (1, 1)),
    ] {
        let weight = Array4::from_elem((outputs, inputs, k, k), 0.01_f32);
        let bias = vec![0.0; outputs];
        let conv = |precision| Conv::new(precision, weight.view(), &bias, stride, padding).unwrap();
        let convs = Precision::ALL.map(conv);
        let (height, width) = convs[0].output_size(side, side);
        let (input, mut output) =
            (Map::zeros((1, side, side, inputs)).unwrap(), Map::zeros((1, height, width, outputs)).unwrap());
        let mut least = [Duration::MAX; 3];
        for _ in 0..TURNS {
            for (conv, least) in convs.iter().zip(&mut least) {
                let start = Instant::now();
                conv.forward(&input, black_box(&mut output), 0, Finish::Relu).unwrap();
                *least = start.elapsed().min(*least);
            }
        }
        let [f32, bf16x3, bf16] = least.map(|least| least.as_secs_f64());
        println!("{name}: times the speed of f32: bf16 {:.2}, bf16x3 {:.2}", f32 / bf16, f32 / bf16x3);
    }
}
