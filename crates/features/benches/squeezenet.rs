//! Feature extraction in images a second, resizing included, and resizing alone: `cargo bench -p mlprobe-features`.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mlprobe_features::resize::Resizer;
use mlprobe_features::{Extractor, Normalization, SqueezeNet};
use mlprobe_kernels::Isa;
use ndarray::{Array4, Axis};

fn images(count: usize) -> Array4<u8> {
    Array4::from_shape_fn((count, 32, 32, 3), |(n, y, x, c)| (n * 31 + y * 7 + x * 3 + c * 50) as u8)
}

/// On all threads; one image alone uses one.
fn squeezenet(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("squeezenet1_1");
    group.sample_size(10);
    for (size, count) in [(128, 1), (128, 280), (224, 1), (224, 140)] {
        let (images, network) = (images(count), SqueezeNet::new(size).unwrap());
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} images at {size}"), |bencher| {
            bencher.iter(|| network.extract(&images).unwrap());
        });
    }
    group.finish();
}

fn resize(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resize and normalize");
    let images = images(1);
    for size in [128, 224] {
        let mut out = vec![0.0; size * size * 3];
        group.throughput(Throughput::Elements(1));
        for isa in Isa::available() {
            let mut resizer = Resizer::new(isa, size, Normalization::DIV255);
            group.bench_function(format!("32x32 to {size}x{size} {isa}"), |bencher| {
                bencher.iter(|| resizer.resize(images.index_axis(Axis(0), 0), &mut out).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, squeezenet, resize);
criterion_main!(benches);
