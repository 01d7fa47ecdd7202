//! Feature extraction in images a second, resizing included: `cargo bench -p mlprobe-features`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mlprobe_features::{Extractor, SqueezeNet};
use ndarray::Array4;

fn squeezenet(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("squeezenet1_1");
    group.sample_size(10);
    for (size, count) in [(128, 1), (128, 280), (224, 1), (224, 140)] {
        let images =
            Array4::from_shape_fn((count, 32, 32, 3), |(n, y, x, c)| (n * 31 + y * 7 + x * 3 + c * 50) as u8);
        let network = SqueezeNet::new(size).expect("the size is valid");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} images at {size}"), |bencher| {
            bencher.iter(|| network.extract(images.view(), &|_| ()));
        });
    }
    group.finish();
}

criterion_group!(benches, squeezenet);
criterion_main!(benches);
