//! Do wrong labels hurt? Compares two training sets made here, and writes the page:
//! `cargo run --release -p mlprobe-experiments --example compare_arrays -- FOLDER`
//!
//! Both hold the same points of the plane, of class 1 inside a circle and of class 0 outside. In one, every fifth label is
//! wrong.

use std::env;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use mlprobe_experiments::report::{Page, summary};
use mlprobe_experiments::results::read_results;
use mlprobe_experiments::settings::Settings;
use mlprobe_experiments::{About, Identity, LabelledFeatures, Outcome, Protocol, Start, Study};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).map_or_else(|| PathBuf::from("target/compare-arrays"), PathBuf::from);
    let clean = points(0..400, |_| false)?;
    let noisy = points(0..400, |i| i % 5 == 0)?;
    let test = points(400..2400, |_| false)?;

    let protocol = Protocol { batch_size: 20, hidden: vec![16], ..Protocol::new((0..5).collect(), 200) };
    let settings = Settings::given(protocol);
    let study = Study::new(&test)
        .settings(settings.clone())
        .about(About::features("points in the plane", &["outside", "inside"]))
        .learning_rate(0.1)
        .arm("clean", &clean)
        .arm("noisy", &noisy)
        .baselines(&clean, 0.1)
        .probe_neighbours("noisy", "clean")
        .probe_logistic("noisy", "clean");

    let inputs = [&clean, &noisy, &test].map(|set| set.digest().to_owned()).to_vec();
    let start = Start {
        folder: path.clone(),
        identity: Identity { settings, inputs },
        program: env!("CARGO_PKG_VERSION").to_owned(),
        fresh: false,
        force: false,
        checkpoint_every: Duration::from_secs(15),
        observer: &|_| ControlFlow::Continue(()),
    };
    start.run(|folder, session| {
        let after_seed = |so_far: &Outcome| {
            folder.save(so_far)?; // results.json, report.md, models, predictions
            folder.save_page(&Page::new(&so_far.results)) // report.html
        };
        study.run_in(session, after_seed).map(drop)
    })?;
    println!("{}", summary(&read_results(path.join("results.json"))?)?);
    println!("The page is {}.", path.join("report.html").display());
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
    LabelledFeatures::new(features, range.map(|i| u16::from(inside(i) != wrong(i))).collect())
}
