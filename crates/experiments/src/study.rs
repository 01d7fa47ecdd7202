//! Runs every arm with every seed in parallel, and hands over what is finished seed by seed.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::thread;

use crate::analysis::Plan;
use crate::collector::Collector;
use crate::error::{Error, Result};
use crate::notes;
use crate::progress::{Event, Progress};
use crate::protocol::Protocol;
use crate::queue::{Job, Queue, for_each_job};
use crate::reference::baselines;
use crate::results::{About, ArmResults, Results, SCHEMA};
use crate::sets::{Arm, LabelledFeatures};
use crate::train::{Task, TrainedRun};
use crate::tuned::Standardisation;

/// The stage of the runs.
const STAGE: &str = "training";

/// A comparison of training sets: each arm trained with each seed, one thread a run, and scored on one test
/// set.
///
/// The results are the same bits for any number of threads, since a run draws from nothing but its seed.
pub struct Study<'a> {
    about: About,
    protocol: Protocol,
    test: LabelledFeatures,
    further: Vec<(String, LabelledFeatures)>,
    arms: Vec<Arm<'a>>,
    comparisons: Vec<(String, String, String)>,
    baselines: Option<(LabelledFeatures, f64)>,
    standardisation: Option<Standardisation>,
    threads: usize,
}

/// What a study has found so far.
pub struct Outcome {
    /// What is written to `results.json`.
    pub results: Results,
    /// For each arm, in order, the runs of the finished seeds, in order.
    pub runs: Vec<Vec<TrainedRun>>,
}

impl<'a> Study<'a> {
    /// A study without arms yet, scored on `test`.
    pub fn new(about: About, protocol: Protocol, test: &LabelledFeatures) -> Self {
        Self {
            about,
            protocol,
            test: test.clone(),
            further: Vec::new(),
            arms: Vec::new(),
            comparisons: Vec::new(),
            baselines: None,
            standardisation: None,
            threads: 0,
        }
    }

    /// Adds a recipe.
    #[must_use]
    pub fn arm(mut self, arm: Arm<'a>) -> Self {
        self.arms.push(arm);
        self
    }

    /// Compares arm `a` with arm `b`, by their names; `effect` says what differs between them. Without any call,
    /// every arm is compared with the first.
    #[must_use]
    pub fn compare(mut self, effect: &str, a: &str, b: &str) -> Self {
        self.comparisons.push((effect.to_owned(), a.to_owned(), b.to_owned()));
        self
    }

    /// Scores every finished model on this set too, as on the test images under a transform.
    #[must_use]
    pub fn further_test(mut self, name: impl Into<String>, set: &LabelledFeatures) -> Self {
        self.further.push((name.into(), set.clone()));
        self
    }

    /// Also scores simple classifiers made from `train`: majority class, nearest neighbours, logistic regression with
    /// this learning rate.
    #[must_use]
    pub fn baselines(mut self, train: &LabelledFeatures, learning_rate: f64) -> Self {
        self.baselines = Some((train.clone(), learning_rate));
        self
    }

    /// Says that the features of every set were standardised so. The finished models then take features as they were
    /// before, with the standardisation folded into their first layer.
    #[must_use]
    pub fn standardised_by(mut self, standardisation: Standardisation) -> Self {
        self.standardisation = Some(standardisation);
        self
    }

    /// How many runs train at a time; 0, the default, is one a core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Whether an earlier start has finished this very study, and said so by [`Progress::finish`]. Without checkpoints,
    /// none has.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoints cannot be read.
    pub fn is_finished(&self, progress: &Progress<'_>) -> Result<bool> {
        progress.is_finished(|| self.settings())
    }

