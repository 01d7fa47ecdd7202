//! The stages: what we do in each, and what the peers are asked to do.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mlprobe_data::augment::{Augmenter, Preset};
use mlprobe_kernels::Precision;
use mlprobe_nn::{Hyperparameters, Trainer, evaluate_in};
use ndarray::{Axis, s};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Value, json};

use super::effort::Effort;
use super::inputs::Inputs;
use super::networks::Net;

/// One kind of work, measured in units a second.
pub struct Stage {
    pub name: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    pub work: Work,
    pub peers: &'static [Peer],
}

pub enum Work {
    /// The 2022 preset on images of 32 pixels a side.
    Augmentation,
    /// Images of 32 pixels a side to features; `resized_by_peer` has the peer do the resizing too.
    Features { net: Net, size: usize, resized_by_peer: bool },
    /// The same for one image at a time, on one thread.
    Latency { size: usize },
    /// Epochs of several runs at once, one a thread.
    TrainingParallel,
    /// Epochs of one run with all threads.
    TrainingAlone,
    /// Loss and accuracy over all rows, several runs at once.
    Evaluation,
    /// What a run of the study does over and over, several runs at once: epochs, then evaluations of the training and
    /// test rows.
    Cycle,
}

/// A library: its name, its key in `xtask/peers`, and the file there.
pub struct Peer {
    pub name: &'static str,
    pub key: &'static str,
    pub module: &'static str,
}

const fn peer(name: &'static str, key: &'static str, module: &'static str) -> Peer {
    Peer { name, key, module }
}

const FEATURES: &[Peer] = &[
    peer("ONNX Runtime", "onnxruntime", "features"),
    peer("OpenVINO", "openvino", "features"),
    peer("PyTorch", "torch", "features"),
];
const TRAINING: &[Peer] = &[
    peer("NumPy", "numpy", "training"),
    peer("PyTorch", "torch", "training"),
    peer("JAX", "jax", "training"),
    peer("scikit-learn", "scikit-learn", "training"),
];
const AUGMENTATION: &[Peer] = &[
    peer("albumentations", "albumentations", "augmentation"),
    peer("torchvision v2", "torchvision", "augmentation"),
];

const fn stage(
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    work: Work,
    peers: &'static [Peer],
) -> Stage {
    Stage { name, title, unit, work, peers }
}

pub const STAGES: &[Stage] = &[
    stage("augmentation", "augmentation, preset 2022", "images/s", Work::Augmentation, AUGMENTATION),
    stage("features-128", "SqueezeNet features at 128", "images/s", features(128, false), FEATURES),
    stage("features-224", "SqueezeNet features at 224", "images/s", features(224, false), FEATURES),
    stage("features-resnet18", "ResNet-18 features at 224", "images/s", RESNET18, FEATURES),
    stage(
        "latency-128",
        "one image alone at 128, one thread",
        "images/s",
        Work::Latency { size: 128 },
        FEATURES,
    ),
    stage(
        "latency-224",
        "one image alone at 224, one thread",
        "images/s",
        Work::Latency { size: 224 },
        FEATURES,
    ),
    stage("training-parallel", "training, one run per core", "rows/s", Work::TrainingParallel, TRAINING),
    stage("training-alone", "training, one run on all cores", "rows/s", Work::TrainingAlone, TRAINING),
    stage("evaluation", "evaluation, one run per core", "rows/s", Work::Evaluation, TRAINING.split_at(2).0),
];

/// The study as a Python program would do it: albumentations, ONNX Runtime, NumPy. In the order of [`STAGES`].
pub const STUDY_STAGES: [Stage; 3] = [
    stage("augmentation", "augmentation", "images/s", Work::Augmentation, AUGMENTATION.split_at(1).0),
    stage(
        "features",
        "features at 128, with resizing",
        "images/s",
        features(128, true),
        FEATURES.split_at(1).0,
    ),
    stage("training", "training with evaluations", "rows/s", Work::Cycle, TRAINING.split_at(1).0),
];

const fn features(size: usize, resized_by_peer: bool) -> Work {
    Work::Features { net: Net::SqueezeNet, size, resized_by_peer }
}

