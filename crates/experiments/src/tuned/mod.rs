//! The tuned recipe: what the same network on the same features can do when the recipe is chosen for accuracy, not for
//! likeness to the original report.
//!
//! 1. A tenth of the training images is held out; an image and its mirror image stay together ([`Views::split`]).
//! 2. Every one of the [`candidates`] is trained on the other images.
//! 3. The one with the lowest cross-entropy on the held-out images is selected. Not the most accurate: the accuracy on
//!    5,000 images has a standard error of half a point, as much as the better candidates differ by, while the loss
//!    weighs every image by how sure the model is, and tells them apart.
//! 4. The selected candidate is trained anew on all training images, once for each seed.
//! 5. Only then are test labels read, once: every model is scored on the test images as they are, and by the mean of
//!    the probabilities of an image and its mirror image.
//!
//! | ingredient | source |
//! |---|---|
//! | standardised features | LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998, 4.3 |
//! | square roots of features | Perronnin, Sánchez, Mensink, "Improving the Fisher kernel for large-scale image classification", ECCV 2010, 3.2 |
//! | mirrored copies, mirrored test-time averaging | Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012, 4.1 |
//! | momentum | Polyak, "Some methods of speeding up the convergence of iteration methods", 1964 |
//! | weight decay | Krogh, Hertz, "A simple weight decay can improve generalization", NIPS 1991 |
//! | cosine schedule | Loshchilov, Hutter, "SGDR", ICLR 2017, equation 5, without restarts |
//! | dropout | Srivastava et al., "Dropout", JMLR 15, 2014 |

mod candidate;
mod extract;
mod model;
mod save;
mod standardisation;
mod threads;
mod views;

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::progress::{Event, Progress};
use crate::results::About;
use crate::stats::{Summary, require, summary};
use crate::study::or_one_a_core;
use candidate::Inputs;
use threads::map_on_threads;

pub use candidate::{Candidate, EPOCHS, candidates};
pub use model::{Model, Scores};
pub use standardisation::Standardisation;
pub use views::Views;

/// What runs of this recipe are called.
pub const ARM: &str = "tuned";

const SELECTION: &str = "selection by validation";
const TRAINING: &str = "training the selected recipe";
const SCORING: &str = "scoring on the test images";

/// What the recipe is tuned, trained and tested on.
#[derive(Clone, Debug)]
pub struct Data {
    /// Where the features come from. The number of its classes is K.
    pub about: About,
    /// Training images.
    pub train: Views,
    /// Test images.
    pub test: Views,
}

/// What was tried, what was selected, and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where the numbers come from.
    #[serde(flatten)]
    pub about: About,
    /// Training images held out while candidates were compared.
    pub validation_images: usize,
    /// All that were tried.
    pub candidates: Vec<Tried>,
    /// Index of the selected one: the lowest validation loss, the first among equals.
    pub selected: usize,
    /// The selected one, trained on all training images with each seed.
    pub runs: Vec<Run>,
    /// Test accuracy from the images as they are, over seeds.
    pub accuracy: Summary,
    /// Test accuracy from images averaged with their mirror images, over seeds.
    pub averaged_accuracy: Summary,
    /// Wall-clock seconds of selection, training and scoring.
    pub seconds: f64,
}

/// A candidate on the held-out images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The recipe.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// On the held-out images.
    pub validation: Scores,
    /// Seconds of training and scoring, on one thread.
    pub seconds: f64,
}

/// The selected recipe with one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Initial weights, order and dropout follow from it.
    pub seed: u64,
    /// On the test images.
    pub test: Scores,
    /// Seconds of training, on one thread.
    pub seconds: f64,
}

/// A report and the models it is about.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The numbers.
    pub report: Report,
    /// One for each run, in their order.
    pub models: Vec<Model>,
}

