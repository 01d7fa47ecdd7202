//! Training and evaluation in bf16 and bf16x3.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use mlprobe_nn::{
    Error, Examples, Hyperparameters, Linear, Mlp, Params, Precision, Trainer, evaluate, evaluate_in,
};
use ndarray::{Array1, Array2, Axis, Zip};
use ndarray_npy::NpzReader;
use std::fs::File;

/// The 500 rows of SqueezeNet features of `golden/ORIGIN.md`, and their labels.
fn golden() -> (Array2<f32>, Vec<u16>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mlp_steps.npz");
    let mut file = NpzReader::new(File::open(path).unwrap()).unwrap();
    let labels: Array1<u8> = file.by_name("labels").unwrap();
    (file.by_name("x").unwrap(), labels.mapv(u16::from).to_vec())
}

/// The gradient of a network, and by how much an exact one may be off: (W, b) of each layer, in f64.
struct Analysis {
    gradients: Vec<Linear<f64>>,
    bounds: Vec<Linear<f64>>,
}

/// Forward and backward in f64, with a bound of the error of every number beside it, E[·]. Products of bf16, or of f32, obey
/// |error of A·B| ≤ r·|A||B| + s·(Q + 2)·2⁻²⁴·|A||B|, with r of the factors' rounding and s of the sum's steps, as `gemm`
/// and `gemm` state it. So with factors that are themselves off by E:
///
/// ```text
/// E[A·B] = (r + s(Q + 2)·2⁻²⁴)·Â·B̂ + Â·B̂ - |A||B|,   Â = |A| + E[A]
/// E[relu(Z)] = E[Z]                    relu moves no number further than it is moved
/// E[P] = max over k of E[Z]/2 + 2⁻²⁰   |∂p_i| = p_i|∂z_i - Σ p_k ∂z_k| ≤ 2 p_i(1 - p_i) max|∂z|, and f32's exp
/// E[dZ] = E[dA] where |Z| > E[Z], so that the rectifier is on the right side, else |dA| + E[dA]
/// ```
fn analyse(model: &Mlp<f32>, x: &Array2<f32>, labels: &[u16], [r, s]: [f64; 2]) -> Analysis {
    let product_error =
        |a: &Array2<f64>, ea: &Array2<f64>, b: &Array2<f64>, eb: &Array2<f64>, [r, s]: [f64; 2]| {
            let (whole, exact) = (
                (a.mapv(f64::abs) + ea).dot(&(b.mapv(f64::abs) + eb)),
                a.mapv(f64::abs).dot(&b.mapv(f64::abs)),
            );
            &whole * (1.0 + r + s * (a.ncols() + 2) as f64 * 2.0_f64.powi(-24)) - exact
        };
    let in_f64 = |x: &Array2<f32>| x.mapv(f64::from);
    let layers: Vec<(Array2<f64>, Array1<f64>)> =
        model.layers().iter().map(|l| (in_f64(&l.weight), l.bias.mapv(f64::from))).collect();
    let m = labels.len() as f64;
    let zeros = |x: &Array2<f64>| Array2::<f64>::zeros(x.raw_dim());

    let (mut a, mut ea, mut z, mut ez) = (vec![in_f64(x)], vec![zeros(&in_f64(x))], vec![], vec![]);
    for (l, (w, b)) in layers.iter().enumerate() {
        let wt = w.t().to_owned();
        let product = a[l].dot(&wt);
        let error = product_error(&a[l], &ea[l], &wt, &zeros(&wt), [r, s]);
        z.push(&product + b);
        ez.push(error + (product.mapv(f64::abs) + b.mapv(f64::abs)) * 2.0_f64.powi(-23));
        a.push(z[l].mapv(|z| z.max(0.0)));
        ea.push(ez[l].clone());
    }
    let last = layers.len() - 1;
    let mut dz = z[last].mapv(libm::exp);
    let sums = dz.sum_axis(Axis(1)).insert_axis(Axis(1));
    dz /= &sums;
    labels.iter().enumerate().for_each(|(i, &y)| dz[[i, usize::from(y)]] -= 1.0);
    let mut edz = zeros(&dz);
    for (mut edz, ez) in edz.rows_mut().into_iter().zip(ez[last].rows()) {
        edz.fill(ez.fold(0.0_f64, |max, &e| max.max(e)) / 2.0 + 2.0_f64.powi(-20));
    }
    let (mut gradients, mut bounds) = (vec![], vec![]);
    for l in (0..layers.len()).rev() {
        let (dzt, edzt) = (dz.t().to_owned(), edz.t().to_owned());
        gradients.push(Linear { weight: dzt.dot(&a[l]) / m, bias: dz.sum_axis(Axis(0)) / m });
        let bias =
            edz.sum_axis(Axis(0)) + (m + 2.0) * 2.0_f64.powi(-23) * dz.mapv(f64::abs).sum_axis(Axis(0));
        bounds.push(Linear { weight: product_error(&dzt, &edzt, &a[l], &ea[l], [r, s]) / m, bias: bias / m });
        if l > 0 {
            let (w, _) = &layers[l];
            let da = dz.dot(w);
            // This product is in f32.
            let eda = product_error(&dz, &edz, w, &zeros(w), [0.0, 2.0]);
            (dz, edz) = (da.clone(), eda.clone());
            Zip::from(&mut dz).and(&mut edz).and(&z[l - 1]).and(&ez[l - 1]).for_each(|dz, edz, &z, &ez| {
                *edz = if z.abs() > ez { *edz } else { dz.abs() + *edz };
                *dz = if z >= 0.0 { *dz } else { 0.0 };
                *edz = if z < -ez { 0.0 } else { *edz };
            });
        }
    }
    gradients.reverse();
    bounds.reverse();
    Analysis { gradients, bounds }
}

