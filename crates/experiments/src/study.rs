//! A study: training sets compared by training the same network on each, with the same seeds.

use std::ops::ControlFlow;

use crate::analysis::analyse::{Plan, analyse};
use crate::analysis::arms::ArmResults;
use crate::analysis::probes::{Probes, baselines};
use crate::analysis::questions::Question;
use crate::analysis::results::{About, Results, SCHEMA};
use crate::engine::arm::Arm;
use crate::engine::progress::{Event, Progress};
use crate::engine::scoring::{Scoring, TrainedRun};
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::engine::{Engine, check_arms, check_sets, or_one_per_core};
use crate::error::{Error, Result};
use crate::settings::{Protocol, Settings};

/// The stage of the runs.
const STAGE: &str = "training";
/// The learning rate unless another is set.
const LEARNING_RATE: f64 = 0.01;
/// Passes over the training set unless others are set.
const EPOCHS: usize = 100;
/// Rows per update unless others are set.
const BATCH_SIZE: usize = 100;

/// A comparison of training sets: each arm is trained with each seed, one thread per run, and scored on one test set.
///
/// The results are the same bits for any number of threads, since a run draws from nothing but its seed.
///
/// ```
/// use mlprobe_experiments::{LabelledFeatures, Study};
/// use ndarray::Array2;
///
/// // Two classes of points in the plane: below and above 0.5.
/// let points = |n: usize| {
///     let features = Array2::from_shape_fn((n, 2), |(i, j)| ((i * 37 + j * 11) % 101) as f32 / 101.0);
///     let labels = features.rows().into_iter().map(|row| u16::from(row[0] > 0.5)).collect();
///     LabelledFeatures::new(features, labels)
/// };
/// let (few, many, test) = (points(20)?, points(200)?, points(500)?);
///
/// let outcome = Study::new(&test).learning_rate(0.1).arm("few", &few).arm("many", &many).seeds(5).run()?;
/// println!("{}", outcome.summary());
/// # assert!(outcome.summary().contains("many"));
/// # Ok::<(), mlprobe_experiments::Error>(())
/// ```
pub struct Study<'a> {
    settings: Settings,
    about: About,
    test: LabelledFeatures,
    further: Vec<(String, LabelledFeatures)>,
    arms: Vec<Arm<'a>>,
    /// Of the arms that are added by name.
    learning_rate: f64,
    comparisons: Vec<(String, String, String)>,
    is_family: bool,
    questions: Vec<Question>,
    /// The baselines' training set, and the learning rate of logistic regression.
    probes: Option<(LabelledFeatures, f64)>,
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
    /// A study without arms yet, scored on `test`: 5 seeds, 100 epochs, batches of 100, learning rate 0.01, one hidden layer
    /// of 64. There are as many classes as the labels tell.
    pub fn new(test: &LabelledFeatures) -> Self {
        let protocol = Protocol { batch_size: BATCH_SIZE, ..Protocol::new((0..5).collect(), EPOCHS) };
        Self {
            settings: Settings::given(protocol),
            about: About::features("given features", &[]),
            test: test.clone(),
            further: Vec::new(),
            arms: Vec::new(),
            learning_rate: LEARNING_RATE,
            comparisons: Vec::new(),
            is_family: true,
            questions: Vec::new(),
            probes: None,
            threads: 0,
        }
    }

    /// Takes these settings, of which the protocol is carried out and the rest is recorded.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Records where the numbers come from; the names of the classes are those of `about`, unless it has none.
    #[must_use]
    pub fn about(mut self, about: About) -> Self {
        self.about = about;
        self
    }

    /// Trains with this protocol.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.settings.protocol = protocol;
        self
    }

    /// Trains with the seeds 0 to `seeds` - 1; intervals need at least 2, and answers 3.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.settings.protocol.seeds = (0..seeds).collect();
        self
    }

    /// Trains for `epochs`, and reports after half and all of them.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.settings.protocol.epochs = epochs;
        self.settings.protocol.report_at = Protocol::half_and_all(epochs);
        self
    }

    /// Sets the learning rate of the arms that are added by name from here on.
    #[must_use]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Adds a training set, called `name`.
    #[must_use]
    pub fn arm(self, name: &str, rows: &LabelledFeatures) -> Self {
        let arm = Arm::new(name, self.learning_rate).with(rows);
        self.add(arm)
    }

    /// Adds a recipe.
    #[must_use]
    pub fn add(mut self, arm: Arm<'a>) -> Self {
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

    /// Says that the comparisons answer questions of their own, not one together, so that their p-values need no correction
    /// for their number.
    #[must_use]
    pub fn separate_questions(mut self) -> Self {
        self.is_family = false;
        self
    }

    /// Asks a question before the run. Without any call, it is asked of every arm whether it is more accurate than the first.
    #[must_use]
    pub fn ask(mut self, question: Question) -> Self {
        self.questions.push(question);
        self
    }

    /// Scores every finished model on this set too, as on the test images under a transform.
    #[must_use]
    pub fn further_test(mut self, name: impl Into<String>, set: &LabelledFeatures) -> Self {
        self.further.push((name.into(), set.clone()));
        self
    }

    /// Also scores simple classifiers made from `train`: majority class, nearest neighbours, logistic regression with this
    /// learning rate; all on standardised features if an arm is standardised.
    #[must_use]
    pub fn baselines(mut self, train: &LabelledFeatures, learning_rate: f64) -> Self {
        self.probes = Some((train.clone(), learning_rate));
        self
    }

    /// Sets how many runs train at a time; 0, the default, is one per core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Trains every arm with every seed, and reports to nobody.
    ///
    /// # Errors
    /// As [`run_in`](Self::run_in).
    pub fn run(&self) -> Result<Outcome> {
        self.run_in(&Session::new(Progress::silent()), |_| Ok(()))
    }

    /// Trains every arm with every seed. Whenever all arms have finished one more seed, in the order of the seeds,
    /// `after_seed` is called with everything so far; it may write it down. Where `session` has checkpoints, every run resumes
    /// from where an earlier start left it.
    ///
    /// # Errors
    /// [`Error::Argument`] before anything is run; [`Error::Stopped`] if the observer asked to stop; else the first error of
    /// a run or of `after_seed`, once the other runs have stopped.
    pub fn run_in(
        &self,
        session: &Session<'_>,
        mut after_seed: impl FnMut(&Outcome) -> Result<()>,
    ) -> Result<Outcome> {
        let classes = self.classes();
        self.check(classes.len())?;
        let protocol = &self.settings.protocol;
        let (comparisons, questions) = (self.pairs()?, self.questions()?);
        let further = self.further.iter().map(|(name, _)| name.as_str()).collect();
        let plan = Plan { labels: self.test.labels(), further, comparisons, is_family: self.is_family, questions: &questions };
        let (threads, planned, scored_at) =
            (or_one_per_core(self.threads), protocol.seeds.len(), protocol.scored_at());
        let mut outcome = self.empty_outcome(threads, &classes);
        let scoring = Scoring {
            test: &self.test,
            further: &self.further,
            classes: &classes,
            protocol,
            scored_at: &scored_at,
        };
        let stopped = |outcome: &Outcome| Error::Stopped { done: outcome.results.seeds_done, planned };
        if let Some((train, learning_rate)) = &self.probes {
            let is_standardised = self.arms.iter().any(Arm::is_standardised);
            let probes = Probes { train, learning_rate: *learning_rate, is_standardised };
            let found = baselines(probes, scoring, threads, session)?;
            outcome.results.baselines = found.ok_or_else(|| stopped(&outcome))?;
        }
        let hidden = &protocol.hidden;
        let engine = Engine { stage: STAGE, arms: &self.arms, scoring, hidden, threads, announce: true };
        let is_whole = engine.run(&protocol.seeds, session, |runs| {
            outcome.runs.iter_mut().zip(runs).for_each(|(arm, run)| arm.push(run));
            analyse(&mut outcome.results, &outcome.runs, &plan)?;
            outcome.results.stages = session.stages();
            after_seed(&outcome)?;
            session.send(Event::SeedFinished { done: outcome.results.seeds_done, planned });
            Ok(ControlFlow::Continue(()))
        })?;
        if is_whole { Ok(outcome) } else { Err(stopped(&outcome)) }
    }

    /// Trains one arm with one seed, and leaves it in the checkpoints of `session`: another start of this study, perhaps
    /// on another machine, that finds them there has this run already.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// use mlprobe_experiments::{Checkpoints, Event, LabelledFeatures, Progress, Session, Study};
    /// use ndarray::Array2;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let points = |n: usize| LabelledFeatures::new(Array2::from_elem((n, 2), 0.5), (0..n).map(|i| (i % 2) as u16).collect());
    /// let (few, many, test) = (points(20)?, points(40)?, points(50)?);
    /// let study = Study::new(&test).arm("few", &few).arm("many", &many).seeds(2).epochs(3);
    ///
    /// let (resumed, trained) = (AtomicUsize::new(0), AtomicUsize::new(0));
    /// let observer = |event: Event<'_>| {
    ///     match event {
    ///         Event::RunResumed { epochs_done: 3, .. } => resumed.fetch_add(1, Ordering::Relaxed),
    ///         Event::Advanced { .. } => trained.fetch_add(1, Ordering::Relaxed),
    ///         _ => 0,
    ///     };
    ///     ControlFlow::Continue(())
    /// };
    /// let session = |progress| Session::resumable(progress, Checkpoints::new(folder.path(), "1.0"), "points");
    /// for (arm, seed) in [("few", 0), ("few", 1), ("many", 0), ("many", 1)] {
    ///     study.train(arm, seed, &session(Progress::silent())?)?;
    /// }
    /// study.run_in(&session(Progress::new(&observer))?, |_| Ok(()))?;
    /// assert_eq!((resumed.into_inner(), trained.into_inner()), (4, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`run_in`](Self::run_in).
    pub fn train(&self, arm: &str, seed: u64, session: &Session<'_>) -> Result<()> {
        let classes = self.classes();
        self.check(classes.len())?;
        let (arm, protocol) = (self.index(arm)?, &self.settings.protocol);
        let scored_at = protocol.scored_at();
        let (test, further) = (&self.test, &self.further[..]);
        let scoring = Scoring { test, further, classes: &classes, protocol, scored_at: &scored_at };
        let (arms, hidden) = (&self.arms[arm..=arm], &protocol.hidden[..]);
        let engine = Engine { stage: STAGE, arms, scoring, hidden, threads: 1, announce: true };
        match engine.run(&[seed], session, |_| Ok(ControlFlow::Continue(())))? {
            true => Ok(()),
            false => Err(Error::Stopped { done: 0, planned: 1 }),
        }
    }

    /// The comparisons asked for, or of every arm with the first: effect and indices of the arms.
    fn pairs(&self) -> Result<Vec<(String, usize, usize)>> {
        if self.comparisons.is_empty() {
            let first = &self.arms[0];
            let with_first =
                |(i, arm): (usize, &Arm<'_>)| (format!("{} against {}", arm.name(), first.name()), i, 0);
            return Ok(self.arms.iter().enumerate().skip(1).map(with_first).collect());
        }
        let pair = |(effect, a, b): &(String, String, String)| Ok((effect.clone(), self.index(a)?, self.index(b)?));
        self.comparisons.iter().map(pair).collect()
    }

    /// The index of the arm called `name`.
    fn index(&self, name: &str) -> Result<usize> {
        self.arms.iter().position(|arm| arm.name() == name).ok_or_else(|| Error::Argument {
            operation: "planning the comparisons",
            expected: "names of the study's arms".into(),
            actual: format!("{name:?}"),
            next: "add the arm or correct the name",
        })
    }

    /// The questions asked, or of every arm whether it is more accurate than the one it is compared with.
    fn questions(&self) -> Result<Vec<Question>> {
        if !self.questions.is_empty() {
            self.questions.iter().flat_map(|q| [&q.a, &q.b]).try_for_each(|name| self.index(name).map(drop))?;
            return Ok(self.questions.clone());
        }
        let with_first = |arm: &Arm<'_>| Question::accuracy(arm.name(), self.arms[0].name());
        Ok(match self.comparisons.is_empty() {
            true => self.arms.iter().skip(1).map(with_first).collect(),
            false => self.comparisons.iter().map(|(_, a, b)| Question::accuracy(a, b)).collect(),
        })
    }

    fn empty_outcome(&self, threads: usize, classes: &[String]) -> Outcome {
        let arm = |arm: &Arm<'_>| ArmResults {
            name: arm.name().to_owned(),
            train_images: arm.rows(),
            learning_rate: arm.learning_rate(),
            runs: Vec::new(),
            readings: Vec::new(),
            quality: None,
        };
        let mut results = Results {
            schema: SCHEMA,
            settings: self.settings.clone(),
            about: self.about.clone(),
            seeds_done: 0,
            arms: self.arms.iter().map(arm).collect(),
            comparisons: Vec::new(),
            answers: Vec::new(),
            claims: Vec::new(),
            robustness: Vec::new(),
            costs: Vec::new(),
            baselines: Vec::new(),
            notes: Vec::new(),
            stages: Vec::new(),
        };
        results.about.machine.threads = threads;
        results.about.dataset.classes = classes.to_vec();
        results.about.dataset.test_images = self.test.len();
        results.about.dataset.dim = self.test.dim();
        Outcome { results, runs: self.arms.iter().map(|_| Vec::new()).collect() }
    }

    /// The names of the K classes: those that were given, or numbers.
    fn classes(&self) -> Vec<String> {
        let given = &self.about.dataset.classes;
        let sets = self.arms.iter().flat_map(Arm::fixed).chain([&self.test]);
        let largest = sets.flat_map(LabelledFeatures::labels).max().copied().unwrap_or(0);
        match given.is_empty() {
            true => (0..=largest).map(|class| class.to_string()).collect(),
            false => given.clone(),
        }
    }

    fn check(&self, classes: usize) -> Result<()> {
        check_arms(&self.settings.protocol, &self.arms)?;
        let further = self.further.iter().map(|(name, set)| (format!("test set `{name}`"), set));
        let probes = self.probes.iter().map(|(train, _)| ("the baselines' training set".to_owned(), train));
        let of_arms =
            self.arms.iter().flat_map(|arm| arm.fixed().map(|set| (format!("arm `{}`", arm.name()), set)));
        check_sets(&self.test, classes, further.chain(of_arms).chain(probes))
    }
}
