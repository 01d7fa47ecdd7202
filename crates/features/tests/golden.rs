//! SqueezeNet and the resize against PyTorch.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use mlprobe_features::resize::Resizer;
use mlprobe_features::{Extractor, Normalization, SqueezeNet};
use mlprobe_kernels::Isa;
use ndarray::{Array1, Array2, Array4};
use ndarray_npy::NpzReader;

fn golden() -> NpzReader<std::fs::File> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/squeezenet_features.npz");
    NpzReader::new(std::fs::File::open(path).unwrap()).unwrap()
}

fn images() -> Array4<u8> {
    golden().by_name("images_u8_nhwc").unwrap()
}

/// The bound covers both sides' rounding: 26 layers of f32 sums, features of size up to about 20.
const TOLERANCE: f32 = 5e-4;

#[test]
fn features_agree_with_pytorch_at_every_size_on_every_instruction_set() {
    let mut worst = Vec::new();
    for isa in Isa::available() {
        for size in [32, 64, 128, 224] {
            let expected: Array2<f32> = golden().by_name(&format!("features_{size}")).unwrap();
            let actual = SqueezeNet::with_isa(isa, size).unwrap().extract(&images()).unwrap();
            let error = (&actual - &expected).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
            worst.push((isa.name(), size, error));
        }
    }
    println!("{worst:?}");
    assert!(worst.iter().all(|&(.., error)| error < TOLERANCE), "{worst:?}");
}

#[test]
fn resizing_agrees_with_pytorch() {
    let expected: Array4<f32> = golden().by_name("resized_128_nchw_first4").unwrap();
    for isa in Isa::available() {
        let mut resizer = Resizer::new(isa, 128, Normalization::DIV255);
        for (image, expected) in images().outer_iter().zip(expected.outer_iter()) {
            let mut out = Array1::zeros(128 * 128 * 3);
            resizer.resize(image, out.as_slice_mut().unwrap()).unwrap();
            let out = out.into_shape_with_order((128, 128, 3)).unwrap().permuted_axes([2, 0, 1]);
            // Values up to 1, two mixes: a few units in the last place.
            assert!((&out - &expected).iter().all(|error| error.abs() < 1e-6), "{isa}");
        }
    }
}
