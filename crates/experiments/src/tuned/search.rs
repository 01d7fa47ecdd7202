//! The search on the engine: candidates are arms that are scored on held-out images, and the selected one is the single arm
//! that trains with every seed.

use std::ops::ControlFlow;
use std::time::Instant;

use mlprobe_nn::Precision;
use mlprobe_stats::{require, summary};

use super::candidate::{Candidate, EPOCHS, HIDDEN, candidates};
use super::model::{ARM, Model, Scores, signed_roots};
use super::report::{Report, Run, Tried};
use super::views::Views;
use crate::analysis::results::About;
use crate::engine::arm::Arm;
use crate::engine::progress::Event;
use crate::engine::scoring::{Scoring, TrainedRun};
use crate::engine::session::Session;
use crate::engine::{Engine, check_sets, or_one_per_core};
use crate::error::{Error, Result};
use crate::features::{FeatureSource, Half};
use crate::settings::{Protocol, Settings};

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

/// A report and the models it is about.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The numbers.
    pub report: Report,
    /// One for each run, in their order.
    pub models: Vec<Model>,
}

/// The features of training and test images, as they are and mirrored.
///
/// # Errors
/// Those of extractor and cache.
pub fn data(source: &FeatureSource<'_>, session: &Session<'_>) -> Result<Data> {
    let views = |half| Views::new(source.original(half, session)?, source.mirrored(half, session)?);
    Ok(Data { about: source.about(), train: views(Half::Train)?, test: views(Half::Test)? })
}

/// Selects a candidate by the first of the protocol's seeds, and trains and tests it with each of them in the protocol's precision;
/// `threads` runs at a time, 0 being one per core. The rest of the protocol is not used: the recipe has its own. The results are the same bits for
/// any number of threads. Where `session` has checkpoints, every training resumes from where an earlier start left it.
///
/// # Errors
/// [`Error::Argument`] if there is no seed, training and test images differ in D, there are too few images to hold some
/// out, or a label is not below K; [`Error::Training`] if a candidate diverges; [`Error::Stopped`] if the observer asked to
/// stop.
///
/// ```
/// use mlprobe_experiments::tuned::{self, Data, Views};
/// use mlprobe_experiments::settings::{Protocol, Settings};
/// use mlprobe_experiments::{About, LabelledFeatures, Progress, Session};
/// use ndarray::Array2;
///
/// // One feature tells the two classes apart; mirroring changes another one.
/// let images = |n: usize| {
///     let labels: Vec<u16> = (0..n).map(|i| (i % 2) as u16).collect();
///     let features = |side: usize| {
///         Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { (i % 2) as f32 } else { ((i * 7 + side) % 5) as f32 })
///     };
///     let set = |side| LabelledFeatures::new(features(side), labels.clone());
///     Views::new(set(0)?, set(2)?)
/// };
/// let about = About::features("made up", &["even", "odd"]);
/// let data = Data { about, train: images(200)?, test: images(50)? };
/// let settings = Settings::given(Protocol::new(vec![0, 1], tuned::EPOCHS));
/// let outcome = tuned::run(&data, settings, 0, &Session::new(Progress::silent()))?;
/// assert_eq!(outcome.report.averaged_accuracy.mean, 1.0);
/// # Ok::<(), mlprobe_experiments::Error>(())
/// ```
pub fn run(data: &Data, settings: Settings, threads: usize, session: &Session<'_>) -> Result<Outcome> {
    const OPERATION: &str = "tuning";
    let seeds = settings.protocol.seeds.clone();
    require(!seeds.is_empty(), OPERATION, "at least one seed", "none", "give a seed")?;
    let [dim, test_dim] = [&data.train, &data.test].map(|images| images.original().dim());
    let expected = format!("{dim} features of a test image");
    require(dim == test_dim, OPERATION, &expected, test_dim, "use one extractor for both")?;
    let classes = &data.about.dataset.classes;
    check_sets(data.test.original(), classes.len(), [("training images".to_owned(), data.train.original())])?;
    let mut about = data.about.clone();
    about.machine.threads = or_one_per_core(threads);
    let precision = settings.protocol.precision;
    let search = Search { classes, precision, threads: about.machine.threads, session };
    let stopped = Error::Stopped { done: 0, planned: seeds.len() };

    let (kept, held_out) = data.train.split(seeds[0])?;
    let Some(tried) = search.try_candidates(&kept, &held_out, seeds[0])? else { return Err(stopped) };
    let losses = tried.iter().map(|tried| tried.validation.loss);
    let selected = losses.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(i, _)| i);

    let recipe = tried[selected].candidate;
    let Some(trained) = search.train(recipe, &data.train, &data.test, &seeds)? else { return Err(stopped) };
    let models: Vec<Model> =
        trained.iter().map(|run| Model::of(run, recipe.square_roots, precision)).collect();
    let scores = session.stage(SCORING, models.len() as u64, "models", |advance| {
        let score = |model| Scores::of(model, &data.test).inspect(|_| advance(1));
        models.iter().map(score).collect::<Result<Vec<_>>>()
    })?;
    let run = |(run, &test): (&TrainedRun, &Scores)| Run {
        seed: run.record.seed,
        test,
        seconds: run.record.seconds,
    };
    let runs: Vec<Run> = trained.iter().zip(&scores).map(run).collect();
    for &Run { seed, test, .. } in &runs {
        session.send(Event::RunFinished { arm: ARM, seed, test_accuracy: test.accuracy });
    }
    let over_seeds = |value: fn(&Scores) -> f64| summary(&scores.iter().map(value).collect::<Vec<_>>());
    let stages = session.stages();
    let ours = stages.iter().filter(|stage| [SELECTION, TRAINING, SCORING].contains(&stage.name.as_str()));
    let report = Report {
        settings: Some(settings),
        about,
        validation_images: held_out.labels().len(),
        candidates: tried,
        selected,
        runs,
        accuracy: over_seeds(|scores| scores.accuracy)?,
        averaged_accuracy: over_seeds(|scores| scores.averaged_accuracy)?,
        seconds: ours.map(|stage| stage.seconds).sum(),
    };
    Ok(Outcome { report, models })
}

