//! What a trainer promises.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use mlprobe_nn::{
    EpochSummary, Error, Examples, Hyperparameters, Linear, Mlp, Precision, Schedule, Trainer, TrainingState,
    evaluate, evaluate_in,
};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// Rows (n, 5) of numbers in ±1 whose class (0 to 2) depends on two of them.
fn data(n: usize) -> (Array2<f64>, Vec<u16>) {
    let x = Array2::from_shape_fn((n, 5), |(i, j)| {
        ((i * 5 + j) as f64 * 0.754_877_666_246_693).fract() * 2.0 - 1.0
    });
    let labels = x.outer_iter().map(|x| u16::from(x[0] > 0.0) + u16::from(x[1] > 0.3)).collect();
    (x, labels)
}

fn examples<'a>(x: &'a Array2<f64>, labels: &'a [u16]) -> Examples<'a, f64> {
    Examples::new(vec![(x.view(), labels)], 3).unwrap()
}

fn recipe(learning_rate: f64, batch_size: usize) -> Hyperparameters {
    Hyperparameters::new(learning_rate, batch_size).unwrap()
}

fn run(trainer: &mut Trainer<f64>, epochs: usize) -> Vec<EpochSummary> {
    (0..epochs).map(|_| trainer.epoch().unwrap()).collect()
}

#[test]
fn xor_is_learned() {
    let x = ndarray::array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let labels = [0, 1, 1, 0];
    let examples = Examples::new(vec![(x.view(), &labels)], 2).unwrap();
    let model = Mlp::new(&[2, 16, 2], 1).unwrap();
    let mut trainer = Trainer::new(model, examples.clone(), recipe(0.5, 4), 1).unwrap();
    let first = trainer.epoch().unwrap().mean_loss;
    for _ in 0..500 {
        trainer.epoch().unwrap();
    }
    let after = evaluate(trainer.model(), &examples).unwrap();
    assert_eq!(after.accuracy, 1.0);
    assert!(after.loss < first / 10.0, "{first} to {}", after.loss);
}

#[test]
fn an_epoch_visits_each_row_once() {
    // At a learning rate too small to change anything, the mean loss over an epoch's batches is the loss of
    // the set, up to the rounding of 103 terms, and only if no row was missed or came twice.
    let (x, labels) = data(103);
    let model = Mlp::new(&[5, 8, 3], 1).unwrap();
    let expected = evaluate(&model, &examples(&x, &labels)).unwrap().loss;
    let mut trainer = Trainer::new(model, examples(&x, &labels), recipe(1e-300, 10), 1).unwrap();
    for summary in run(&mut trainer, 3) {
        let off = (summary.mean_loss / expected - 1.0).abs();
        assert!(off < 103.0 * f64::EPSILON, "epoch {}: {off:e}", summary.epoch);
    }
}

#[test]
fn epochs_and_updates_are_counted() {
    let (x, labels) = data(103);
    let model = Mlp::new(&[5, 3], 1).unwrap();
    let mut trainer = Trainer::new(model, examples(&x, &labels), recipe(0.1, 10), 1).unwrap();
    let counts: Vec<_> =
        run(&mut trainer, 2).iter().map(|summary| (summary.epoch, summary.updates)).collect();
    assert_eq!(counts, [(1, 11), (2, 22)]);
    assert_eq!(trainer.epochs_done(), 2);
}

