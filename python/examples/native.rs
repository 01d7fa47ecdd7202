//! The work of `speed.py` without Python: prints images per second and rows per second.

use std::time::Instant;

use mlprobe_features::{Extractor, SqueezeNet};
use mlprobe_nn::{Examples, Hyperparameters, Mlp, Trainer};
use ndarray::{Array2, Array4};
use rayon::ThreadPoolBuilder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPoolBuilder::new().build()?;
    let images =
        Array4::from_shape_fn((2000, 32, 32, 3), |(n, y, x, c)| (n * 7 + y * 5 + x * 3 + c * 50) as u8);
    let network = SqueezeNet::new(128)?;
    network.extract(&images.slice(ndarray::s![..1, .., .., ..]))?;
    let start = Instant::now();
    pool.install(|| network.extract(&images))?;
    let extraction = 2000.0 / start.elapsed().as_secs_f64();

    let x = Array2::from_shape_fn((20_000, 512), |(i, j)| ((i * 37 + j * 11) % 101) as f32 / 101.0);
    let y: Vec<u16> = (0..20_000).map(|i| (i % 10) as u16).collect();
    let start = Instant::now();
    let examples = Examples::new(vec![(x.view(), &y[..])], 10)?;
    let mut trainer =
        Trainer::new(Mlp::new(&[512, 64, 10], 0)?, examples, Hyperparameters::new(0.01, 500)?, 0)?;
    pool.install(|| (0..100).try_for_each(|_| trainer.epoch().map(drop)))?;
    let training = 20_000.0 * 100.0 / start.elapsed().as_secs_f64();
    println!("{extraction} {training}");
    Ok(())
}
