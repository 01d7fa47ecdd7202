//! Matrix products at the shapes of the MLP: `cargo bench -p mlprobe-kernels`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mlprobe_kernels::{Isa, gemm};
use ndarray::{Array2, ShapeBuilder};

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    // Throughput in floating-point operations: an element of the inner dimension is a product and a sum.
    for (name, (m, q, n)) in
        [("forward 500x512x64", (500, 512, 64)), ("weight gradient 512x500x64", (512, 500, 64))]
    {
        let a = if name.starts_with('f') {
            Array2::from_elem((m, q), 1.0_f32)
        } else {
            Array2::from_elem((m, q).f(), 1.0_f32)
        };
        let b = Array2::from_elem((q, n), 1.0_f32);
        let mut c = Array2::zeros((m, n));
        group.throughput(Throughput::Elements((2 * m * q * n) as u64));
        for isa in Isa::available() {
            group.bench_function(format!("{name} {isa}"), |bencher| {
                bencher.iter(|| gemm(isa, a.view(), b.view(), c.view_mut()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, products);
criterion_main!(benches);