const RESNET18: Work = Work::Features { net: Net::ResNet18, size: 224, resized_by_peer: false };

/// Measures for about this long, in units a second.
pub type Measure<'a> = Box<dyn FnMut(Duration) -> Result<f64> + 'a>;

const BATCH: usize = 500;
const RATE: f64 = 0.01;
/// Epochs between two evaluations: the study's 800 epochs have 89.
const EPOCHS_A_CYCLE: usize = 9;
const TEST_ROWS: usize = 10_000;

impl Stage {
    /// Our side, warm.
    pub fn ours<'a>(&self, inputs: &'a Inputs, effort: &Effort) -> Result<Measure<'a>> {
        let Effort { threads, precision, .. } = *effort;
        let mut measure: Measure<'a> = match self.work {
            Work::Augmentation => {
                let augmenter = Augmenter::new(Preset::default().transforms(), 0)?;
                on_pool(threads, move || {
                    augmenter.apply(inputs.images.view())?;
                    Ok(inputs.images.dim().0)
                })?
            }
            Work::Features { net, size, .. } => {
                let network = net.open(size, precision)?;
                // Some tenths of a second.
                let operations = if effort.quick { 3e10 } else { 2.5e11 };
                let count = (operations / net.operations(size)).ceil() as usize;
                let images = inputs.images.slice(s![..count.min(inputs.images.dim().0), .., .., ..]);
                on_pool(threads, move || Ok(network.extract(&images)?.nrows()))?
            }
            Work::Latency { size } => {
                let network = Net::SqueezeNet.open(size, precision)?;
                let mut images = inputs.images.axis_chunks_iter(Axis(0), 1).cycle();
                on_pool(1, move || {
                    let Some(image) = images.next() else { bail!("no images") };
                    Ok(network.extract(&image)?.nrows())
                })?
            }
            Work::TrainingAlone => {
                let mut trainer = trainer(inputs, precision)?;
                on_pool(threads, move || {
                    trainer.epoch()?;
                    Ok(inputs.labels.len())
                })?
            }
            Work::TrainingParallel => {
                let trainers =
                    (0..threads).map(|_| trainer(inputs, precision)).collect::<Result<Vec<_>>>()?;
                a_run_a_thread(trainers, |trainer| {
                    trainer.epoch()?;
                    Ok(inputs.labels.len())
                })
            }
            Work::Evaluation => {
                let runs = (0..threads).map(|_| inputs.examples()).collect::<Result<Vec<_>>>()?;
                a_run_a_thread(runs, move |examples| {
                    evaluate_in(precision, &inputs.model, examples)?;
                    Ok(examples.len())
                })
            }
            Work::Cycle => {
                let trainers =
                    (0..threads).map(|_| trainer(inputs, precision)).collect::<Result<Vec<_>>>()?;
                let (rows, all) = (inputs.labels.len(), inputs.examples()?);
                let test_rows = TEST_ROWS.min(rows);
                let test = (inputs.features.slice(s![..test_rows, ..]), &inputs.labels[..test_rows]);
                let test = mlprobe_nn::Examples::new(vec![test], 10)?;
                a_run_a_thread(trainers, move |trainer| {
                    for _ in 0..EPOCHS_A_CYCLE {
                        trainer.epoch()?;
                    }
                    evaluate_in(precision, trainer.model(), &all)?;
                    evaluate_in(precision, trainer.model(), &test)?;
                    Ok(EPOCHS_A_CYCLE * rows)
                })
            }
        };
        measure(effort.duration.min(Duration::from_millis(500)))?;
        Ok(measure)
    }

    /// Floating-point operations of a unit, where they are what takes the time; convolutions count as direct ones,
    /// though Winograd's method needs fewer.
    pub fn operations(&self) -> Option<f64> {
        // An MLP's forward pass, weight gradients, and gradient of the hidden layer; two for each product and sum.
        let (first, last) = (2.0 * 512.0 * 64.0, 2.0 * 64.0 * 10.0);
        match self.work {
            Work::Features { net, size, .. } => Some(net.operations(size)),
            Work::Latency { size } => Some(Net::SqueezeNet.operations(size)),
            Work::TrainingParallel | Work::TrainingAlone => Some(2.0 * (first + last) + last),
            Work::Evaluation => Some(first + last),
            Work::Augmentation | Work::Cycle => None,
        }
    }

    /// Whether a unit's time is of more interest than how many there are in a second.
    pub fn is_latency(&self) -> bool {
        matches!(self.work, Work::Latency { .. })
    }

    /// Whether a peer does this in a process of its own for each thread. Python runs nothing else side by side: as in
    /// ours, the processes are independent runs, or parts of the images.
    pub fn in_processes(&self) -> bool {
        matches!(self.work, Work::Augmentation | Work::TrainingParallel | Work::Evaluation | Work::Cycle)
    }

    /// What a peer is asked to do, besides [`Inputs::for_peers`].
    pub fn request(&self, effort: &Effort) -> Value {
        let quick = effort.quick;
        let training = |stage: &str, epochs: usize| {
            json!({
                "stage": stage,
                "batch": BATCH,
                "learning_rate": RATE,
                "epochs": epochs,
                "test_rows": TEST_ROWS,
                "compile": !quick,
            })
        };
        let features = |net: Net, size: usize, resize: bool, batches: &[usize]| {
            json!({
                "network": net.name(),
                "channel_means": net.channel_means(),
                "size": size,
                "resize": resize,
                "batches": batches,
                "images": if quick { 64 } else { 256 },
                "compile": !quick,
            })
        };
        match self.work {
            Work::Augmentation => json!({"images": if quick { 1000 } else { 2000 }}),
            Work::Features { net, size, resized_by_peer } => {
                features(net, size, resized_by_peer, if quick { &[8] } else { &[1, 4, 8, 16, 32] })
            }
            Work::Latency { size } => features(Net::SqueezeNet, size, false, &[1]),
            Work::TrainingParallel | Work::TrainingAlone => training("training", 1),
            Work::Evaluation => training("evaluation", 1),
            Work::Cycle => training("cycle", EPOCHS_A_CYCLE),
        }
    }
}

