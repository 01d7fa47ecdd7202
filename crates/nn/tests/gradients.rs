//! The gradients, against central differences and against the derivation in plain loops.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use mlprobe_nn::{Examples, Hyperparameters, Linear, Mlp, Real, Trainer};
use ndarray::{Array1, Array2, ArrayView2};

/// No hidden layer, one, two; batches and widths that no block size divides. D, hidden, K; m.
const CASES: [(&[usize], usize); 6] = [
    (&[5, 3], 7),
    (&[1, 1, 2], 1),
    (&[7, 5, 3], 11),
    (&[6, 5, 4, 3], 9),
    (&[33, 17, 9, 4], 65),
    (&[70, 67, 10], 131),
];

/// Features in ±1, labels, and a network with biases in ±0.5: zero biases would hide errors.
fn problem<F: Real>(widths: &[usize], m: usize) -> (Mlp<F>, Array2<F>, Vec<u16>) {
    // Multiples of the golden ratio, modulo 1: spread evenly, and none twice (Weyl's sequence).
    let mut count = 0.0;
    let mut next = move || {
        count += 1.0;
        F::from_f64((count * 0.618_033_988_749_894_9_f64).fract() * 2.0 - 1.0)
    };
    let x = Array2::from_shape_simple_fn((m, widths[0]), &mut next);
    let mut layers = Mlp::new(widths, 3).unwrap().layers().to_vec();
    for layer in &mut layers {
        layer.bias.mapv_inplace(|_| next() * F::from_f64(0.5));
    }
    let classes = *widths.last().unwrap();
    let labels = (0..m).map(|i| (i * i % classes) as u16).collect();
    (Mlp::from_layers(layers).unwrap(), x, labels)
}

/// Loss and gradients as the protocol derives them, an example and a number at a time, in f64.
fn reference(layers: &[Linear<f64>], x: ArrayView2<f64>, labels: &[u16]) -> (f64, Vec<Linear<f64>>) {
    let mean = 1.0 / labels.len() as f64;
    let mut loss = 0.0;
    let mut gradients = layers.to_vec();
    for gradient in &mut gradients {
        gradient.weight.fill(0.0);
        gradient.bias.fill(0.0);
    }
    for (x, &label) in x.outer_iter().zip(labels) {
        // z = W a + b, a' = max(z, 0)
        let mut a = vec![x.to_owned()];
        let mut z: Vec<Array1<f64>> = Vec::new();
        for layer in layers {
            let input = &a[a.len() - 1];
            let output = Array1::from_shape_fn(layer.outputs(), |i| {
                let mut sum = layer.bias[i];
                for j in 0..layer.inputs() {
                    sum += layer.weight[[i, j]] * input[j];
                }
                sum
            });
            a.push(output.mapv(|z| z.max(0.0)));
            z.push(output);
        }
        // p = softmax(z), L = -ln p_y, dz = p - y
        let exponentials = z[z.len() - 1].mapv(libm::exp);
        let mut dz = &exponentials / exponentials.sum();
        loss -= libm::log(dz[usize::from(label)]) * mean;
        dz[usize::from(label)] -= 1.0;
        for l in (0..layers.len()).rev() {
            // dW = dz aᵀ / m, db = dz / m, da = Wᵀ dz, dz = da * [z >= 0]
            let mut da = Array1::zeros(layers[l].inputs());
            for i in 0..layers[l].outputs() {
                for j in 0..layers[l].inputs() {
                    gradients[l].weight[[i, j]] += dz[i] * a[l][j] * mean;
                    da[j] += layers[l].weight[[i, j]] * dz[i];
                }
                gradients[l].bias[i] += dz[i] * mean;
            }
            if l > 0 {
                dz = Array1::from_shape_fn(da.len(), |j| if z[l - 1][j] >= 0.0 { da[j] } else { 0.0 });
            }
        }
    }
    (loss, gradients)
}

fn values<F: Real>(layers: &[Linear<F>]) -> impl Iterator<Item = f64> {
    layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.bias)).map(|&value| value.into())
}

