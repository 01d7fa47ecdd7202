//! `cargo xtask export`: what the study works with, in files that other programs read.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use mlprobe_data::augment::Preset;
use mlprobe_experiments::reproduction::{AUGMENTED, FeatureSets, Reproduction, UNAUGMENTED};
use mlprobe_experiments::{Progress, Protocol};
use mlprobe_features::FeatureCache;
use mlprobe_features::arrays::write_npz;
use mlprobe_nn::Mlp;
use rayon::ThreadPoolBuilder;

use crate::display::Display;
use crate::extractor::ExtractorOptions;
use crate::images::{ImageOptions, Images};
use crate::{interrupt, paths};

#[derive(Subcommand)]
pub enum Command {
    Features(Features),
    Onnx(Onnx),
}

/// Writes the study's features and labels as .npz files, which NumPy and `cargo xtask compare` read.
///
/// unaugmented.npz has the original training images, augmented.npz these and a transformed copy of each, test.npz the test
/// images. Each holds `features`, float32 (N, D), and `labels`, int64 (N). What is in the cache is not extracted again.
#[derive(Args)]
pub struct Features {
    #[command(flatten)]
    images: ImageOptions,
    #[command(flatten)]
    extractor: ExtractorOptions,
    /// The transforms of augmented images
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
    /// Draws the transforms, as the run of a study with this seed does
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Threads; the results are the same for any number [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Folder for the three files; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes a trained model as an ONNX file: features (N, D) to logits (N, K).
#[derive(Args)]
pub struct Onnx {
    /// A model of a run, RUN/models/ARM-seedS.safetensors
    #[arg(value_name = "MODEL.safetensors")]
    model: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE.onnx")]
    out: PathBuf,
}

pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Features(arguments) => features(arguments),
        Command::Onnx(Onnx { model, out }) => {
            let network = Mlp::<f32>::load(&model)?;
            network.save_onnx(&out)?;
            let widths: Vec<_> = network.widths().iter().map(usize::to_string).collect();
            println!("{}: {}, from {}", out.display(), widths.join("-"), model.display());
            Ok(())
        }
    }
}

fn features(Features { images, extractor, preset, seed, threads, out }: Features) -> Result<()> {
    let extractor = extractor.open(false)?.extractor;
    ThreadPoolBuilder::new().num_threads(threads).build_global().context("starting worker threads")?;
    let Images { dataset, comparable, .. } = images.load(false, extractor.input_size())?;
    // Before the work: a folder that cannot be made is known at once.
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let reproduction = Reproduction {
        dataset: &dataset,
        comparable,
        extractor: extractor.as_ref(),
        cache: &FeatureCache::new(paths::cache()),
        preset,
        protocol: Protocol::default(),
        threads,
        commit: String::new(),
        command: String::new(),
    };
    let display = Display::default();
    interrupt::listen(display.bars())?;
    let observer = display.observer();
    let progress = Progress::new(&observer);
    let FeatureSets { unaugmented, augmented, test } = reproduction.feature_sets(seed, &progress)?;
    progress.finish()?;
    for (name, set) in [(UNAUGMENTED, unaugmented), (AUGMENTED, augmented), ("test", test)] {
        let path = out.join(format!("{name}.npz"));
        let labels: Vec<u16> = set.labels().iter().map(|&label| label.into()).collect();
        write_npz(&path, set.features(), &labels)?;
        println!("{}: features ({}, {}) and labels", path.display(), set.len(), set.dim());
    }
    Ok(())
}
