//! How time and memory grow with the work: each amount in a process of its own, since peak memory is a process's.

use std::env;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use mlprobe_features::{Extractor, SqueezeNet};
use mlprobe_kernels::Precision;
use mlprobe_nn::{Examples, Hyperparameters, Mlp, Trainer};
use ndarray::{Array2, Array4};
use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};

use super::effort::Effort;

/// One kind of work at 1, 2 and 4 times its amount.
#[derive(Serialize)]
pub struct Growth {
    pub work: String,
    pub amounts: Vec<usize>,
    pub costs: Vec<Cost>,
}

#[derive(Serialize, Deserialize)]
pub struct Cost {
    pub seconds: f64,
    /// Peak memory of the process in MB, where the system tells.
    pub peak_mb: Option<f64>,
}

/// What a child process does, as in `training:50000:20`.
#[derive(Clone, Copy)]
pub enum Work {
    Extraction { images: usize },
    Training { rows: usize, epochs: usize },
}

impl std::str::FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text}: not a number"));
        match text.split(':').collect::<Vec<_>>()[..] {
            ["extraction", images] => Ok(Self::Extraction { images: number(images)? }),
            ["training", rows, epochs] => Ok(Self::Training { rows: number(rows)?, epochs: number(epochs)? }),
            _ => Err("extraction:IMAGES or training:ROWS:EPOCHS".into()),
        }
    }
}

/// Runs each work at three amounts.
pub fn measure(effort: &Effort) -> Result<Vec<Growth>> {
    let (images, rows, epochs) = if effort.quick { (500, 2_000, 4) } else { (5_000, 25_000, 40) };
    type Spelled = Box<dyn Fn(usize) -> String>;
    let works: [(String, usize, Spelled); 3] = [
        ("extraction at 128, images".into(), images, Box::new(|images| format!("extraction:{images}"))),
        (
            format!("training, {epochs} epochs, one run per core, rows"),
            rows,
            Box::new(move |rows| format!("training:{rows}:{epochs}")),
        ),
        (
            format!("training, {rows} rows, one run per core, epochs"),
            epochs,
            Box::new(move |epochs| format!("training:{rows}:{epochs}")),
        ),
    ];
    let growth = |(work, amount, spelled): (String, usize, Spelled)| {
        eprintln!("scaling: {work}");
        let amounts = vec![amount, 2 * amount, 4 * amount];
        let costs =
            amounts.iter().map(|&amount| in_child(&spelled(amount), effort)).collect::<Result<_>>()?;
        Ok(Growth { work, amounts, costs })
    };
    works.into_iter().map(growth).collect()
}

fn in_child(work: &str, effort: &Effort) -> Result<Cost> {
    let output = Command::new(env::current_exe()?)
        .args(["bench", "--child", work, "--threads", &effort.threads.to_string()])
        .args(["--precision", effort.precision.name()])
        .output()
        .context("start a process for --scaling")?;
    ensure!(output.status.success(), "{work}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).with_context(|| format!("{work}: an answer that is not a cost"))
}

impl Work {
    /// Does it, and prints its cost for the parent.
    pub fn run(self, threads: usize, precision: Precision) -> Result<()> {
        let seconds = match self {
            Self::Extraction { images } => extraction(images, threads, precision)?,
            Self::Training { rows, epochs } => training(rows, epochs, threads, precision)?,
        };
        println!("{}", serde_json::to_string(&Cost { seconds, peak_mb: peak_mb() })?);
        Ok(())
    }
}

fn extraction(images: usize, threads: usize, precision: Precision) -> Result<f64> {
    let level = |(n, y, x, c): (usize, usize, usize, usize)| (n * 31 + y * 7 + x * 3 + c * 50) as u8;
    let images = Array4::from_shape_fn((images, 32, 32, 3), level);
    let network = SqueezeNet::new(SqueezeNet::DEFAULT_INPUT_SIZE)?.in_precision(precision);
    let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    let start = Instant::now();
    pool.install(|| network.extract(&images))?;
    Ok(start.elapsed().as_secs_f64())
}

/// As the study does: a run a thread, on the same rows.
fn training(rows: usize, epochs: usize, threads: usize, precision: Precision) -> Result<f64> {
    let x = Array2::from_shape_fn((rows, 512), |(i, j)| ((i * 512 + j) as f32 * 0.618_034).fract() - 0.5);
    let labels: Vec<u16> = (0..rows).map(|i| (i % 10) as u16).collect();
    let examples = Examples::new(vec![(x.view(), &labels)], 10)?;
    let start = Instant::now();
    thread::scope(|scope| {
        let run = |seed| {
            let examples = examples.clone();
            scope.spawn(move || {
                let model = Mlp::<f32>::new(&[512, 64, 10], seed)?;
                let hyperparameters = Hyperparameters::new(0.01, 500)?.with_precision(precision);
                let mut trainer = Trainer::new(model, examples, hyperparameters, seed)?;
                (0..epochs).try_for_each(|_| trainer.epoch().map(|_| ()))
            })
        };
        let runs: Vec<_> = (0..threads as u64).map(run).collect();
        runs.into_iter().filter_map(|run| run.join().ok()).collect::<Result<(), _>>()
    })?;
    Ok(start.elapsed().as_secs_f64())
}

/// The most memory this process has had, from Linux's record of it.
fn peak_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}