    /// Trains every arm with every seed. Whenever all arms have finished one more seed, in the order of the
    /// seeds, `after_seed` is called with everything so far; it may write it down. With checkpoints, every run goes on
    /// where an earlier start left it; call [`Progress::finish`] when they are not needed any more.
    ///
    /// # Errors
    /// [`Error::Argument`] before anything is run; [`Error::Stopped`] if the observer of `progress` asked to
    /// stop; else the first error of a run or of `after_seed`, once the other runs have stopped.
    pub fn run(
        &self,
        progress: &Progress<'_>,
        after_seed: impl FnMut(&Outcome) -> Result<()>,
    ) -> Result<Outcome> {
        self.check()?;
        progress.begin(|| self.settings())?;
        let plan = self.plan()?;
        let threads = or_one_a_core(self.threads);
        let planned = self.protocol.seeds.len();
        let mut outcome = self.empty_outcome(threads);
        if let Some((train, rate)) = &self.baselines {
            let classes = self.classes();
            outcome.results.baselines =
                baselines(train, *rate, &self.test, classes, &self.protocol, progress)?;
        }
        let mut collector = Collector { outcome, plan, progress, after_seed, pending: BTreeMap::new() };
        let mut failure = None;
        progress.stage(STAGE, self.updates(), "updates", |_| {
            let seeded: Vec<bool> = self.arms.iter().map(Arm::is_seeded).collect();
            let train = |job| self.train(job, progress);
            let finished = |job, run: thread::Result<Result<Option<TrainedRun>>>| {
                let run = run.unwrap_or_else(|panic| {
                    progress.stop();
                    resume_unwind(panic)
                });
                if let Err(error) = run.and_then(|run| run.map_or(Ok(()), |run| collector.add(job, run))) {
                    progress.stop();
                    failure.get_or_insert(error);
                }
            };
            for_each_job(Queue::new(planned, &seeded, threads), train, || progress.stopped(), finished);
        });
        let outcome = collector.outcome;
        match failure {
            Some(error) => Err(error),
            None if outcome.results.is_whole() => Ok(outcome),
            None => Err(Error::Stopped { done: outcome.results.seeds_done, planned }),
        }
    }

