//! Training and evaluation of the 512-64-10 network in bf16 and bf16x3 against f32: `cargo bench -p mlprobe-nn --bench precision`.
//!
//! The precisions take turns, so that other work on the machine slows all of them down, and the fastest of many turns counts.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use mlprobe_nn::{Examples, Hyperparameters, Mlp, Precision, Trainer, evaluate_in};
use ndarray::Array2;
use std::time::{Duration, Instant};

/// N, large enough to leave the cache: 82 MB of features.
const ROWS: usize = 40_000;
const TURNS: usize = 40;

fn main() {
    let x = Array2::from_shape_fn((ROWS, 512), |(i, j)| ((i * 512 + j) as f32 * 0.618_034).fract() - 0.5);
    let labels: Vec<u16> = (0..ROWS).map(|i| (i % 10) as u16).collect();
    let examples = Examples::new(vec![(x.view(), &labels)], 10).unwrap();
    let model = Mlp::<f32>::new(&[512, 64, 10], 1).unwrap();
    let trainer = |precision| {
        let recipe = Hyperparameters::new(0.01, 500).unwrap().with_precision(precision);
        Trainer::new(model.clone(), examples.clone(), recipe, 1).unwrap()
    };
    let mut trainers = Precision::ALL.map(trainer);
    let pool = rayon::ThreadPoolBuilder::new().build().unwrap();
    let threads = pool.current_num_threads();

    // One thread, all threads, evaluation; of every precision.
    let mut least = [[Duration::MAX; 3]; 3];
    for _ in 0..TURNS {
        for (trainer, (precision, least)) in trainers.iter_mut().zip(Precision::ALL.iter().zip(&mut least)) {
            let mut time = |what: usize, run: &mut (dyn FnMut() + Send)| {
                let start = Instant::now();
                run();
                least[what] = start.elapsed().min(least[what]);
            };
            time(0, &mut || _ = trainer.epoch().unwrap());
            time(1, &mut || _ = pool.install(|| trainer.epoch().unwrap()));
            time(2, &mut || _ = evaluate_in(*precision, &model, &examples).unwrap());
        }
    }
    for (what, name) in
        ["train, one thread", &format!("train, {threads} threads"), "evaluate, one thread"].iter().enumerate()
    {
        let [f32, bf16x3, bf16] = least.map(|least| least[what].as_secs_f64());
        println!(
            "{name}: f32 {:.2} million rows/s; times its speed: bf16 {:.2}, bf16x3 {:.2}",
            ROWS as f64 / f32 / 1e6,
            f32 / bf16,
            f32 / bf16x3
        );
    }
}
