//! Compares every hand-written gradient of a small network with central differences of its loss.
//!
//! `cargo run --example gradient_check -p mlprobe-nn`

use mlprobe_nn::{Linear, Mlp, Result};
use ndarray::{Array2, ArrayView2};

/// h: the error of a central difference is about h² from the curve and 1e-16/h from rounding.
const STEP: f64 = 1e-5;

fn main() -> Result<()> {
    // D = 6, two hidden layers, K = 3; m = 8.
    let mut layers = Mlp::<f64>::new(&[6, 5, 4, 3], 1)?.layers().to_vec();
    // Biases that are zero would hide errors.
    layers.iter_mut().for_each(|layer| layer.bias.fill(0.1));
    let x = Array2::from_shape_fn((8, 6), |(i, j)| ((i * 6 + j) as f64 * 0.618).fract() - 0.5);
    let labels = [0, 1, 2, 0, 1, 2, 0, 1];

    let (loss, gradients) = Mlp::from_layers(layers.clone())?.gradients(x.view(), &labels)?;
    println!("loss {loss:.6}, ln 3 = {:.6}", libm::log(3.0));
    println!("layer   largest gradient   largest error");
    for (l, gradient) in gradients.iter().enumerate() {
        let (mut largest, mut error) = (0.0f64, 0.0f64);
        for (i, by_hand) in gradient.weight.iter().chain(&gradient.bias).enumerate() {
            let difference = difference(&layers, l, i, x.view(), &labels)?;
            largest = largest.max(by_hand.abs());
            error = error.max((by_hand - difference).abs());
        }
        println!("{l:>5}{largest:>19.3}{error:>16.1e}");
    }
    Ok(())
}

/// (L(θ + h) - L(θ - h)) / 2h, where θ is parameter `i` of layer `l`, weights before biases.
fn difference(layers: &[Linear<f64>], l: usize, i: usize, x: ArrayView2<f64>, labels: &[u16]) -> Result<f64> {
    let loss = |step| {
        let mut layers = layers.to_vec();
        let Linear { weight, bias } = &mut layers[l];
        weight.iter_mut().chain(bias).skip(i).take(1).for_each(|parameter| *parameter += step);
        Ok(Mlp::from_layers(layers)?.gradients(x, labels)?.0)
    };
    Ok((loss(STEP)? - loss(-STEP)?) / (2.0 * STEP))
}