#[test]
fn the_last_batch_is_averaged_over_its_own_size() {
    // Four rows in batches of three: an epoch is a step on three rows and a step on the fourth.
    let (x, labels) = data(4);
    let start = Mlp::new(&[5, 3], 1).unwrap();
    let mut trainer = Trainer::new(start.clone(), examples(&x, &labels), recipe(0.1, 3), 1).unwrap();
    trainer.epoch().unwrap();
    let step = |model: &Mlp<f64>, rows: &[usize]| {
        let labels: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
        let (_, gradients) = model.gradients(x.select(Axis(0), rows).view(), &labels).unwrap();
        let mut layers = model.layers().to_vec();
        layers[0].weight.scaled_add(-0.1, &gradients[0].weight);
        layers[0].bias.scaled_add(-0.1, &gradients[0].bias);
        Mlp::from_layers(layers).unwrap()
    };
    let distance = |last: usize| {
        let first: Vec<usize> = (0..4).filter(|&row| row != last).collect();
        let model = step(&step(&start, &first), &[last]);
        let difference = &model.layers()[0].weight - &trainer.model().layers()[0].weight;
        difference.iter().fold(0.0, |max: f64, value| max.max(value.abs()))
    };
    // Which row came last is the order's business; the sums of a batch may be rounded in another order.
    let nearest = (0..4).map(distance).fold(f64::INFINITY, f64::min);
    assert!(nearest < 1e-15, "{nearest:e}");
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_does_not() {
    let (x, labels) = data(60);
    let trained = |seed| {
        let model = Mlp::new(&[5, 8, 3], 7).unwrap();
        let mut trainer = Trainer::new(model, examples(&x, &labels), recipe(0.1, 7), seed).unwrap();
        (run(&mut trainer, 5), trainer.into_model())
    };
    assert_eq!(trained(1), trained(1));
    assert_ne!(trained(1).1, trained(2).1);
}

/// Rows (700, 300) and labels below 3: wide and long enough that both rows and weights are shared out.
fn wide_data() -> (Array2<f32>, Vec<u16>) {
    let x = Array2::from_shape_fn((700, 300), |(i, j)| ((i * 300 + j) as f32 * 0.618_034).fract() - 0.5);
    (x, (0..700).map(|i| (i * i % 3) as u16).collect())
}

#[test]
fn training_and_evaluation_are_the_same_bits_for_any_number_of_threads() {
    let (x, labels) = wide_data();
    let examples = Examples::new(vec![(x.view(), &labels[..])], 3).unwrap();
    let run = |precision| {
        let recipe = recipe(0.1, 500).with_momentum(0.9).unwrap().with_dropout(0.3).unwrap();
        let recipe = recipe.with_precision(precision);
        let model = Mlp::<f32>::new(&[300, 20, 12, 3], 7).unwrap();
        let mut trainer = Trainer::new(model, examples.clone(), recipe, 1).unwrap();
        let summaries = [trainer.epoch().unwrap(), trainer.epoch().unwrap()];
        let evaluation = evaluate_in(precision, trainer.model(), &examples).unwrap();
        (summaries, evaluation, trainer.into_model())
    };
    for precision in Precision::ALL {
        let alone = run(precision);
        for threads in [1, 2, 3, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| run(precision)), alone, "{precision}, {threads} threads");
        }
    }
}

#[test]
fn a_batch_of_several_parts_steps_along_the_gradient_of_the_whole() {
    let (x, labels) = wide_data();
    let start = Mlp::<f32>::new(&[300, 20, 3], 7).unwrap();
    let (_, gradients) = start.gradients(x.view(), &labels).unwrap();
    let examples = Examples::new(vec![(x.view(), &labels[..])], 3).unwrap();
    let mut trainer = Trainer::new(start.clone(), examples, recipe(1.0, 700), 1).unwrap();
    trainer.epoch().unwrap();
    for (l, (after, before)) in trainer.model().layers().iter().zip(start.layers()).enumerate() {
        // The rows come in another order: 700 roundings of a sum of terms below 1, then of the step.
        let bound = 700.0 * f32::EPSILON;
        let step = &before.weight - &after.weight;
        assert!((&step - &gradients[l].weight).iter().all(|off| off.abs() < bound), "layer {l}");
        assert!(step.iter().any(|step| step.abs() > 100.0 * bound), "layer {l} did not move");
    }
}

#[test]
fn each_epoch_has_its_own_order() {
    let (x, labels) = data(60);
    let after_one_epoch_from = |epochs_done| {
        let model = Mlp::new(&[5, 8, 3], 7).unwrap();
        let state = TrainingState { model, seed: 1, epochs_done, velocity: Vec::new() };
        let mut trainer = Trainer::resume(state, examples(&x, &labels), recipe(0.1, 7)).unwrap();
        trainer.epoch().unwrap();
        trainer.into_model()
    };
    assert_ne!(after_one_epoch_from(0), after_one_epoch_from(1));
}

#[test]
fn f32_and_f64_networks_of_one_seed_start_equal() {
    let wide = Mlp::<f64>::new(&[512, 64, 10], 9).unwrap();
    let narrow = Mlp::<f32>::new(&[512, 64, 10], 9).unwrap();
    for (wide, narrow) in wide.layers().iter().zip(narrow.layers()) {
        assert_eq!(wide.weight.mapv(|w| w as f32), narrow.weight);
        assert!(narrow.bias.iter().all(|&b| b == 0.0));
    }
}

