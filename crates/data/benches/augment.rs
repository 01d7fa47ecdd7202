//! Augmentation in images per second: both presets, and each transform alone.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mlprobe_data::augment::{Augmenter, Preset, Transform};
use ndarray::Array4;

const N: usize = 10_000;
const SIDE: usize = 32;

fn augment(criterion: &mut Criterion) {
    let images = Array4::from_shape_fn((N, SIDE, SIDE, 3), |(n, y, x, c)| (n + 5 * y * x + 77 * c) as u8);
    let presets = [Preset::Y2022, Preset::Y2023].map(|p| (p.to_string(), p.transforms().to_vec()));
    let single = [
        Transform::Rotation,
        Transform::Cutout,
        Transform::Crop,
        Transform::ContrastFlip,
        Transform::Enhancement,
        Transform::Posterize,
    ]
    .map(|transform| (transform.name().to_owned(), vec![transform]));

    let mut group = criterion.benchmark_group(format!("augment_{N}x{SIDE}x{SIDE}x3"));
    group.throughput(Throughput::Elements(N as u64)).sample_size(20);
    for (name, transforms) in presets.into_iter().chain(single) {
        // The list is not empty.
        let Ok(augmenter) = Augmenter::new(&transforms, 42) else { continue };
        group.bench_with_input(BenchmarkId::from_parameter(name), &images, |bencher, images| {
            bencher.iter(|| augmenter.apply(black_box(images)));
        });
    }
    group.finish();
}

criterion_group!(benches, augment);
criterion_main!(benches);
