//! `cargo xtask digests`: whether this machine computes the same bits as every other.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use mlprobe_data::augment::{Augmenter, Preset};
use mlprobe_data::mini;
use mlprobe_experiments::{About, Arm, LabelledFeatures, Protocol, Study};
use mlprobe_features::{Extractor, SqueezeNet};
use mlprobe_kernels::{Isa, Precision};
use ndarray::{Array2, ArrayView4, s};
use rayon::ThreadPoolBuilder;
use sha2::{Digest, Sha256};

use crate::paths;

/// Compare what this machine computes with docs/digests.md, bit for bit: on each of its instruction sets, and with
/// 1, 2 and 16 threads.
#[derive(Args)]
pub struct Arguments {
    /// Write the table anew, after a change that is meant to change results. Rows of instruction sets that this machine
    /// lacks are kept
    #[arg(long)]
    write: bool,
    /// What a process started for one row does: with so many threads, on the instruction set of MLPROBE_ISA.
    #[arg(long, hide = true)]
    child: Option<usize>,
}

/// More than there are cores is a number too.
const THREADS: [usize; 3] = [1, 2, 16];
/// So many images are augmented, and so many tested on.
const FEW: usize = 500;
/// So many have their features made in bf16, which most instruction sets emulate.
const FEWEST: usize = 100;

pub fn run(Arguments { write, child }: Arguments) -> Result<()> {
    if let Some(threads) = child {
        println!("{}", row(threads)?);
        return Ok(());
    }
    let path = paths::root().join("docs/digests.md");
    let page = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    let mut differences = Vec::new();
    for isa in sets() {
        let row = agreed_row(isa)?;
        let start = format!("| {} |", recorded_as(isa));
        let recorded = lines.iter_mut().find(|line| line.starts_with(&start));
        match recorded.with_context(|| format!("{} has no row for {isa}; add one", path.display()))? {
            recorded if *recorded == row => println!("{isa}: as recorded"),
            recorded => {
                println!("{isa}: differs\n  recorded {recorded}\n  computed {row}");
                *recorded = row;
                differences.push(isa.name());
            }
        }
    }
    match differences.as_slice() {
        [] => Ok(()),
        _ if write => {
            mlprobe_files::write(&path, (lines.join("\n") + "\n").as_bytes())?;
            println!("Written to {}.", path.display());
            Ok(())
        }
        _ => bail!(
            "results on {} are not those of {}. If a change was meant to change them, run `cargo xtask digests --write`",
            differences.join(", "),
            path.display()
        ),
    }
}

/// The instruction sets of this machine, and AMX, emulated where it is lacking. Not where there is only portable Rust, which rounds
/// products, so that what AMX does not compute would differ.
fn sets() -> Vec<Isa> {
    let mut sets = Isa::available();
    if sets[0].name() != "portable" {
        sets.push(Isa::amx().unwrap_or_else(Isa::emulating_amx));
    }
    sets
}

/// What the table calls an instruction set: an emulation has the bits of what it emulates.
fn recorded_as(isa: Isa) -> &'static str {
    isa.name().trim_end_matches("-emulated")
}

/// The row of an instruction set, the same for every number of threads.
fn agreed_row(isa: Isa) -> Result<String> {
    let [row, others @ ..] = THREADS.map(|threads| in_child(isa, threads));
    let row = row?;
    for (threads, other) in THREADS[1..].iter().zip(others) {
        let other = other?;
        ensure!(other == row, "{isa}: 1 and {threads} threads do not agree:\n  {row}\n  {other}");
    }
    Ok(row)
}

/// A row from a process of its own: the instruction set is chosen once in a process.
fn in_child(isa: Isa, threads: usize) -> Result<String> {
    let output = Command::new(std::env::current_exe()?)
        .args(["digests", "--child", &threads.to_string()])
        .env(Isa::VARIABLE, isa.name())
        .output()
        .context("starting a process")?;
    let (row, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{isa}, {threads} threads: {}", error.trim());
    Ok(row.trim().to_owned())
}

/// Digests of augmented images, features, features in bf16, networks and their probabilities.
fn row(threads: usize) -> Result<String> {
    let isa = Isa::from_env()?;
    let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mini = mini::load(paths::mini())?;
    let network = SqueezeNet::new(32)?;
    let rounded = SqueezeNet::new(32)?.in_precision(Precision::Bf16);
    let rounded = pool.install(|| rounded.extract(&mini.test.images.slice(s![..FEWEST, .., .., ..])))?;
    let (augmented, original, transformed, test) = pool.install(|| -> Result<_> {
        let augmenter = Augmenter::new(Preset::default().transforms(), 0)?;
        let augmented = augmenter.apply(mini.train.images.slice(s![..FEW, .., .., ..]))?;
        let extract = |images: ArrayView4<'_, u8>| network.extract(&images);
        let original = extract(mini.train.images.view())?;
        let transformed = extract(augmented.view())?;
        Ok((augmented, original, transformed, extract(mini.test.images.slice(s![..FEW, .., .., ..]))?))
    })?;
    let images = digest(augmented.iter().copied());
    let features = digest_of_floats([&original, &transformed, &test].into_iter().flatten());
    let rounded = digest_of_floats(&rounded);

    let with_labels =
        |features: Array2<f32>, labels: &[u16]| LabelledFeatures::new(features, labels.to_vec());
    let original = with_labels(original, &mini.train.labels)?;
    let transformed = with_labels(transformed, &mini.train.labels[..FEW])?;
    let test = with_labels(test, &mini.test.labels[..FEW])?;
    let classes: Vec<_> = mini.classes.iter().map(String::as_str).collect();
    let protocol = Protocol::new(vec![0], 20);
    let study = Study::new(&test)
        .about(About::features(&mini.name, &classes))
        .protocol(protocol)
        .add(Arm::new("unaugmented", 0.008).with(&original))
        .add(Arm::new("augmented", 0.01).with(&original).with(&transformed))
        .threads(threads);
    let outcome = pool.install(|| study.run())?;
    let runs = || outcome.runs.iter().flatten();
    let layers = runs().flat_map(|run| run.model.layers());
    let networks = digest_of_floats(layers.flat_map(|layer| layer.weight.iter().chain(&layer.bias)));
    let probabilities =
        digest_of_floats(runs().filter_map(|run| run.tested.last()).flat_map(|tested| &tested.probabilities));
    let name = recorded_as(isa);
    Ok(format!("| {name} | `{images}` | `{features}` | `{rounded}` | `{networks}` | `{probabilities}` |"))
}

fn digest_of_floats<'a>(values: impl IntoIterator<Item = &'a f32>) -> String {
    digest(values.into_iter().flat_map(|value| value.to_le_bytes()))
}

/// The first 64 bits of SHA-256, in hexadecimal.
fn digest(bytes: impl Iterator<Item = u8>) -> String {
    let digest = Sha256::digest(bytes.collect::<Vec<u8>>());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
