//! What training in one call promises.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use mlprobe_nn::{Error, Examples, Hyperparameters, Mlp, Params, Schedule, Trainer};
use ndarray::Array2;

/// Rows (n, 5) of numbers in ±1 whose class (0 to 2) depends on two of them.
fn data(n: usize) -> (Array2<f32>, Vec<u16>) {
    let x = Array2::from_shape_fn((n, 5), |(i, j)| ((i * 5 + j) as f32 * 0.754_877_7).fract() * 2.0 - 1.0);
    let labels = x.outer_iter().map(|x| u16::from(x[0] > 0.0) + u16::from(x[1] > 0.3)).collect();
    (x, labels)
}

#[test]
fn fit_gives_the_bits_of_a_trainer_with_the_same_settings() {
    let (x, y) = data(60);
    let params = Params::new([8, 6])
        .epochs(3)
        .batch_size(7)
        .learning_rate(0.1)
        .schedule(Schedule::Constant)
        .momentum(0.5)
        .weight_decay(0.01)
        .dropout(0.25)
        .seed(3);
    let recipe = Hyperparameters::new(0.1, 7).unwrap().with_momentum(0.5).unwrap();
    let recipe = recipe.with_weight_decay(0.01).unwrap().with_dropout(0.25).unwrap();
    let examples = Examples::new(vec![(x.view(), &y)], 3).unwrap();
    let mut trainer = Trainer::new(Mlp::new(&[5, 8, 6, 3], 3).unwrap(), examples, recipe, 3).unwrap();
    for _ in 0..3 {
        trainer.epoch().unwrap();
    }
    assert_eq!(&Mlp::fit((&x, &y), &params).unwrap(), trainer.model());
}

#[test]
fn the_schedule_is_a_cosine_over_all_epochs_unless_another_is_given() {
    let (x, y) = data(60);
    let fit = |params: Params| Mlp::fit((&x, &y), &params).unwrap();
    let params = || Params::new([8]).epochs(4);
    assert_eq!(fit(params()), fit(params().schedule(Schedule::Cosine { epochs: 4 })));
    assert_ne!(fit(params()), fit(params().schedule(Schedule::Constant)));
}

#[test]
fn the_number_of_classes_follows_from_the_largest_label_unless_given() {
    let (x, y) = data(60);
    let params = Params::new([]).epochs(1);
    assert_eq!(Mlp::fit((&x, &y), &params).unwrap().widths(), [5, 3]);
    assert_eq!(Mlp::fit((&x, &y), &params.clone().classes(7)).unwrap().widths(), [5, 7]);
    let error = Mlp::fit((&x, &y), &params.classes(2)).unwrap_err();
    assert!(matches!(error, Error::Label { label: 2, classes: 2, .. }), "{error}");
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    let (x, y) = data(60);
    let params = || Params::new([8]).epochs(1);
    let table = [
        (params().epochs(0), "epochs"),
        (params().batch_size(0), "batch_size"),
        (params().learning_rate(0.0), "learning_rate"),
        (params().schedule(Schedule::Cosine { epochs: 0 }), "schedule"),
        (params().momentum(1.0), "momentum"),
        (params().weight_decay(-1.0), "weight_decay"),
        (params().dropout(f64::NAN), "dropout"),
    ];
    for (params, expected) in table {
        let error = Mlp::fit((&x, &y), &params).unwrap_err();
        assert!(matches!(error, Error::Hyperparameter { name, .. } if name == expected), "{error}");
    }
    assert!(matches!(Mlp::fit((&x, &y), &Params::new([0])), Err(Error::Shape { .. })));
}

#[test]
fn examples_that_do_not_fit_are_refused() {
    let (x, y) = data(60);
    let none = Array2::<f32>::zeros((0, 5));
    let params = Params::new([8]).epochs(1);
    assert!(matches!(Mlp::fit((&x, &y[1..]), &params), Err(Error::Shape { .. })));
    assert!(matches!(Mlp::fit((&none, &[]), &params), Err(Error::Shape { .. })));
    let mut broken = x.clone();
    broken[[3, 2]] = f32::NAN;
    assert!(matches!(Mlp::fit((&broken, &y), &params), Err(Error::NotFinite { .. })));
}

#[test]
fn accuracy_is_the_fraction_of_predictions_that_are_the_label() {
    let (x, y) = data(1000);
    let mlp = Mlp::fit((&x, &y), &Params::new([16]).seed(1)).unwrap();
    let (x, y) = (x.mapv(|x| x * 0.8), y);
    let correct = mlp.predict(&x).unwrap().iter().zip(&y).filter(|(a, b)| a == b).count();
    assert!((600..1000).contains(&correct), "{correct}");
    assert_eq!(mlp.accuracy(&x, &y).unwrap(), correct as f64 / 1000.0);
    assert!(matches!(mlp.accuracy(&x, &[3; 1000]), Err(Error::Label { row: 0, .. })));
}
