//! Weights for ResNet-18 from the formula of `golden/resnet18.py`.

use std::collections::HashMap;

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

/// A weight file, as safetensors.
pub fn weights() -> Vec<u8> {
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