/// The gradient by which a trainer steps: one update at a learning rate of 1 on all rows at once.
fn step(model: &Mlp<f32>, x: &Array2<f32>, labels: &[u16], precision: Precision) -> Vec<Linear<f32>> {
    let examples = Examples::new(vec![(x.view(), labels)], model.classes()).unwrap();
    let recipe = Hyperparameters::new(1.0, labels.len()).unwrap().with_precision(precision);
    let mut trainer = Trainer::new(model.clone(), examples, recipe, 1).unwrap();
    trainer.epoch().unwrap();
    let pairs = model.layers().iter().zip(trainer.model().layers());
    let step = |(a, b): (&Linear<f32>, &Linear<f32>)| Linear {
        weight: &a.weight - &b.weight,
        bias: &a.bias - &b.bias,
    };
    pairs.map(step).collect()
}

fn values<F: Copy + Into<f64>>(layers: &[Linear<F>]) -> Vec<f64> {
    layers.iter().flat_map(|l| l.weight.iter().chain(&l.bias)).map(|&x| x.into()).collect()
}

/// The bounds are those of `gemm`; what is left out of bf16x3 is 2⁻²³.
const BOUNDS: [(Precision, [f64; 2]); 3] = [
    (Precision::F32, [0.0, 2.0]),
    (Precision::Bf16x3, [1.0 / (1 << 23) as f64 + 1.0 / (1_u64 << 32) as f64, 7.0]),
    (Precision::Bf16, [1.0 / 128.0 + 1.0 / 65_536.0, 2.0]),
];

#[test]
fn gradients_are_within_the_derived_bound_of_those_in_f64() {
    for (widths, m) in [(&[5, 3][..], 7), (&[33, 17, 4], 65), (&[40, 24, 16, 5], 90)] {
        let model = Mlp::<f32>::new(widths, 3).unwrap();
        let x =
            Array2::from_shape_fn((m, widths[0]), |(i, j)| ((i * 97 + j) as f32 * 0.618_034).fract() - 0.3);
        let labels: Vec<u16> = (0..m).map(|i| (i * i % widths[widths.len() - 1]) as u16).collect();
        let mut typical = Vec::new();
        for (precision, growth) in BOUNDS {
            let Analysis { gradients, bounds } = analyse(&model, &x, &labels, growth);
            let (expected, bounds) = (values(&gradients), values(&bounds));
            let actual = values(&step(&model, &x, &labels, precision));
            let weights = values(model.layers());
            let mut off = 0.0;
            for i in 0..expected.len() {
                // The step is the difference of two rounded weights.
                let bound = bounds[i] + 2.0_f64.powi(-23) * (weights[i].abs() + expected[i].abs());
                let error = (actual[i] - expected[i]).abs();
                assert!(error <= bound, "{widths:?} {precision} parameter {i}: {error:e} > {bound:e}");
                off += error / expected.len() as f64;
            }
            typical.push(off);
        }
        // bf16 rounds, and bf16x3 is as good as f32.
        assert!(typical[2] > 100.0 * typical[0] && typical[1] < 2.0 * typical[0], "{typical:?}");
    }
}

#[test]
fn training_on_real_features_reaches_the_same_loss_and_accuracy() {
    let (x, labels) = golden();
    let examples = Examples::new(vec![(x.view(), &labels)], 10).unwrap();
    let trained = |precision| {
        let params = Params::new([64]).epochs(20).seed(1).precision(precision);
        let model = Mlp::fit((&x, &labels), &params).unwrap();
        let evaluation = evaluate_in(precision, &model, &examples).unwrap();
        (model, evaluation)
    };
    let (model, expected) = trained(Precision::F32);
    assert_eq!(evaluate(&model, &examples).unwrap(), expected);
    for (precision, most) in [(Precision::Bf16x3, 1e-3), (Precision::Bf16, 0.05)] {
        let (other, evaluation) = trained(precision);
        assert_ne!(other, model);
        let off = (evaluation.loss / expected.loss - 1.0).abs();
        assert!(off < most, "{precision}: {evaluation:?} and {expected:?}");
        assert!((evaluation.accuracy - expected.accuracy).abs() <= 0.01, "{evaluation:?} and {expected:?}");
        let predicted = other.predict_in(precision, &x).unwrap();
        let right = predicted.iter().zip(&labels).filter(|(a, b)| a == b).count();
        assert_eq!(
            right as f64 / labels.len() as f64,
            evaluation.accuracy,
            "predictions are those that are scored"
        );
        // The same network, evaluated in both.
        let off = evaluate_in(precision, &model, &examples).unwrap().loss / expected.loss - 1.0;
        assert!(off.abs() < most, "{precision}: {off:e}");
    }
}

#[test]
fn networks_of_f64_are_trained_and_evaluated_as_they_are() {
    let x = Array2::<f64>::eye(3);
    let examples = Examples::new(vec![(x.view(), &[0, 1, 2][..])], 3).unwrap();
    let model = Mlp::<f64>::new(&[3, 3], 1).unwrap();
    for precision in [Precision::Bf16x3, Precision::Bf16] {
        let recipe = Hyperparameters::new(0.1, 3).unwrap().with_precision(precision);
        let refused = [
            Trainer::new(model.clone(), examples.clone(), recipe, 1).err(),
            evaluate_in(precision, &model, &examples).err(),
            model.predict_in(precision, &x).err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(Error::Hyperparameter { name: "precision", .. })), "{error:?}");
        }
    }
}