fn trainer(inputs: &Inputs, precision: Precision) -> Result<Trainer<'_, f32>> {
    let hyperparameters = Hyperparameters::new(RATE, BATCH)?.with_precision(precision);
    Ok(Trainer::new(inputs.model.clone(), inputs.examples()?, hyperparameters, 1)?)
}

/// Repeats `work` on a rayon pool of so many threads.
fn on_pool<'a>(threads: usize, mut work: impl FnMut() -> Result<usize> + Send + 'a) -> Result<Measure<'a>> {
    let pool: ThreadPool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    Ok(Box::new(move |duration| pool.install(|| rate(duration, &mut work))))
}

/// Repeats `work` on a thread for each of `runs`, all at once; their rates add up.
fn a_run_a_thread<'a, R: Send + 'a>(
    mut runs: Vec<R>,
    work: impl Fn(&mut R) -> Result<usize> + Sync + 'a,
) -> Measure<'a> {
    Box::new(move |duration| {
        let work = &work;
        thread::scope(|scope| {
            let threads: Vec<_> =
                runs.iter_mut().map(|run| scope.spawn(move || rate(duration, || work(&mut *run)))).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Result<f64>>| match thread.join() {
                Ok(rate) => rate,
                Err(_) => bail!("a run panicked"),
            };
            threads.into_iter().map(join).sum()
        })
    })
}

/// Units per second of `work`, repeated until `duration` is over.
fn rate(duration: Duration, mut work: impl FnMut() -> Result<usize>) -> Result<f64> {
    let (mut done, start) = (0, Instant::now());
    loop {
        done += work()?;
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return Ok(done as f64 / elapsed.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_units_by_elapsed_time() {
        let mut calls = 0;
        let measured = rate(Duration::from_millis(20), || {
            calls += 1;
            thread::sleep(Duration::from_millis(5));
            Ok(10)
        });
        // Sleeping may take longer than asked, never shorter.
        assert!(calls <= 4 && measured.unwrap() <= 2000.0);
    }
}
