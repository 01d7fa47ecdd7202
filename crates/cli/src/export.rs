//! `mlprobe export`: what the study works with, in files that other programs read.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use mlprobe_data::augment::Preset;
use mlprobe_experiments::FeatureSource;
use mlprobe_experiments::reproduction::{AUGMENTED, FeatureSets, UNAUGMENTED, feature_sets};
use mlprobe_features::FeatureCache;
use mlprobe_features::arrays::write_npz;
use mlprobe_nn::Mlp;

use crate::extractor::{ExtractorOptions, PrecisionOption};
use crate::images::{ImageOptions, Loaded};
use crate::run::{Threads, in_session};
use crate::{front, output};

#[derive(Subcommand)]
pub enum Command {
    Features(Box<Features>),
    Onnx(Onnx),
}

/// Write the study's features and labels as .npz files, which NumPy and `compare` read
///
/// unaugmented.npz has the original training images, augmented.npz these and a transformed copy of each, test.npz the test
/// images. Each holds `features`, float32 (N, D), and `labels`, int64 (N). What is in the cache is not extracted again.
#[derive(Args)]
pub struct Features {
    #[command(flatten)]
    images: ImageOptions,
    #[command(flatten)]
    extractor: ExtractorOptions,
    #[command(flatten)]
    precision: PrecisionOption,
    /// The transforms of augmented images
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
    /// Draws the transforms, as the run of a study with this seed does
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// Folder for the three files; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Write a trained model as an ONNX file: features (N, D) to logits (N, K)
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
        Command::Features(arguments) => features(*arguments),
        Command::Onnx(Onnx { model, out }) => {
            let network = Mlp::<f32>::load(&model)?;
            network.save_onnx(&out)?;
            let widths: Vec<_> = network.widths().iter().map(usize::to_string).collect();
            output::write(&format!("{}: {}, from {}\n", out.display(), widths.join("-"), model.display()))
        }
    }
}

fn features(Features { images, extractor, precision, preset, seed, threads, out }: Features) -> Result<()> {
    threads.start()?;
    let (extractor, _) = extractor.open(false, precision.precision)?;
    let Loaded { dataset, comparable, .. } = images.load(false, extractor.input_size())?;
    // Before the work, so that a folder that cannot be made is known at once.
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let cache = FeatureCache::new(front::cache()?);
    let source = FeatureSource::new(&dataset, comparable, extractor.as_ref(), &cache, String::new());
    let FeatureSets { unaugmented, augmented, test } =
        in_session(|session| feature_sets(&source, preset, seed, session))?;
    let mut said = String::new();
    for (name, set) in [(UNAUGMENTED, unaugmented), (AUGMENTED, augmented), ("test", test)] {
        let path = out.join(format!("{name}.npz"));
        write_npz(&path, set.features(), set.labels())?;
        said += &format!("{}: features ({}, {}) and labels\n", path.display(), set.len(), set.dim());
    }
    output::write(&said)
}