#[test]
fn initial_weights_are_he_uniform_and_differ_by_layer_and_seed() {
    let model = Mlp::<f64>::new(&[100, 100, 100], 1).unwrap();
    let bound = (6.0f64 / 100.0).sqrt();
    for layer in model.layers() {
        assert!(layer.weight.iter().all(|w| (-bound..bound).contains(w)));
        // Variance 2 / fan-in, and its standard error over 10,000 draws: 0.9 %.
        let variance = layer.weight.iter().map(|w| w * w).sum::<f64>() / 1e4;
        assert!((variance * 50.0 - 1.0).abs() < 0.05, "{variance}");
    }
    assert_ne!(model.layers()[0], model.layers()[1]);
    assert_ne!(model, Mlp::new(&[100, 100, 100], 2).unwrap());
}

#[test]
fn the_first_initial_weights_are_the_documented_ones() {
    // Computed with a separate implementation of ChaCha8 in Python.
    let model = Mlp::<f64>::new(&[2, 2], 1).unwrap();
    let weights: Vec<f64> = model.layers()[0].weight.iter().copied().collect();
    assert_eq!(weights[..3], [-1.6802785725239284, -1.4711974699177608, -0.38935809548052835]);
}

/// Everything that can be added to plain gradient descent.
fn tuned() -> Hyperparameters {
    let recipe = recipe(0.1, 7).with_momentum(0.9).unwrap().with_weight_decay(1e-3).unwrap();
    recipe.with_dropout(0.3).unwrap().with_schedule(Schedule::Cosine { epochs: 6 }).unwrap()
}

#[test]
fn going_on_gives_the_bits_of_an_uninterrupted_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let (x, labels) = data(60);
    for recipe in [recipe(0.1, 7), tuned()] {
        let new = || {
            let model = Mlp::new(&[5, 8, 3], 7).unwrap();
            Trainer::new(model, examples(&x, &labels), recipe.clone(), 3).unwrap()
        };
        let mut whole = new();
        let summaries = run(&mut whole, 6);
        let mut first = new();
        run(&mut first, 2);
        first.state().save(&path).unwrap();
        let state = TrainingState::load(&path).unwrap();
        let mut second = Trainer::resume(state, examples(&x, &labels), recipe).unwrap();
        assert_eq!(run(&mut second, 4), summaries[2..]);
        assert_eq!(second.state(), whole.state());
    }
}

#[test]
fn dropout_silences_other_units_at_every_update() {
    // One row and a learning rate too small to change anything: only the silenced units move the loss.
    let (x, labels) = data(1);
    let model = Mlp::new(&[5, 16, 3], 7).unwrap();
    let recipe = recipe(1e-300, 1).with_dropout(0.5).unwrap();
    let mut trainer = Trainer::new(model, examples(&x, &labels), recipe, 1).unwrap();
    let mut losses: Vec<u64> =
        run(&mut trainer, 8).iter().map(|summary| summary.mean_loss.to_bits()).collect();
    losses.sort();
    losses.dedup();
    assert_eq!(losses.len(), 8);
}

#[test]
fn each_addition_changes_training_and_its_default_does_not() {
    let (x, labels) = data(60);
    let trained = |recipe: Hyperparameters| {
        let model = Mlp::new(&[5, 8, 3], 7).unwrap();
        let mut trainer = Trainer::new(model, examples(&x, &labels), recipe, 3).unwrap();
        run(&mut trainer, 3);
        trainer.into_model()
    };
    let plain = || recipe(0.1, 7);
    let expected = trained(plain());
    let schedule = Schedule::Cosine { epochs: 3 };
    assert_eq!(trained(plain().with_momentum(0.0).unwrap()), expected);
    assert_ne!(trained(plain().with_momentum(0.5).unwrap()), expected);
    assert_eq!(trained(plain().with_weight_decay(0.0).unwrap()), expected);
    assert_ne!(trained(plain().with_weight_decay(0.5).unwrap()), expected);
    assert_eq!(trained(plain().with_dropout(0.0).unwrap()), expected);
    assert_ne!(trained(plain().with_dropout(0.5).unwrap()), expected);
    assert_eq!(trained(plain().with_schedule(Schedule::Constant).unwrap()), expected);
    assert_ne!(trained(plain().with_schedule(schedule).unwrap()), expected);
}