/// Every number is a few nested sums of at most D + m terms of magnitude at most about 1, each adding a
/// rounding: the bound is (D + m) times the unit roundoff, times 4 for the nesting.
fn agrees_with_reference<F: Real>() {
    for (widths, m) in CASES {
        let (model, x, labels) = problem::<F>(widths, m);
        let (loss, gradients) = model.gradients(x.view(), &labels).unwrap();
        let in_f64 = |layer: &Linear<F>| Linear {
            weight: layer.weight.mapv(Into::into),
            bias: layer.bias.mapv(Into::into),
        };
        let layers: Vec<_> = model.layers().iter().map(in_f64).collect();
        let (expected_loss, expected) = reference(&layers, x.mapv(Into::into).view(), &labels);
        let unit: f64 = F::epsilon().into() / 2.0;
        let tolerance = 4.0 * (widths[0] + m) as f64 * unit;
        let off = values(&gradients).zip(values(&expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let off = off.max((loss - expected_loss).abs());
        assert!(off <= tolerance, "{widths:?}, m = {m}: {off:e} > {tolerance:e}");
    }
}

#[test]
fn f64_agrees_with_the_derivation_in_plain_loops() {
    agrees_with_reference::<f64>();
}

#[test]
fn f32_agrees_with_the_derivation_in_plain_loops() {
    agrees_with_reference::<f32>();
}

/// (L(θ + h) - L(θ - h)) / 2h misses dL/dθ by h²/6·L''' and by the rounding of two losses over 2h. Third
/// derivatives of these small networks are under 10, losses under 10 with some 10 roundings: at h = 1e-5 the
/// parts are under 2e-10 and 2e-9.
fn agree_with_central_differences(
    model: &Mlp<f64>,
    gradients: &[Linear<f64>],
    loss: impl Fn(Vec<Linear<f64>>) -> f64,
) {
    const STEP: f64 = 1e-5;
    const TOLERANCE: f64 = 3e-9;
    let (widths, parameters) = (model.widths(), values(gradients).count());
    for (i, gradient) in values(gradients).enumerate() {
        let moved = |step| {
            let mut layers = model.layers().to_vec();
            let parameter = layers
                .iter_mut()
                .flat_map(|layer| layer.weight.iter_mut().chain(&mut layer.bias))
                .nth(i)
                .unwrap();
            *parameter += step;
            loss(layers)
        };
        let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let off = (gradient - difference).abs();
        assert!(
            off <= TOLERANCE,
            "{widths:?}, parameter {i} of {parameters}: {gradient} {difference} {off:e}"
        );
    }
}

#[test]
fn every_gradient_agrees_with_central_differences() {
    for (widths, m) in &CASES[..4] {
        let (model, x, labels) = problem::<f64>(widths, *m);
        let (_, gradients) = model.gradients(x.view(), &labels).unwrap();
        let loss = |layers| Mlp::from_layers(layers).unwrap().gradients(x.view(), &labels).unwrap().0;
        agree_with_central_differences(&model, &gradients, loss);
    }
}

/// One step of one batch at learning rate 1 changes the parameters by the gradient of the loss that the trainer reports.
#[test]
fn gradients_of_weighted_examples_agree_with_central_differences() {
    for (widths, m) in &CASES[..4] {
        let (model, x, labels) = problem::<f64>(widths, *m);
        // None of 0 in the case of one row, whose weight does not matter.
        let weights: Vec<_> = (1..=*m).map(|i| 0.7 * (i % 4) as f64).collect();
        let examples = Examples::new(vec![(x.view(), &labels[..])], model.classes()).unwrap();
        let examples = examples.weighted(&weights).unwrap();
        let epoch = |model: Mlp<f64>| {
            let recipe = Hyperparameters::new(1.0, *m).unwrap();
            let mut trainer = Trainer::new(model, examples.clone(), recipe, 0).unwrap();
            let loss = trainer.epoch().unwrap().mean_loss;
            (loss, trainer.into_model())
        };
        let (_, after) = epoch(model.clone());
        let difference = |(before, after): (&Linear<f64>, &Linear<f64>)| Linear {
            weight: &before.weight - &after.weight,
            bias: &before.bias - &after.bias,
        };
        let gradients: Vec<_> = model.layers().iter().zip(after.layers()).map(difference).collect();
        agree_with_central_differences(&model, &gradients, |layers| {
            epoch(Mlp::from_layers(layers).unwrap()).0
        });
    }
}
