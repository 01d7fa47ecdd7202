//! `cargo xtask bench`: how fast the stages are, beside the machine's peak and beside what people use in Python.

mod compare;
mod effort;
mod inputs;
mod networks;
mod peers;
mod python;
mod record;
mod scaling;
mod stages;
mod whole_study;

use std::thread::{self, available_parallelism};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use mlprobe_kernels::{Isa, Precision, fma_peak};

use compare::Comparison;
use effort::Effort;
use inputs::Inputs;
use record::{About, Record};
use stages::STAGES;

/// Measure the stages of the study, and with --peers the Python libraries that do the same work.
///
/// Nothing else should run on the machine meanwhile. The table is printed, and written with all measurements to
/// docs/benchmarks/; with --quick or --only to target/benchmarks/, since it is then no record.
#[derive(Args)]
pub struct Arguments {
    /// Compare each stage with NumPy, PyTorch, ONNX Runtime, OpenVINO and others. The first time, this makes a Python
    /// environment with them in target/peers (python3, the network and 7 GB are needed)
    #[arg(long)]
    peers: bool,
    /// Compare the whole study with the same by ONNX Runtime and NumPy, scaled up from a part of each stage
    #[arg(long)]
    whole_study: bool,
    /// Time and peak memory at 1, 2 and 4 times the images, rows and epochs
    #[arg(long)]
    scaling: bool,
    /// Speed of the Python package relative to Rust. This builds the wheel and installs it with NumPy in target/python-bench
    /// (python3 and the network are needed)
    #[arg(long)]
    python: bool,
    /// Everything in a few minutes, on small inputs: a look whether it works, not a measurement
    #[arg(long)]
    quick: bool,
    /// Threads, of ours and of the peers [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Precision of our products, and of those peers that have it: in bf16 PyTorch and OpenVINO, while the others stay in f32. The page
    /// says which has which
    #[arg(long, value_name = "f32|bf16x3|bf16", default_value_t = Precision::F32)]
    precision: Precision,
    /// Only the stages whose names begin so, such as features or training-alone; may be given several times
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
    /// What a process started for --scaling does.
    #[arg(long, hide = true)]
    child: Option<scaling::Work>,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments { peers, whole_study, scaling, python, quick, precision, only, child, .. } = arguments;
    let threads = match arguments.threads {
        0 => available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    if let Some(work) = child {
        return work.run(threads, precision);
    }
    let isa = Isa::from_env()?;
    let chosen = |name: &str| only.is_empty() || only.iter().any(|prefix| name.starts_with(prefix.as_str()));
    let stages: Vec<_> = STAGES.iter().filter(|stage| chosen(stage.name)).collect();
    if stages.is_empty() {
        let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("no stage begins with {}. The stages: {}", only.join(" or "), names.join(", "));
    }
    let effort = match quick {
        true => Effort { quick, threads, precision, pairs: 2, duration: Duration::from_millis(300) },
        false => Effort { quick, threads, precision, pairs: 5, duration: Duration::from_secs(2) },
    };
    let (peak_alone, peak) = (peak(isa, 1), peak(isa, threads));
    let mut record = Record::new(About::detect(isa, &effort), peak_alone, peak);
    eprintln!(
        "FMA peak: {:.0} GFLOP/s on one core, {:.0} on {threads} threads",
        peak_alone / 1e9,
        peak / 1e9
    );

    let inputs = Inputs::prepare(&effort)?;
    let of_peers = if peers || whole_study { peers::prepare() } else { Err("not asked for".into()) };
    let comparison = Comparison { inputs: &inputs, effort, python: of_peers };
    for stage in stages {
        let peers = if peers { stage.peers } else { &[] };
        record.stages.push(comparison.measure(stage, peers)?);
    }
    if whole_study {
        record.whole_study = Some(whole_study::measure(&comparison)?);
    }
    if scaling {
        record.scaling = scaling::measure(&effort)?;
    }
    if python {
        record.python = python::measure()?;
    }
    println!("{}", record.markdown());
    let path = record.write(!quick && only.is_empty())?;
    println!("Written to {} and .json beside it.", path.display());
    Ok(())
}

/// FLOP/s of so many threads at once, the best of three measurements.
fn peak(isa: Isa, threads: usize) -> f64 {
    let once = || -> f64 {
        thread::scope(|scope| {
            let measure = || scope.spawn(move || fma_peak(isa, Duration::from_millis(500)));
            let running: Vec<_> = (0..threads).map(|_| measure()).collect();
            running.into_iter().filter_map(|thread| thread.join().ok()).sum()
        })
    };
    (0..3).map(|_| once()).fold(0.0, f64::max)
}