#[test]
fn a_state_that_cannot_be_is_refused() {
    let (x, labels) = data(60);
    let resumed = |epochs_done, widths: &[usize]| {
        let velocity = Mlp::new(widths, 7).unwrap().layers().to_vec();
        let state = TrainingState { model: Mlp::new(&[5, 8, 3], 7).unwrap(), seed: 1, epochs_done, velocity };
        Trainer::resume(state, examples(&x, &labels), tuned()).err()
    };
    assert!(resumed(2, &[5, 8, 3]).is_none());
    assert!(matches!(resumed(2, &[5, 3]), Some(Error::Shape { .. })));
    assert!(matches!(resumed(usize::MAX, &[5, 8, 3]), Some(Error::Hyperparameter { .. })));
}

#[test]
fn blocks_train_like_the_stacked_array() {
    let (x, labels) = data(40);
    let other = x.mapv(|x| -x);
    let stacked = concatenate![Axis(0), x, other];
    let stacked_labels = [&labels[..], &labels[..]].concat();
    let trained = |blocks: Vec<(ArrayView2<f64>, &[u16])>| {
        let examples = Examples::new(blocks, 3).unwrap();
        let model = Mlp::new(&[5, 8, 3], 7).unwrap();
        let mut trainer = Trainer::new(model, examples.clone(), recipe(0.1, 9), 3).unwrap();
        let summaries = run(&mut trainer, 4);
        let evaluation = evaluate(trainer.model(), &examples).unwrap();
        (summaries, trainer.into_model(), evaluation)
    };
    let blocks = trained(vec![(x.view(), &labels), (other.view(), &labels)]);
    let whole = trained(vec![(stacked.view(), &stacked_labels)]);
    assert_eq!((blocks.0, blocks.1), (whole.0, whole.1));
    assert_eq!(blocks.2.accuracy, whole.2.accuracy);
    // Evaluation adds up block by block: one rounding an example apart.
    assert!((blocks.2.loss / whole.2.loss - 1.0).abs() < 80.0 * f64::EPSILON);
}

#[test]
fn strided_features_train_like_contiguous_ones() {
    let (x, labels) = data(40);
    let turned = x.t().as_standard_layout().into_owned();
    let trained = |x: ArrayView2<f64>| {
        let examples = Examples::new(vec![(x, &labels[..])], 3).unwrap();
        let mut trainer =
            Trainer::new(Mlp::new(&[5, 8, 3], 7).unwrap(), examples, recipe(0.1, 9), 3).unwrap();
        run(&mut trainer, 2);
        trainer.into_model()
    };
    assert_eq!(trained(x.view()), trained(turned.t()));
}

#[test]
fn evaluation_agrees_with_predictions_over_many_chunks() {
    let (x, labels) = data(1500);
    let model = Mlp::new(&[5, 8, 3], 7).unwrap();
    let evaluation = evaluate(&model, &examples(&x, &labels)).unwrap();
    let predictions = model.predict(x.view()).unwrap();
    let correct = predictions.iter().zip(&labels).filter(|(a, b)| a == b).count();
    assert_eq!(evaluation.accuracy, correct as f64 / 1500.0);
    let probabilities = model.probabilities(x.view()).unwrap();
    let loss: f64 =
        probabilities.outer_iter().zip(&labels).map(|(p, &y)| -libm::log(p[usize::from(y)])).sum();
    // Every term is rounded a few times, and so is the sum after each.
    assert!((evaluation.loss / (loss / 1500.0) - 1.0).abs() < 1500.0 * f64::EPSILON);
}

#[test]
fn equal_logits_predict_the_first_class() {
    let mut layers = Mlp::<f32>::new(&[2, 3], 1).unwrap().layers().to_vec();
    layers[0].weight.fill(0.0);
    let model = Mlp::from_layers(layers).unwrap();
    assert_eq!(model.predict(Array2::ones((2, 2)).view()).unwrap(), [0, 0]);
}