    /// What is computed from the runs.
    fn plan(&self) -> Result<Plan<'_>> {
        let further = self.further.iter().map(|(name, _)| name.as_str()).collect();
        Ok(Plan { labels: self.test.labels(), further, comparisons: self.pairs()? })
    }

    /// The comparisons asked for, or of every arm with the first: effect and indices of the arms.
    fn pairs(&self) -> Result<Vec<(String, usize, usize)>> {
        let index = |name: &str| {
            self.arms.iter().position(|arm| arm.name == name).ok_or_else(|| Error::Argument {
                operation: "planning the comparisons",
                expected: "names of the study's arms".into(),
                actual: format!("{name:?}"),
                next: "add the arm or correct the name",
            })
        };
        if self.comparisons.is_empty() {
            let with_first =
                |(i, arm): (usize, &Arm<'_>)| (format!("{} against {}", arm.name, self.arms[0].name), i, 0);
            return Ok(self.arms.iter().enumerate().skip(1).map(with_first).collect());
        }
        self.comparisons.iter().map(|(effect, a, b)| Ok((effect.clone(), index(a)?, index(b)?))).collect()
    }

    fn train(&self, job: Job, progress: &Progress<'_>) -> Result<Option<TrainedRun>> {
        let arm = &self.arms[job.arm];
        let seed = self.protocol.seeds[job.seed];
        let blocks = arm.blocks(seed, self.test.dim(), progress)?;
        let task = Task {
            stage: STAGE,
            arm: &arm.name,
            learning_rate: arm.learning_rate,
            seed,
            blocks: &blocks,
            test: &self.test,
            further: self.further.iter().map(|(_, set)| set).collect(),
            classes: self.classes(),
            protocol: &self.protocol,
        };
        let mut run = task.train(progress)?;
        if let Some(run) = &mut run {
            let failed = |source| Error::Training { arm: arm.name.clone(), seed, source: Box::new(source) };
            run.notes = notes::of_run(&run.model, &self.about.dataset.classes, &blocks, &self.test)
                .map_err(failed)?;
            if let Some(standardisation) = &self.standardisation {
                run.model = standardisation.fold(&run.model).map_err(failed)?;
            }
            for note in &run.notes {
                progress.send(Event::Noted { arm: &arm.name, seed, note });
            }
            let test_accuracy = run.record.test_accuracy;
            progress.send(Event::RunFinished { arm: &arm.name, seed, test_accuracy });
        }
        Ok(run)
    }

    fn empty_outcome(&self, threads: usize) -> Outcome {
        let arm = |arm: &Arm<'_>| ArmResults {
            name: arm.name.clone(),
            train_images: arm.train_images(),
            learning_rate: arm.learning_rate,
            runs: Vec::new(),
            readings: Vec::new(),
            quality: None,
        };
        let mut results = Results {
            schema: SCHEMA,
            about: self.about.clone(),
            protocol: self.protocol.clone(),
            seeds_done: 0,
            arms: self.arms.iter().map(arm).collect(),
            comparisons: Vec::new(),
            robustness: Vec::new(),
            costs: Vec::new(),
            baselines: Vec::new(),
            claims: Vec::new(),
            notes: Vec::new(),
            stages: Vec::new(),
        };
        results.about.machine.threads = threads;
        results.about.dataset.test_images = self.test.len();
        results.about.dataset.dim = self.test.dim();
        Outcome { results, runs: self.arms.iter().map(|_| Vec::new()).collect() }
    }

    /// All that the results follow from.
    fn settings(&self) -> String {
        let Self { about, protocol, test, further, arms, comparisons, standardisation, baselines, .. } = self;
        let About { dataset, extractor, augmentation, .. } = about;
        let arms: Vec<_> = arms.iter().map(Arm::settings).collect();
        let tests: Vec<_> = further.iter().map(|(name, set)| (name, set.digest())).collect();
        let baselines = baselines.as_ref().map(|(train, rate)| (train.digest(), rate));
        format!(
            "{dataset:?} {extractor:?} {augmentation:?} {protocol:?} {arms:?} {} {tests:?} {comparisons:?} {baselines:?} \
             {standardisation:?}",
            test.digest()
        )
    }

    /// K.
    fn classes(&self) -> usize {
        self.about.dataset.classes.len()
    }

    /// Updates of all runs together.
    fn updates(&self) -> u64 {
        let an_epoch = |arm: &Arm<'_>| arm.train_images().div_ceil(self.protocol.batch_size) as u64;
        let runs = (self.protocol.seeds.len() * self.protocol.epochs) as u64;
        self.arms.iter().map(an_epoch).sum::<u64>() * runs
    }

    fn check(&self) -> Result<()> {
        self.protocol.check()?;
        let problem = |expected: &str, actual: String, next| {
            Err(Error::Argument { operation: "planning the runs", expected: expected.into(), actual, next })
        };
        let mut names: Vec<_> = self.arms.iter().map(|arm| arm.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() || names.len() != self.arms.len() {
            let actual = format!("{} arms with {} names", self.arms.len(), names.len());
            return problem("one or more arms with different names", actual, "name each arm once");
        }
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if let Some(name) = names.iter().find(|name| name.is_empty() || !name.chars().all(good)) {
            let expected = "arm names of letters, digits, '-', '_' and '.', since they name files";
            return problem(expected, format!("{name:?}"), "rename the arm");
        }
        if let Some(arm) = self.arms.iter().find(|arm| arm.train_images() == 0) {
            let actual = format!("none in arm `{}`", arm.name);
            return problem("training rows in every arm", actual, "add a part to it");
        }
        if let Some(standardisation) = self.standardisation.as_ref().filter(|by| by.dim() != self.test.dim())
        {
            let expected = format!("a standardisation of {} features, as in the test set", self.test.dim());
            return problem(&expected, standardisation.dim().to_string(), "fit it on one of the sets");
        }
        let further = self.further.iter().map(|(name, set)| (format!("test set `{name}`"), set));
        let baselines = self.baselines.iter().map(|(set, _)| ("the baselines' training set".to_owned(), set));
        let of_arms =
            self.arms.iter().flat_map(|arm| arm.fixed().map(|part| (format!("arm `{}`", arm.name), part)));
        let test = [("the test set".to_owned(), &self.test)];
        let classes = self.classes();
        for (name, set) in test.into_iter().chain(further).chain(of_arms).chain(baselines) {
            if set.dim() != self.test.dim() {
                let expected = format!("{} features a row, as in the test set", self.test.dim());
                return problem(
                    &expected,
                    format!("{} in {name}", set.dim()),
                    "make every set in the same way",
                );
            }
            if let Some(row) = set.labels().iter().position(|&label| usize::from(label) >= classes) {
                let actual = format!("{} in row {row} of {name}", set.labels()[row]);
                let expected = format!("labels 0 to {}, for {classes} classes", classes.saturating_sub(1));
                return problem(&expected, actual, "name every class");
            }
        }
        Ok(())
    }
}

/// A number of threads; 0 means one a core.
pub(crate) fn or_one_a_core(threads: usize) -> usize {
    match threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        _ => threads,
    }
}
