//! What the stages work on, for us in memory and for the peers in files.

use std::path::PathBuf;

use anyhow::{Context, Result};
use mlprobe_data::augment::{Augmenter, Preset};
use mlprobe_data::mini;
use mlprobe_kernels::Precision;
use mlprobe_nn::{Examples, Hyperparameters, Mlp, Trainer, evaluate};
use ndarray::{Array1, Array2, Array4, Axis, concatenate, s};
use ndarray_npy::write_npy;
use serde_json::{Value, json};

use super::effort::Effort;
use super::networks::{EXTRACTORS, resnet18_weights};
use crate::paths;

/// Images whose features a peer has to get as we do.
const CHECKED_IMAGES: usize = 64;
/// Rows, steps and rate of the training that a peer has to do as we do.
const CHECKED_ROWS: usize = 500;
const CHECKED_STEPS: usize = 10;
const CHECKED_RATE: f64 = 0.01;

/// Real images and their features. They are those of the mini set over and over, which changes no speed: every copy
/// has its own place in memory.
pub struct Inputs {
    /// (N, 32, 32, 3)
    pub images: Array4<u8>,
    /// (N, 512), as many as the study has training images.
    pub features: Array2<f32>,
    /// (N)
    pub labels: Vec<u16>,
    /// The network before training.
    pub model: Mlp<f32>,
    /// What the peers are told: where their files are, and which results to reach.
    pub for_peers: Value,
}

impl Inputs {
    pub fn prepare(effort: &Effort) -> Result<Self> {
        let (images, rows) = if effort.quick { (2_000, 5_000) } else { (10_000, 50_000) };
        let mini = mini::load(paths::mini())?;
        let originals = concatenate(Axis(0), &[mini.train.images.view(), mini.test.images.view()])?;
        let labels: Vec<u16> = mini.train.labels.iter().chain(&mini.test.labels).copied().collect();
        let repeat = |n: usize| (0..n).map(|i| i % labels.len()).collect::<Vec<_>>();

        let folder = folder();
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let file = |name: &str| folder.join(name).with_extension("npy");
        mlprobe_files::write(resnet18_weights(), &formula::weights())?;
        for (net, size) in EXTRACTORS {
            let checked = originals.slice(s![..CHECKED_IMAGES, .., .., ..]);
            let features = net.open(size, Precision::F32)?.extract(&checked)?;
            write_npy(file(&format!("features_{}_{size}", net.name())), &features)?;
        }
        let (net, size) = EXTRACTORS[0];
        let features = net.open(size, Precision::F32)?.extract(&originals)?;
        let features = features.select(Axis(0), &repeat(rows));
        let images = originals.select(Axis(0), &repeat(images));
        let labels: Vec<u16> = repeat(rows).into_iter().map(|i| labels[i]).collect();
        let model = Mlp::new(&[512, 64, 10], 1)?;
        write_npy(file("images"), &images)?;
        write_npy(file("train_x"), &features)?;
        write_npy(file("train_y"), &Array1::from(labels.clone()))?;
        for (layer, name) in model.layers().iter().zip(["w1", "w2"]) {
            write_npy(file(name), &layer.weight.as_standard_layout())?;
        }
        let for_peers = json!({
            "data": folder,
            "weights": {"squeezenet": squeezenet_weights(), "resnet18": resnet18_weights()},
            "mean": mean_augmented(&images)?,
            "check": check(&model, &features, &labels)?,
        });
        Ok(Self { images, features, labels, model, for_peers })
    }

    /// All rows.
    pub fn examples(&self) -> Result<Examples<'_, f32>> {
        Ok(Examples::new(vec![(self.features.view(), &self.labels)], 10)?)
    }
}

fn folder() -> PathBuf {
    paths::root().join("target/benchmarks/inputs")
}

/// The weights of the study's extractor, which the peers read too.
fn squeezenet_weights() -> PathBuf {
    paths::root().join("crates/features/weights/squeezenet1_1_features.safetensors")
}

/// Shared with the tests, which compare the network with torchvision's.
#[path = "../../../crates/features/tests/formula/mod.rs"]
#[expect(clippy::unwrap_used, reason = "the tensors are made to fit")]
mod formula;

/// Mean level of the augmented images.
fn mean_augmented(images: &Array4<u8>) -> Result<f64> {
    let augmented = Augmenter::new(Preset::default().transforms(), 0)?.apply(images.view())?;
    Ok(augmented.iter().map(|&level| f64::from(level)).sum::<f64>() / augmented.len() as f64)
}

/// A few steps on the first rows as one batch, whose order then does not matter.
fn check(model: &Mlp<f32>, features: &Array2<f32>, labels: &[u16]) -> Result<Value> {
    let x = features.slice(s![..CHECKED_ROWS, ..]);
    let examples = Examples::new(vec![(x, &labels[..CHECKED_ROWS])], 10)?;
    let hyperparameters = Hyperparameters::new(CHECKED_RATE, CHECKED_ROWS)?;
    let mut trainer = Trainer::new(model.clone(), examples.clone(), hyperparameters, 1)?;
    let mut loss = 0.0;
    for _ in 0..CHECKED_STEPS {
        loss = trainer.epoch()?.mean_loss;
    }
    let loss_after = evaluate(trainer.model(), &examples)?.loss;
    Ok(json!({
        "rows": CHECKED_ROWS,
        "epochs": CHECKED_STEPS,
        "learning_rate": CHECKED_RATE,
        "loss": loss,
        "loss_after": loss_after,
    }))
}