/// Row i is the i-th unit vector and its label is 999 - i: more classes than a byte counts.
#[test]
fn a_thousand_classes_are_learned_and_told_apart() {
    let x = Array2::<f32>::eye(1000);
    let labels: Vec<u16> = (0..1000).rev().collect();
    let examples = Examples::new(vec![(x.view(), &labels)], 1000).unwrap();
    let model = Mlp::new(&[1000, 1000], 1).unwrap();
    let before = evaluate(&model, &examples).unwrap();
    assert!(before.accuracy < 0.01 && (before.loss / libm::log(1000.0) - 1.0).abs() < 0.01, "{before:?}");
    let recipe = recipe(10.0, 100).with_momentum(0.9).unwrap();
    let mut trainer = Trainer::new(model, examples.clone(), recipe, 1).unwrap();
    for _ in 0..5 {
        trainer.epoch().unwrap();
    }
    assert_eq!(evaluate(trainer.model(), &examples).unwrap().accuracy, 1.0);
    assert_eq!(trainer.model().predict(x.view()).unwrap(), labels);
}

#[test]
fn gradients_of_the_last_of_65_536_classes_are_p_minus_y() {
    let layer = Linear { weight: Array2::zeros((65_536, 1)), bias: ndarray::Array1::zeros(65_536) };
    let model = Mlp::<f64>::from_layers(vec![layer]).unwrap();
    let (loss, gradients) = model.gradients(ndarray::array![[1.0]].view(), &[u16::MAX]).unwrap();
    // ln 65,536, whose sum of 65,536 ones is exact; P is 2⁻¹⁶ everywhere.
    assert!((loss - 16.0 * std::f64::consts::LN_2).abs() < 1e-14, "{loss}");
    let p = 1.0 / 65_536.0;
    for (k, &gradient) in gradients[0].bias.iter().enumerate() {
        assert_eq!(gradient, if k == 65_535 { p - 1.0 } else { p });
    }
}

#[test]
fn no_rows_give_no_logits() {
    let model = Mlp::<f32>::new(&[2, 3], 1).unwrap();
    assert_eq!(model.logits(Array2::zeros((0, 2)).view()).unwrap().dim(), (0, 3));
}

#[test]
fn divergence_names_epoch_batch_and_learning_rate() {
    let (x, labels) = data(40);
    let model = Mlp::new(&[5, 8, 3], 7).unwrap();
    let mut trainer = Trainer::new(model, examples(&x, &labels), recipe(1e200, 10), 1).unwrap();
    let error = (0..10).find_map(|_| trainer.epoch().err()).unwrap();
    let Error::Diverged { epoch: 1, batch, learning_rate: 1e200, loss } = error else { panic!("{error}") };
    assert!((2..=4).contains(&batch) && !loss.is_finite());
    assert!(error.to_string().contains(&format!("epoch 1, batch {batch}")), "{error}");
    assert!(error.to_string().contains("lower the learning rate"), "{error}");
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let (x, labels) = data(40);
    let model = |widths: &[usize]| Mlp::<f64>::new(widths, 1).unwrap();
    for widths in [[4, 3], [5, 2], [5, 4]] {
        assert!(
            matches!(evaluate(&model(&widths), &examples(&x, &labels)), Err(Error::Shape { .. })),
            "{widths:?}"
        );
        let trainer = Trainer::new(model(&widths), examples(&x, &labels), recipe(0.1, 10), 1);
        assert!(matches!(trainer.err(), Some(Error::Shape { .. })), "{widths:?}");
    }
    assert!(matches!(model(&[4, 3]).logits(x.view()), Err(Error::Shape { .. })));
    assert!(matches!(model(&[5, 3]).gradients(x.view(), &labels[1..]), Err(Error::Shape { .. })));
    assert!(matches!(
        model(&[5, 3]).gradients(x.view(), &[3; 40]),
        Err(Error::Label { row: 0, label: 3, .. })
    ));
    for widths in [&[][..], &[5], &[5, 0, 3], &[0, 3], &[5, 65_537], &[65_537, 3]] {
        assert!(matches!(Mlp::<f32>::new(widths, 1), Err(Error::Shape { .. })), "{widths:?}");
    }
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let good = Mlp::<f64>::new(&[5, 4, 3], 1).unwrap().layers().to_vec();
    let refused = |change: &dyn Fn(&mut Vec<_>)| {
        let mut layers = good.clone();
        change(&mut layers);
        Mlp::from_layers(layers).unwrap_err()
    };
    assert!(matches!(refused(&|layers| layers.clear()), Error::Shape { .. }));
    assert!(matches!(refused(&|layers| layers.swap(0, 1)), Error::Shape { .. }));
    assert!(matches!(refused(&|layers| layers[1].bias = ndarray::Array1::zeros(4)), Error::Shape { .. }));
    assert!(matches!(refused(&|layers| layers[1].bias[0] = f64::NAN), Error::NotFinite { .. }));
    assert!(matches!(refused(&|layers| layers[0].weight[[1, 1]] = f64::INFINITY), Error::NotFinite { .. }));
}

