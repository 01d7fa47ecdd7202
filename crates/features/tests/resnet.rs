//! ResNet-18 against torchvision, with weights from a formula that both sides compute (`golden/resnet18.py`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::collections::HashMap;
use std::fs::File;

use mlprobe_features::{Error, Extractor, Normalization, ResNet18};
use mlprobe_kernels::Isa;
use ndarray::{Array1, Array2, Array4};
use ndarray_npy::NpzReader;
use safetensors::tensor::{Dtype, TensorView, serialize};

/// Names and shapes in the order of torchvision's `state_dict()`.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors = Vec::new();
    let mut conv = |name: &str, norm: &str, shape: [usize; 4]| {
        tensors.push((format!("{name}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensors.push((format!("{norm}.{part}"), vec![shape[0]]));
        }
    };
    conv("conv1", "bn1", [64, 3, 7, 7]);
    for (stage, channels) in [(1, 64), (2, 128), (3, 256), (4, 512)] {
        for index in 0..2 {
            let inputs = if index == 0 && stage > 1 { channels / 2 } else { channels };
            let name = |part: &str| format!("layer{stage}.{index}.{part}");
            conv(&name("conv1"), &name("bn1"), [channels, inputs, 3, 3]);
            conv(&name("conv2"), &name("bn2"), [channels, channels, 3, 3]);
            if inputs < channels {
                conv(&name("downsample.0"), &name("downsample.1"), [channels, inputs, 1, 1]);
            }
        }
    }
    tensors
}

/// The weight file of `golden/resnet18.py`.
fn weights() -> Vec<u8> {
    let mut data = HashMap::new();
    for (t, (name, shape)) in tensors().into_iter().enumerate() {
        let (a, b) = if shape.len() == 4 {
            (0.0, (12.0 / shape[1..].iter().product::<usize>() as f64).sqrt())
        } else if name.ends_with("running_var") || name.ends_with("weight") {
            (1.0, 0.4)
        } else {
            (0.0, 0.4)
        };
        let number = |i: usize| {
            let position = i as f64 * 0.618_033_988_749_894_9 + t as f64 * 0.754_877_666_246_692_7;
            (a + b * (position.fract() - 0.5)) as f32
        };
        let bytes: Vec<u8> = (1..=shape.iter().product()).flat_map(|i| number(i).to_le_bytes()).collect();
        data.insert(name, (shape, bytes));
    }
    let views = data.iter().map(|(name, (shape, bytes))| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    serialize(views, None).unwrap()
}

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
                let network = ResNet18::from_bytes(isa, &weights, size, normalization).unwrap();
                let actual = network.extract(images().view(), &|_| ()).unwrap();
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
    let network = ResNet18::from_bytes(Isa::current(), &weights(), 64, Normalization::DIV255).unwrap();
    let image = images().index_axis_move(ndarray::Axis(0), 0);
    let means = network.layer_means(image.view()).unwrap();
    assert_eq!(means.len(), 10);
    for (i, actual) in means.into_iter().enumerate() {
        let expected: Array1<f32> = golden().by_name(&format!("layer_{i}")).unwrap();
        let error = (&actual - &expected).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
        assert!(error < TOLERANCE, "layer {i}: {error}");
    }
}

#[test]
fn files_that_do_not_hold_the_network_are_errors_that_name_the_tensor() {
    let load = |bytes: &[u8]| ResNet18::from_bytes(Isa::current(), bytes, 224, Normalization::DIV255).err();
    assert!(matches!(load(b"not a file"), Some(Error::Weights { .. })));
    let empty = serialize(Vec::<(String, TensorView)>::new(), None).unwrap();
    assert!(load(&empty).unwrap().to_string().contains("conv1.weight"));
    let missing = ResNet18::load("nowhere/model.safetensors", 224, Normalization::DIV255).err().unwrap();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
}