/// Selects a candidate, by the first of `seeds`, and trains and tests it with each of `seeds`; `threads` runs at a time,
/// 0 being one a core. The results are the same bits for any number of threads. With checkpoints, every training goes on
/// where an earlier start left it.
///
/// # Errors
/// [`Error::Argument`] if there is no seed, training and test images differ in D, there are too few images to hold some
/// out, or a test label is not below K, which shows last; [`Error::Training`] if a training label is not below K or a
/// candidate diverges; [`Error::Stopped`] if the observer of `progress` asked to stop.
///
/// ```
/// use mlprobe_experiments::tuned::{self, Data, Views};
/// use mlprobe_experiments::{About, LabelledFeatures, Progress};
/// use ndarray::Array2;
///
/// // One feature tells the two classes apart; mirroring changes another one.
/// let images = |n: usize| {
///     let labels: Vec<u8> = (0..n).map(|i| (i % 2) as u8).collect();
///     let features = |side: usize| {
///         Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { (i % 2) as f32 } else { ((i * 7 + side) % 5) as f32 })
///     };
///     let set = |side| LabelledFeatures::new(features(side), labels.clone());
///     Views::new(set(0)?, set(2)?)
/// };
/// let about = About::features("made up", &["even", "odd"]);
/// let data = Data { about, train: images(200)?, test: images(50)? };
/// let outcome = tuned::run(&data, &[0, 1], 0, &Progress::silent())?;
/// assert_eq!(outcome.report.averaged_accuracy.mean, 1.0);
/// # Ok::<(), mlprobe_experiments::Error>(())
/// ```
pub fn run(data: &Data, seeds: &[u64], threads: usize, progress: &Progress<'_>) -> Result<Outcome> {
    const OPERATION: &str = "tuning";
    require(!seeds.is_empty(), OPERATION, "at least one seed", "none", "give a seed")?;
    let [dim, test_dim] = [&data.train, &data.test].map(|images| images.original().dim());
    let expected = format!("{dim} features of a test image");
    require(dim == test_dim, OPERATION, &expected, test_dim, "use one extractor for both")?;
    progress.begin(|| settings(data, seeds))?;
    let mut about = data.about.clone();
    about.machine.threads = or_one_a_core(threads);
    let work = Work { classes: about.dataset.classes.len(), threads: about.machine.threads, progress };
    let stopped = Error::Stopped { done: 0, planned: seeds.len() };

    let (kept, held_out) = data.train.split(seeds[0])?;
    let Some(candidates) = work.try_candidates(&kept, &held_out, seeds[0])? else { return Err(stopped) };
    let losses = candidates.iter().map(|tried| tried.validation.loss);
    let selected = losses.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(i, _)| i);

    let recipe = candidates[selected].candidate;
    let Some(trained) = work.train(recipe, &data.train, seeds)? else { return Err(stopped) };
    let (models, seconds): (Vec<_>, Vec<_>) = trained.into_iter().unzip();

    let scores = progress.stage(SCORING, models.len() as u64, "models", |advance| {
        let score = |model| Scores::of(model, &data.test).inspect(|_| advance(1));
        models.iter().map(score).collect::<Result<Vec<_>>>()
    })?;
    let run = |((&seed, &test), &seconds): ((&u64, &Scores), &f64)| Run { seed, test, seconds };
    let runs: Vec<Run> = seeds.iter().zip(&scores).zip(&seconds).map(run).collect();
    for &Run { seed, test, .. } in &runs {
        progress.send(Event::RunFinished { arm: ARM, seed, test_accuracy: test.accuracy });
    }
    let over_seeds = |value: fn(&Scores) -> f64| summary(&scores.iter().map(value).collect::<Vec<_>>());
    let report = Report {
        about,
        validation_images: held_out.labels().len(),
        candidates,
        selected,
        runs,
        accuracy: over_seeds(|scores| scores.accuracy)?,
        averaged_accuracy: over_seeds(|scores| scores.averaged_accuracy)?,
        seconds: seconds_of(&[SELECTION, TRAINING, SCORING], progress),
    };
    Ok(Outcome { report, models })
}

/// Whether an earlier start has finished this very run, and said so by [`Progress::finish`].
///
/// # Errors
/// [`Error::File`] if the checkpoints cannot be read.
pub fn is_finished(data: &Data, seeds: &[u64], progress: &Progress<'_>) -> Result<bool> {
    progress.is_finished(|| settings(data, seeds))
}

/// All that the results follow from.
fn settings(Data { about, train, test }: &Data, seeds: &[u64]) -> String {
    let views = [train, test].map(|views| [views.original().digest(), views.mirrored().digest()]);
    format!("{ARM} {:?} {:?} {views:?} {seeds:?}", about.dataset, about.extractor)
}

/// Of these stages together.
fn seconds_of(stages: &[&str], progress: &Progress<'_>) -> f64 {
    let all = progress.stages();
    all.iter().filter(|stage| stages.contains(&stage.name.as_str())).map(|stage| stage.seconds).sum()
}

/// What every step needs.
struct Work<'a> {
    classes: usize,
    threads: usize,
    progress: &'a Progress<'a>,
}

impl Work<'_> {
    /// Every candidate trained on `kept` and scored on `held_out`. `None` if the observer asked to stop.
    fn try_candidates(&self, kept: &Views, held_out: &Views, seed: u64) -> Result<Option<Vec<Tried>>> {
        let inputs = [Inputs::new(kept, false)?, Inputs::new(kept, true)?];
        let candidates: Vec<_> = candidates().into_iter().enumerate().collect();
        let epochs = (candidates.len() * EPOCHS) as u64;
        self.progress.stage(SELECTION, epochs, "epochs", |_| {
            map_on_threads(self.threads, &candidates, self.progress, |&(i, candidate)| {
                let inputs = &inputs[usize::from(candidate.square_roots)];
                let arm = format!("candidate-{i}");
                let trained = candidate.train(SELECTION, &arm, inputs, self.classes, seed, self.progress)?;
                let Some((model, seconds)) = trained else { return Ok(None) };
                let start = Instant::now();
                let validation = Scores::of(&model, held_out)?;
                let seconds = seconds + start.elapsed().as_secs_f64();
                Ok(Some(Tried { candidate, validation, seconds }))
            })
        })
    }

    /// `recipe` trained on `images` with each seed, and the seconds each took. `None` if the observer asked to stop.
    fn train(&self, recipe: Candidate, images: &Views, seeds: &[u64]) -> Result<Option<Vec<(Model, f64)>>> {
        let inputs = Inputs::new(images, recipe.square_roots)?;
        let epochs = (seeds.len() * EPOCHS) as u64;
        self.progress.stage(TRAINING, epochs, "epochs", |_| {
            map_on_threads(self.threads, seeds, self.progress, |&seed| {
                recipe.train(TRAINING, ARM, &inputs, self.classes, seed, self.progress)
            })
        })
    }
}