#[test]
fn equal_weights_give_the_bits_of_none_for_any_number_of_threads() {
    let (x, labels) = data(103);
    let (x, weights) = (x.mapv(|x| x as f32), vec![0.1; 103]);
    let train = |weights: &[f64], threads| {
        let examples = Examples::new(vec![(x.view(), &labels[..])], 3).unwrap();
        let examples = if weights.is_empty() { examples } else { examples.weighted(weights).unwrap() };
        let mut trainer =
            Trainer::new(Mlp::new(&[5, 8, 3], 1).unwrap(), examples, recipe(0.1, 10), 1).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (0..3).for_each(|_| assert!(trainer.epoch().unwrap().mean_loss > 0.0)));
        trainer.into_model()
    };
    for threads in [1, 3] {
        assert_eq!(train(&weights, threads), train(&[], 1));
    }
    let varied: Vec<_> = (0..103).map(|i| f64::from(i % 3)).collect();
    assert_eq!(train(&varied, 1), train(&varied, 3));
    assert_ne!(train(&varied, 1), train(&[], 1));
}

#[test]
fn a_row_of_weight_two_counts_as_two_rows_and_one_of_weight_zero_as_none() {
    let (x, labels) = data(30);
    let weights: Vec<_> = (0..30).map(|i| f64::from(i % 3)).collect();
    let rows: Vec<usize> = (0..30).flat_map(|i| std::iter::repeat_n(i, i % 3)).collect();
    let repeated = (x.select(Axis(0), &rows), rows.iter().map(|&i| labels[i]).collect::<Vec<_>>());
    let train = |examples| {
        let mut trainer =
            Trainer::new(Mlp::new(&[5, 8, 3], 1).unwrap(), examples, recipe(0.1, 30), 1).unwrap();
        let loss = run(&mut trainer, 20)[19].mean_loss;
        (loss, trainer.into_model())
    };
    let (weighted_loss, weighted) = train(examples(&x, &labels).weighted(&weights).unwrap());
    let (loss, model) = train(examples(&repeated.0, &repeated.1));
    // Both sums have about 30 terms per step, in another order.
    assert!((weighted_loss - loss).abs() < 1e-12, "{weighted_loss} {loss}");
    for (a, b) in weighted.layers().iter().zip(model.layers()) {
        assert!((&a.weight - &b.weight).iter().all(|off| off.abs() < 1e-12));
    }
}

#[test]
fn weights_of_any_size_give_a_finite_network() {
    let (x, labels) = data(30);
    let weights: Vec<_> = (0..30).map(|i| [5e-324, 1e-300, 1.0, 1e300][i % 4]).collect();
    let weighted = examples(&x, &labels).weighted(&weights).unwrap();
    let mut trainer = Trainer::new(Mlp::new(&[5, 8, 3], 1).unwrap(), weighted, recipe(0.1, 7), 1).unwrap();
    assert!(run(&mut trainer, 2).iter().all(|summary| summary.mean_loss.is_finite()));
    assert!(evaluate(trainer.model(), &examples(&x, &labels)).unwrap().loss.is_finite());
}

#[test]
fn features_too_large_for_the_type_are_refused_rather_than_given_the_first_class() {
    let model = Mlp::<f32>::new(&[2, 8, 3], 1).unwrap();
    let x = ndarray::array![[1.0, 1.0], [3e38, 3e38]];
    for result in [model.predict(x.view()).map(|_| ()), model.probabilities(x.view()).map(|_| ())] {
        let error = result.unwrap_err();
        assert!(
            matches!(&error, Error::NotFinite { location, .. } if location == "a logit of row 1"),
            "{error}"
        );
    }
}
