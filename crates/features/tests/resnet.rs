//! ResNet-18 against torchvision, with weights from a formula that both sides compute (`golden/resnet18.py`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod formula;

use std::fs::File;

use mlprobe_features::{Error, Extractor, Normalization, Precision, ResNet18, same_network};
use mlprobe_kernels::Isa;
use ndarray::{Array1, Array2, Array4, Axis};
use ndarray_npy::NpzReader;
use safetensors::tensor::{Dtype, TensorView, serialize};

use formula::weights;

fn golden() -> NpzReader<File> {
    NpzReader::new(File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/resnet18.npz")).unwrap())
        .unwrap()
}

fn images() -> Array4<u8> {
    golden().by_name("images").unwrap()
}

/// The bound of SqueezeNet's test, for features of size up to 1.5: some thousand roundings of the last place.
const TOLERANCE: f32 = 2e-5;

#[test]
fn features_agree_with_torchvision_for_both_normalizations_on_every_instruction_set() {
    let weights = weights();
    let mut wrong = Vec::new();
    for isa in Isa::available() {
        // The full size once: without vector instructions it takes seconds.
        let sizes: &[usize] = if isa == Isa::current() { &[64, 97, 224] } else { &[64, 97] };
        for &size in sizes {
            for (name, normalization) in
                [("div255", Normalization::DIV255), ("imagenet", Normalization::IMAGENET)]
            {
                let network =
                    ResNet18::from_bytes(Precision::F32, isa, &weights, size, normalization).unwrap();
                let actual = network.extract(&images()).unwrap();
                let expected: Array2<f32> = golden().by_name(&format!("features_{size}_{name}")).unwrap();
                let error = (&actual - &expected).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
                if error >= TOLERANCE {
                    wrong.push((isa.name(), size, name, error));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_layer_agrees_with_torchvision() {
    let network =
        ResNet18::from_bytes(Precision::F32, Isa::current(), &weights(), 64, Normalization::DIV255).unwrap();
    let image = images().index_axis_move(Axis(0), 0);
    let maps = network.layer_maps(image.view()).unwrap();
    assert_eq!(maps.len(), 10);
    for (i, map) in maps.iter().enumerate() {
        let actual = map.mean_axis(Axis(0)).and_then(|rows| rows.mean_axis(Axis(0))).unwrap();
        let expected: Array1<f32> = golden().by_name(&format!("layer_{i}")).unwrap();
        let error = (&actual - &expected).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
        assert!(error < TOLERANCE, "layer {i}: {error}");
    }
}

#[test]
fn the_fingerprint_tells_weights_sizes_and_normalizations_apart() {
    let fingerprint = |weights: &[u8], size, normalization| {
        ResNet18::from_bytes(Precision::F32, Isa::current(), weights, size, normalization)
            .unwrap()
            .fingerprint()
    };
    let original = weights();
    let mut changed = original.clone();
    *changed.last_mut().unwrap() ^= 1;
    let own: Normalization = "0.5,0.5,0.5/0.5,0.5,0.5".parse().unwrap();
    let fingerprints = [
        fingerprint(&original, 64, Normalization::DIV255),
        fingerprint(&changed, 64, Normalization::DIV255),
        fingerprint(&original, 65, Normalization::DIV255),
        fingerprint(&original, 64, Normalization::IMAGENET),
        fingerprint(&original, 64, own),
    ];
    assert_eq!(fingerprints[0], fingerprint(&original, 64, Normalization::DIV255));
    for (i, a) in fingerprints.iter().enumerate() {
        assert!(fingerprints[..i].iter().all(|b| !same_network(a, b)), "{fingerprints:?}");
    }
}

#[test]
fn files_that_do_not_hold_the_network_are_errors_that_name_the_tensor() {
    let load = |bytes: &[u8]| {
        ResNet18::from_bytes(Precision::F32, Isa::current(), bytes, 224, Normalization::DIV255).err()
    };
    assert!(matches!(load(b"not a file"), Some(Error::Weights { .. })));
    let empty = serialize(Vec::<(String, TensorView)>::new(), None).unwrap();
    assert!(load(&empty).unwrap().to_string().contains("conv1.weight"));
    let number = 0.5_f32.to_le_bytes().repeat(32 * 3 * 7 * 7);
    let narrow = TensorView::new(Dtype::F32, vec![32, 3, 7, 7], &number).unwrap();
    let error = load(&serialize([("conv1.weight", narrow)], None).unwrap()).unwrap().to_string();
    assert!(error.contains("weights conv1.weight: expected [64, 3, 7, 7], got [32, 3, 7, 7]"), "{error}");
    let missing = ResNet18::load("nowhere/model.safetensors", 224, Normalization::DIV255).err().unwrap();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
}
