//! What does another precision change? Compares two runs of one study on CIFAR-10, seed by seed and test image by test image:
//! `cargo run --release -p mlprobe-experiments --example compare_precision -- RUN_F32 RUN_BF16 CIFAR10_FOLDER`
//!
//! Both runs have the same seeds, so a seed's two models differ only in rounding. Accuracies and gaps are in percentage points,
//! costs in per cent. Intervals are for new seeds and new test images, of costs for new seeds alone.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use mlprobe_data::cifar10;
use mlprobe_experiments::Results;
use mlprobe_experiments::results::{Answer, Question, read_results};
use mlprobe_stats::{Components, Summary, decide, summary};
use ndarray::{Array1, Array2, ArrayView1};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [first, second, data] = &arguments[..] else {
        return Err("expected three folders: a run, the same study in another precision, and CIFAR-10".into());
    };
    let labels = cifar10::load(data)?.test.labels;
    let (ours, theirs) = (correct(first.as_ref(), &labels)?, correct(second.as_ref(), &labels)?);
    let (a, b) = (results(first)?, results(second)?);
    let margin = a.margin();

    println!("| arm | first, % | second, % | second − first, points | answer |\n|---|--:|--:|--:|---|");
    for (arm, a) in &ours {
        let b = theirs.get(arm).ok_or_else(|| format!("{second} has no predictions of the arm {arm}"))?;
        let decision = decide(Components::of_difference(b.view(), a.view())?.contrast(), margin)?;
        println!(
            "| {arm} | {} | {} | {} | {} within {:.2} |",
            percent(a)?,
            percent(b)?,
            points(decision.difference, decision.interval.low, decision.interval.high),
            format!("{:?}", decision.answer).to_lowercase(),
            100.0 * margin,
        );
    }

    println!("\n| question | first | second |\n|---|---|---|");
    for (first, second) in a.answers.iter().zip(&b.answers) {
        let Question { measure, a, b, .. } = &first.contrast;
        println!("| {measure:?}: {a} against {b} | {} | {} |", told(first), told(second));
    }
    Ok(())
}

fn told(answer: &Answer) -> String {
    let interval = answer
        .interval
        .map_or_else(String::new, |interval| points(answer.difference, interval.low, interval.high));
    format!("{:?} {interval}", answer.answer).to_lowercase()
}

fn points(difference: f64, low: f64, high: f64) -> String {
    format!("{:+.2} ({:+.2} to {:+.2})", 100.0 * difference, 100.0 * low, 100.0 * high)
}

/// Mean and standard deviation over seeds of the share of test images that (S, N) says are right.
fn percent(correct: &Array2<bool>) -> Result<String, Box<dyn Error>> {
    let of_seed =
        |row: ArrayView1<'_, bool>| row.iter().filter(|&&right| right).count() as f64 / row.len() as f64;
    let accuracies: Vec<f64> = correct.rows().into_iter().map(of_seed).collect();
    let Summary { mean, std, .. } = summary(&accuracies)?;
    Ok(format!("{:.2} ± {:.2}", 100.0 * mean, 100.0 * std.unwrap_or_default()))
}

fn results(run: &str) -> Result<Results, Box<dyn Error>> {
    Ok(read_results(Path::new(run).join("results.json"))?)
}

/// Which of N test images each of S models of an arm gets right, (S, N), by the arm's name in the files.
fn correct(run: &Path, labels: &[u16]) -> Result<BTreeMap<String, Array2<bool>>, Box<dyn Error>> {
    let mut seeds: BTreeMap<String, BTreeMap<usize, Array1<bool>>> = BTreeMap::new();
    for entry in fs::read_dir(run.join("predictions"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((arm, seed)) = name.rsplit_once("-seed") else { continue };
        let Ok(seed) = seed.parse() else { continue }; // the softmax outputs of an epoch
        let predicted: Array1<u16> = ndarray_npy::read_npy(&path)?;
        let right = predicted.iter().zip(labels).map(|(a, b)| a == b).collect();
        seeds.entry(arm.to_owned()).or_default().insert(seed, right);
    }
    let stack = |seeds: BTreeMap<usize, Array1<bool>>| {
        let rows: Vec<ArrayView1<'_, bool>> = seeds.values().map(|row| row.view()).collect();
        ndarray::stack(ndarray::Axis(0), &rows)
    };
    seeds.into_iter().map(|(arm, seeds)| Ok((arm, stack(seeds)?))).collect()
}
