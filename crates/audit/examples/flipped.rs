//! Flips 2 % of the training labels and reports how many the audit finds.
//!
//! `cargo run --release -p mlprobe-audit --example flipped [CIFAR10_FOLDER]`; without a folder, the mini set is used. Features
//! are kept in `cache/`, which the program shares. The output is recorded in `docs/audit.md`.

#![allow(clippy::result_large_err, reason = "the errors of mlprobe-features are large")]

use std::time::Instant;

use mlprobe_audit::label_errors;
use mlprobe_data::random::Random;
use mlprobe_data::{cifar10, mini};
use mlprobe_features::{Extractor, FeatureCache, SqueezeNet};
use mlprobe_nn::Params;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const FOLDS: usize = 5;

fn main() -> Outcome<()> {
    let mini_set = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
    let dataset = std::env::args().nth(1).map_or_else(|| mini::load(mini_set), cifar10::load)?;
    let extractor = SqueezeNet::default();
    let (digest, fingerprint) = (dataset.train.digest(), extractor.fingerprint());
    let key = [("images", &*digest), ("augmentation", "none"), ("extractor", &*fingerprint)];
    let cache = FeatureCache::new("cache");
    let (features, _) = cache.get_or_extract(&key, || extractor.extract(&dataset.train.images))?;
    let (labels, flipped) = flip(&dataset.train.labels, dataset.classes.len() as u16, 2);
    let total = flipped.iter().filter(|is_flipped| **is_flipped).count();
    println!("{}, {}: {total} of {} labels flipped.\n", dataset.name, extractor.name(), labels.len());

    println!(
        "| network | seconds | found, all listed | precision | found, surest 2 % | precision | precision at 80 % found |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for (name, params) in [
        (
            "512-64-10, 15 epochs, batch 500, rate 0.02",
            Params::new([64]).epochs(15).batch_size(500).learning_rate(0.02),
        ),
        ("512-64-10, 20 epochs, batch 100, rate 0.01", Params::new([64]).epochs(20)),
    ] {
        let started = Instant::now();
        let suspects = label_errors(features.view(), &labels, FOLDS, 1, &params)?;
        let seconds = started.elapsed().as_secs_f64();
        let hits: Vec<bool> = suspects.iter().map(|suspect| flipped[suspect.row]).collect();
        let among = |n: usize| {
            let right = hits.iter().take(n).filter(|hit| **hit).count();
            (100.0 * right as f64 / total as f64, 100.0 * right as f64 / n.min(hits.len()) as f64)
        };
        let (all, top) = (among(hits.len()), among(total));
        let at = (1..=hits.len()).find(|&n| among(n).0 >= 80.0);
        let at = at.map_or("not reached".to_owned(), |n| format!("{:.1}", among(n).1));
        println!(
            "| {name} | {seconds:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {at} |",
            all.0, all.1, top.0, top.1
        );
    }
    Ok(())
}

/// The labels, of which 2 % have become another class, and whether each is one of those.
fn flip(labels: &[u16], classes: u16, seed: u64) -> (Vec<u16>, Vec<bool>) {
    let mut random = Random::new(seed, b"flipped", 0);
    let (mut labels, mut flipped) = (labels.to_vec(), vec![false; labels.len()]);
    let mut left = labels.len() / 50;
    while left > 0 {
        let row = random.below(labels.len() as u32) as usize;
        if !flipped[row] {
            labels[row] = (labels[row] + 1 + random.below(u32::from(classes) - 1) as u16) % classes;
            flipped[row] = true;
            left -= 1;
        }
    }
    (labels, flipped)
}
