//! What bf16 and bf16x3 cost and gain: how far features of the mini set's test images are from those in f32, and how fast they
//! are made on one thread: `cargo run --release -p mlprobe-features --example precision -- 128 224`, with input sizes in pixels.
//!
//! Deviations are relative to the range of all features in f32, the largest less the smallest. For speeds the precisions take turns,
//! so that other work on the machine slows all of them down, and the fastest of many short turns counts.

use std::time::Instant;

use mlprobe_data::mini;
use mlprobe_features::{EfficientNetLite0, Extractor, Precision, SqueezeNet};
use ndarray::{Array2, Array4, s};

const TURNS: usize = 60;
/// Images whose features are compared, and that are timed in each turn.
const COMPARED: usize = 500;
const TIMED: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let images = mini::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini"))?.test.images;
    let sizes: Vec<usize> = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<_, _>>()?;
    println!(
        "| network | precision | largest deviation | mean deviation | speed, f32 = 1 |\n|---|---|--:|--:|--:|"
    );
    for &size in if sizes.is_empty() { &[128][..] } else { &sizes } {
        let squeezenet = |precision| Ok(SqueezeNet::new(size)?.in_precision(precision));
        compare(&squeezenet, &images)?;
        let efficientnet = |precision| Ok(EfficientNetLite0::new(size)?.in_precision(precision));
        compare(&efficientnet, &images)?;
    }
    Ok(())
}

fn compare<E: Extractor>(
    network: &dyn Fn(Precision) -> Result<E, mlprobe_features::Error>,
    images: &Array4<u8>,
) -> Result<(), Box<dyn std::error::Error>> {
    let exact = network(Precision::F32)?;
    let compared = images.slice(s![..COMPARED, .., .., ..]);
    let expected = exact.extract(&compared)?;
    let (least, most) = expected.iter().fold((f32::MAX, f32::MIN), |(a, b), &x| (a.min(x), b.max(x)));
    for precision in [Precision::Bf16, Precision::Bf16x3] {
        let rounded = network(precision)?;
        let off: Array2<f32> = (rounded.extract(&compared)? - &expected).mapv_into(f32::abs) / (most - least);
        let largest = off.iter().fold(0.0_f32, |a, &b| a.max(b));
        let mean = off.iter().map(|&x| f64::from(x)).sum::<f64>() / off.len() as f64;
        let speed = speed(&exact, &rounded, images)?;
        println!("| {} | {precision} | {largest:.1e} | {mean:.1e} | {speed:.2} |", exact.name());
    }
    Ok(())
}

/// How many times as fast as `exact` `rounded` is, on one thread.
fn speed(
    exact: &dyn Extractor,
    rounded: &dyn Extractor,
    images: &Array4<u8>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let timed = images.slice(s![..TIMED, .., .., ..]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut least = [f64::INFINITY; 2];
    for _ in 0..TURNS {
        for (network, least) in [exact, rounded].into_iter().zip(&mut least) {
            let start = Instant::now();
            pool.install(|| network.extract(&timed))?;
            *least = start.elapsed().as_secs_f64().min(*least);
        }
    }
    Ok(least[0] / least[1])
}
