//! Products in bf16 and bf16x3 against f32, at the shapes of the MLP and of a convolution: `cargo bench -p mlprobe-kernels --bench
//! precision`.
//!
//! The precisions take turns, so that other work on the machine slows all of them down, and the fastest of many turns counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use mlprobe_kernels::{Bf16, Isa, Precision, gemm_in};
use ndarray::{Array2, ShapeBuilder};

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
                    3 => gemm_in(Precision::Bf16, &narrow, &b, 0.0, black_box(&mut c)),
                    _ => gemm_in(Precision::ALL[i], &a, &b, 0.0, black_box(&mut c)),
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
}
