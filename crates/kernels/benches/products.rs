//! Matrix products at the shapes of the MLP, convolutions at those of SqueezeNet 1.1: `cargo bench -p mlprobe-kernels`.
//!
//! Throughput is in floating-point operations, of which a product and a sum are two, so that it reads as FLOP/s beside
//! the first figure, the peak of one core. Winograd's method counts as the direct sum it replaces.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark may panic")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mlprobe_kernels::{Conv, Finish, Isa, Map, Precision, fma_peak, gemm};
use ndarray::{Array2, Array4, ShapeBuilder};

/// Not measured by criterion, since it measures itself: printed for comparison.
fn peak(_: &mut Criterion) {
    for isa in Isa::available() {
        println!("peak of one core, {isa}: {:.1} GFLOP/s", fma_peak(isa, Duration::from_secs(1)) / 1e9);
    }
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    for (name, (m, q, n)) in [
        ("forward 500x512x64", (500, 512, 64)),
        ("weight gradient 512x500x64", (512, 500, 64)),
        ("logits 500x64x10", (500, 64, 10)),
    ] {
        let a = if name.starts_with("weight") {
            Array2::from_elem((m, q).f(), 1.0_f32)
        } else {
            Array2::from_elem((m, q), 1.0_f32)
        };
        let b = Array2::from_elem((q, n), 1.0_f32);
        let mut c = Array2::zeros((m, n));
        group.throughput(Throughput::Elements((2 * m * q * n) as u64));
        for isa in Isa::available() {
            group.bench_function(format!("{name} {isa}"), |bencher| {
                bencher.iter(|| gemm((isa, Precision::F32), &a, &b, 0.0, &mut c));
            });
        }
    }
    group.finish();
}

fn convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("conv");
    // Side of the input, channels in and out, side of the kernel, stride, padding; for images of 128 pixels a side.
    for (name, (side, inputs, outputs, k, stride, padding)) in [
        ("conv1 128x128x3 to 64, 3x3 stride 2", (128, 3, 64, 3, 2, 0)),
        ("squeeze 31x31x128 to 16, 1x1", (31, 128, 16, 1, 1, 0)),
        ("expand 31x31x16 to 64, 3x3 by Winograd", (31, 16, 64, 3, 1, 1)),
        ("expand 15x15x32 to 128, 3x3 by Winograd", (15, 32, 128, 3, 1, 1)),
        ("expand 7x7x64 to 256, 3x3 by Winograd", (7, 64, 256, 3, 1, 1)),
        ("expand 7x7x64 to 256, 1x1", (7, 64, 256, 1, 1, 0)),
    ] {
        let weight = Array4::from_elem((outputs, inputs, k, k), 0.01_f32);
        let input = Map::zeros((1, side, side, inputs)).unwrap();
        for isa in Isa::available() {
            // The shapes are valid.
            let Ok(conv) =
                Conv::new((isa, Precision::F32), weight.view(), &vec![0.0; outputs], stride, padding)
            else {
                continue;
            };
            let (height, width) = conv.output_size(side, side);
            let mut output = Map::zeros((1, height, width, outputs)).unwrap();
            group.throughput(Throughput::Elements((2 * height * width * outputs * inputs * k * k) as u64));
            group.bench_function(format!("{name} {isa}"), |bencher| {
                bencher.iter(|| conv.forward(&input, &mut output, 0, Finish::Relu));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, peak, products, convolutions);
criterion_main!(benches);
