//! Agreement with PyTorch on real features; see `golden/ORIGIN.md`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use mlprobe_nn::{Examples, Hyperparameters, Linear, Mlp, Params, Real, Trainer};
use ndarray::{Array, Array1, Array2, Axis, Dimension};
use ndarray_npy::{NpzReader, ReadableElement};
use std::fs::File;

struct Golden(NpzReader<File>);

impl Golden {
    fn open() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mlp_steps.npz");
        Self(NpzReader::new(File::open(path).unwrap()).unwrap())
    }

    fn array<T: ReadableElement, D: Dimension>(&mut self, name: &str) -> Array<T, D> {
        self.0.by_name(name).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn layers<T: ReadableElement>(&mut self, stage: &str) -> Vec<Linear<T>> {
        let layer = |l| Linear {
            weight: self.array(&format!("{stage}_w{l}")),
            bias: self.array(&format!("{stage}_b{l}")),
        };
        [1, 2].map(layer).into()
    }
}

/// The largest difference of any parameter, relative to the largest magnitude in its tensor: a parameter that
/// happens to be near zero carries the rounding of sums as large as its neighbours'.
fn distance<F: Real>(ours: &[Linear<F>], golden: &[Linear<f64>]) -> f64 {
    fn of<F: Real, D: Dimension>(ours: &Array<F, D>, golden: &Array<f64, D>) -> f64 {
        assert_eq!(ours.shape(), golden.shape());
        let scale = golden.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
        ours.iter().zip(golden).map(|(&a, &b)| (a.into() - b).abs() / scale).fold(0.0, f64::max)
    }
    let layer = |(a, b): (&Linear<F>, &Linear<f64>)| of(&a.weight, &b.weight).max(of(&a.bias, &b.bias));
    ours.iter().zip(golden).map(layer).fold(0.0, f64::max)
}

fn agrees_with_pytorch<F: Real>(tolerance: f64) {
    let mut golden = Golden::open();
    let x = golden.array::<f32, _>("x").mapv(|x| F::from_f64(x.into()));
    let labels: Array1<u8> = golden.array("labels");
    let labels: &[u16] = &labels.mapv(u16::from).to_vec();
    let learning_rate: ndarray::Array0<f64> = golden.array("learning_rate");
    let losses: Array1<f64> = golden.array("losses");
    let layers = golden.layers::<f32>("init").into_iter().map(|layer| Linear {
        weight: layer.weight.mapv(|w| F::from_f64(w.into())),
        bias: layer.bias.mapv(|b| F::from_f64(b.into())),
    });
    let model = Mlp::from_layers(layers.collect()).unwrap();

    let (_, gradients) = model.gradients(x.view(), labels).unwrap();
    let off = distance(&gradients, &golden.layers("grad"));
    assert!(off <= tolerance, "gradients: {off:e}");

    let examples = Examples::new(vec![(x.view(), labels)], 10).unwrap();
    let recipe = Hyperparameters::new(learning_rate.into_scalar(), 500).unwrap();
    let mut trainer = Trainer::new(model, examples, recipe, 1).unwrap();
    for (step, &loss) in (1..).zip(&losses) {
        let off = (trainer.epoch().unwrap().mean_loss / loss - 1.0).abs();
        assert!(off <= tolerance, "loss of step {step}: {off:e}");
        if step == 1 || step == 10 {
            let off = distance(trainer.model().layers(), &golden.layers(&format!("after{step}")));
            assert!(off <= tolerance, "parameters after step {step}: {off:e}");
        }
    }
}

#[test]
fn ten_steps_in_f64_agree_with_pytorch_to_1e_9() {
    agrees_with_pytorch::<f64>(1e-9);
}

#[test]
fn ten_steps_in_f32_agree_with_pytorch_to_1e_4() {
    agrees_with_pytorch::<f32>(1e-4);
}

/// 64.5 % over two seeds; 500 rows have a standard error of 2.1 points, and the bound is two of them below.
#[test]
fn the_default_parameters_classify_held_out_rows_of_real_features() {
    let mut golden = Golden::open();
    let x: Array2<f32> = golden.array("x");
    let labels: Array1<u8> = golden.array("labels");
    let correct = (0..5).map(|fold| {
        let (train, test): (Vec<_>, Vec<_>) = (0..500).partition(|i| i % 5 != fold);
        let part = |rows: &[usize]| {
            (x.select(Axis(0), rows), rows.iter().map(|&i| labels[i].into()).collect::<Vec<u16>>())
        };
        let ((x, y), (x_test, y_test)) = (part(&train), part(&test));
        let mlp = Mlp::fit((&x, &y), &Params::new([64])).unwrap();
        assert_eq!(mlp.accuracy(&x, &y).unwrap(), 1.0);
        mlp.accuracy(&x_test, &y_test).unwrap()
    });
    let accuracy = correct.sum::<f64>() / 5.0;
    assert!(accuracy > 0.603, "{accuracy}");
}

#[test]
fn memory_layout_of_given_weights_does_not_matter() {
    let mut golden = Golden::open();
    let x: Array2<f32> = golden.array("x");
    let rows = golden.layers::<f32>("init");
    let columns: Vec<_> = rows
        .iter()
        .map(|layer| Linear {
            weight: layer.weight.t().as_standard_layout().into_owned().reversed_axes(),
            bias: layer.bias.clone(),
        })
        .collect();
    assert_ne!(rows[0].weight.strides(), columns[0].weight.strides());
    let logits = |layers| Mlp::from_layers(layers).unwrap().logits(x.view()).unwrap();
    assert_eq!(logits(rows), logits(columns));
}
