//! Training and evaluation of the 512-64-10 network in f32, in examples per second: `cargo bench -p mlprobe-nn`.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mlprobe_nn::{Examples, Hyperparameters, Mlp, Trainer, evaluate};
use ndarray::Array2;
use std::hint::black_box;

/// N, large enough to leave the cache: 41 MB of features.
const ROWS: usize = 20_000;

fn network(criterion: &mut Criterion) {
    // The bits do not matter for speed, as long as about half of the hidden units are active.
    let x = Array2::from_shape_fn((ROWS, 512), |(i, j)| ((i * 512 + j) as f32 * 0.618_034).fract() - 0.5);
    let labels: Vec<u16> = (0..ROWS).map(|i| (i % 10) as u16).collect();
    let examples = Examples::new(vec![(x.view(), &labels)], 10).unwrap();
    let model = Mlp::<f32>::new(&[512, 64, 10], 1).unwrap();

    let mut group = criterion.benchmark_group("512-64-10 f32");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
    let recipe = Hyperparameters::new(0.01, 500).unwrap();
    let mut trainer = Trainer::new(model.clone(), examples.clone(), recipe, 1).unwrap();
    group.bench_function("train, batch 500, one thread", |bencher| bencher.iter(|| trainer.epoch().unwrap()));
    let pool = rayon::ThreadPoolBuilder::new().build().unwrap();
    let name = format!("train, batch 500, {} threads", pool.current_num_threads());
    group.bench_function(name, |bencher| pool.install(|| bencher.iter(|| trainer.epoch().unwrap())));
    group.bench_function("evaluate, one thread", |bencher| {
        bencher.iter(|| evaluate(black_box(&model), &examples).unwrap());
    });
    group.finish();
}

criterion_group!(benches, network);
criterion_main!(benches);
