//! Do wrong labels hurt? Compares two training sets made here, and writes the page:
//! `cargo run --release -p mlprobe-experiments --example compare_arrays -- FOLDER`
//!
//! Both hold the same points of the plane, of class 1 inside a circle and of class 0 outside. In one, every fifth label is
//! wrong.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use mlprobe_experiments::page::{Page, answer};
use mlprobe_experiments::{About, Arm, LabelledFeatures, Progress, Protocol, RunFolder, Study};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map_or_else(|| PathBuf::from("target/compare-arrays"), PathBuf::from);
    let clean = points(0..400, |_| false)?;
    let noisy = points(0..400, |i| i % 5 == 0)?;
    let test = points(400..2400, |_| false)?;

    let about = About::features("points in the plane", &["outside", "inside"]);
    let protocol = Protocol { seeds: (0..5).collect(), epochs: 200, batch_size: 20, hidden: vec![16] };
    let study = Study::new(about, protocol, &test)
        .baselines(&clean, 0.1)
        .arm(Arm::new("clean", 0.1).with(&clean)) // learning rate 0.1
        .arm(Arm::new("noisy", 0.1).with(&noisy));

    let run = RunFolder::create(&folder)?;
    let outcome = study.run(&Progress::silent(), |so_far| {
        run.save(so_far)?; // results.json, report.md, models, predictions; after every seed
        run.save_page(&Page::new(&so_far.results)) // report.html
    })?;
    println!("{}\nThe page is {}.", answer(&outcome.results), folder.join("report.html").display());
    Ok(())
}

/// Points (N, 2) spread evenly over a square, and whether each lies in the circle, or the opposite where `wrong` says so.
fn points(
    range: std::ops::Range<usize>,
    wrong: fn(usize) -> bool,
) -> Result<LabelledFeatures, mlprobe_experiments::Error> {
    // Multiples of an irrational number, without their whole part, fill 0 to 1 evenly.
    let spread = |i: usize, step: f64| 2.0 * (i as f64 * step).fract() - 1.0;
    let at = |i: usize| [spread(i, 0.754_877_666), spread(i, 0.569_840_291)];
    let features = Array2::from_shape_fn((range.len(), 2), |(i, j)| at(range.start + i)[j] as f32);
    let inside = |i: usize| at(i).iter().map(|x| x * x).sum::<f64>() < 0.64;
    LabelledFeatures::new(features, range.map(|i| u8::from(inside(i) != wrong(i))).collect())
}