/// What every step needs.
struct Search<'a> {
    classes: &'a [String],
    precision: Precision,
    threads: usize,
    session: &'a Session<'a>,
}

impl Search<'_> {
    /// Every candidate trained on `kept` and scored on `held_out`. `None` if the observer asked to stop.
    fn try_candidates(&self, kept: &Views, held_out: &Views, seed: u64) -> Result<Option<Vec<Tried>>> {
        let all = candidates();
        let mut tried = Vec::new();
        for square_roots in [false, true] {
            let of_kind: Vec<_> =
                (0..).zip(&all).filter(|(_, candidate)| candidate.square_roots == square_roots).collect();
            let named = |&(i, candidate): &(usize, &Candidate)| (format!("candidate-{i}"), *candidate);
            let arms: Vec<_> = of_kind.iter().map(named).collect();
            let Some(runs) = self.run(SELECTION, &arms, kept, held_out, &[seed])? else { return Ok(None) };
            for ((_, candidate), run) in of_kind.into_iter().zip(runs) {
                let start = Instant::now();
                let validation = Scores::of(&Model::of(&run, square_roots, self.precision), held_out)?;
                let seconds = run.record.seconds + start.elapsed().as_secs_f64();
                tried.push(Tried { candidate: *candidate, validation, seconds });
            }
        }
        Ok(Some(tried))
    }

    /// `recipe` trained on `images` with each seed. `None` if the observer asked to stop.
    fn train(
        &self,
        recipe: Candidate,
        images: &Views,
        test: &Views,
        seeds: &[u64],
    ) -> Result<Option<Vec<TrainedRun>>> {
        self.run(TRAINING, &[(ARM.to_owned(), recipe)], images, test, seeds)
    }

    /// Every one of `arms`, which agree in square roots, trained with every seed: the runs seed by seed.
    fn run(
        &self,
        stage: &str,
        arms: &[(String, Candidate)],
        images: &Views,
        test: &Views,
        seeds: &[u64],
    ) -> Result<Option<Vec<TrainedRun>>> {
        let square_roots = arms.first().is_some_and(|(_, candidate)| candidate.square_roots);
        let prepared = |views: &Views| if square_roots { views.map(signed_roots) } else { Ok(views.clone()) };
        let (images, test) = (prepared(images)?, prepared(test)?);
        let arms: Vec<_> = arms
            .iter()
            .map(|(name, candidate)| {
                let hyperparameters = candidate.hyperparameters().map_err(Error::training(name, seeds[0]))?;
                let hyperparameters = hyperparameters.with_precision(self.precision);
                let arm =
                    Arm::with_hyperparameters(name, hyperparameters).standardised().with(images.original());
                Ok(if candidate.mirrored_copies { arm.with(images.mirrored()) } else { arm })
            })
            .collect::<Result<_>>()?;
        let mut protocol = Protocol::new(seeds.to_vec(), EPOCHS);
        (protocol.report_at, protocol.precision) = (vec![EPOCHS], self.precision);
        let scoring = Scoring {
            test: test.original(),
            further: &[],
            classes: self.classes,
            protocol: &protocol,
            scored_at: &protocol.report_at,
        };
        let engine = Engine {
            stage,
            arms: &arms.iter().collect::<Vec<_>>(),
            prefix: "",
            scoring,
            hidden: &[HIDDEN],
            threads: self.threads,
            announce: false,
        };
        let mut finished = Vec::new();
        let is_whole = engine.run(seeds, self.session, |runs| {
            finished.extend(runs);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(is_whole.then_some(finished))
    }
}
