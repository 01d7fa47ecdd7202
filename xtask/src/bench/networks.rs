//! The networks that make features, and what their convolutions cost.

use std::path::PathBuf;

use anyhow::Result;
use mlprobe_features::{Extractor, Normalization, Precision, ResNet18, SqueezeNet};

use crate::paths;

/// Networks and sides in pixels that images are resized to, the study's first.
pub const EXTRACTORS: [(Net, usize); 3] =
    [(Net::SqueezeNet, 128), (Net::SqueezeNet, 224), (Net::ResNet18, 224)];

/// The networks that make features.
#[derive(Clone, Copy, PartialEq)]
pub enum Net {
    SqueezeNet,
    /// Fed with RGB/255, as in the original course.
    ResNet18,
}

impl Net {
    /// As the peers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SqueezeNet => "squeezenet",
            Self::ResNet18 => "resnet18",
        }
    }

    pub fn open(self, size: usize, precision: Precision) -> Result<Box<dyn Extractor + Send>> {
        let (weights, normalization) = (resnet18_weights(), Normalization::DIV255);
        Ok(match self {
            Self::SqueezeNet => Box::new(SqueezeNet::new(size)?.in_precision(precision)),
            Self::ResNet18 => Box::new(ResNet18::load_in(precision, weights, size, normalization)?),
        })
    }

    /// Of its convolutions on an image of `size` pixels a side: two for each product and its sum.
    pub fn operations(self, size: usize) -> f64 {
        2.0 * match self {
            Self::SqueezeNet => squeezenet_products(size),
            Self::ResNet18 => resnet18_products(size),
        } as f64
    }

    /// What is taken from RGB/255.
    pub fn channel_means(self) -> [f32; 3] {
        match self {
            Self::SqueezeNet => SqueezeNet::NORMALIZATION.mean,
            Self::ResNet18 => [0.0; 3],
        }
    }
}

/// Weights for ResNet-18 from a formula: which they are changes no speed, and nothing has to be fetched.
pub fn resnet18_weights() -> PathBuf {
    paths::root().join("target/benchmarks/inputs/resnet18.safetensors")
}

/// Products of the convolutions for an image of `size` pixels a side.
fn squeezenet_products(size: usize) -> usize {
    // Fire modules (input, squeezed, half of the output) after each pool of window 3, stride 2, rounded up.
    let groups: [&[(usize, usize, usize)]; 3] = [
        &[(64, 16, 64), (128, 16, 64)],
        &[(128, 32, 128), (256, 32, 128)],
        &[(256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256)],
    ];
    let mut side = (size - 3) / 2 + 1;
    let mut products = side * side * 64 * 27;
    for group in groups {
        side = (side - 3).div_ceil(2) + 1;
        let of_pixel =
            |&(input, squeezed, half): &(usize, usize, usize)| squeezed * (input + half + 9 * half);
        products += side * side * group.iter().map(of_pixel).sum::<usize>();
    }
    products
}

/// The same for ResNet-18.
fn resnet18_products(size: usize) -> usize {
    // Each halving rounds up. The first convolution is 7x7, over three channels.
    let (mut side, mut channels) = (size.div_ceil(2), 64);
    let mut products = side * side * channels * 147;
    side = side.div_ceil(2);
    // Four stages of four 3x3 convolutions; from the second on, the first of them has half as many inputs, and a 1x1
    // convolution stands beside it.
    products += side * side * 4 * channels * channels * 9;
    for _ in 1..4 {
        (side, channels) = (side.div_ceil(2), 2 * channels);
        products += side * side * channels * channels * (9 * 7 + 1) / 2;
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted by hand from the layers: 63², 31², 15² and 7² pixels.
    #[test]
    fn squeezenets_operations_are_those_of_its_layers() {
        let expected = 63 * 63 * 1728
            + 31 * 31 * 16 * (64 + 128 + 1280)
            + 15 * 15 * 32 * (128 + 256 + 2560)
            + 7 * 7 * (48 * (256 + 384 + 3840) + 64 * (384 + 512 + 5120));
        assert_eq!(squeezenet_products(128), expected);
    }

    /// He et al., table 1: 1.8e9 products, of which the classifier has half a million.
    #[test]
    fn resnet18s_operations_are_those_of_the_paper() {
        assert_eq!((resnet18_products(224) as f64 / 1e8).round(), 18.0);
    }
}
