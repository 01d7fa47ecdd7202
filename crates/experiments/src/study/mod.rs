//! A study: training sets compared by training the same network on each, with the same seeds.

mod checks;
mod run;

use crate::analysis::probes::Kind;
pub use crate::analysis::probes::Probed;
use crate::analysis::questions::Question;
use crate::analysis::results::{About, Results};
use crate::engine::arm::Arm;
use crate::engine::scoring::TrainedRun;
use crate::engine::sets::LabelledFeatures;
use crate::settings::{Protocol, Settings};

/// The stage of the runs.
pub(crate) const STAGE: &str = "training";
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
/// let points = |rows: std::ops::Range<usize>| {
///     let place = |(i, j)| ((rows.start + i) * 37 + j * 11) % 1009;
///     let features = Array2::from_shape_fn((rows.len(), 2), |index| place(index) as f32 / 1009.0);
///     let labels = features.rows().into_iter().map(|row| u16::from(row[0] > 0.5)).collect();
///     LabelledFeatures::new(features, labels)
/// };
/// let (few, many, test) = (points(0..20)?, points(0..200)?, points(200..700)?);
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
    baseline: Option<(LabelledFeatures, f64)>,
    /// What is asked of simple classifiers too.
    probes: Vec<(Kind, Question)>,
    threads: usize,
}

/// What a study has found so far.
pub struct Outcome {
    /// What is written to `results.json`.
    pub results: Results,
    /// For each arm, in order, the runs of the finished seeds, in order.
    pub runs: Vec<Vec<TrainedRun>>,
    /// The true class of each of the N test images.
    pub labels: Vec<u16>,
    /// What the probes said of them, once they were asked.
    pub probed: Vec<Probed>,
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
            baseline: None,
            probes: Vec::new(),
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

    /// Adds seeds until the questions are answered, up to `max_seeds` (3 to 100), by a rule that stays valid however often
    /// the results are looked at ([`mlprobe_stats::SequentialRule`]).
    #[must_use]
    pub fn until_decided(mut self, max_seeds: u64) -> Self {
        self.settings.protocol.seeds = (0..max_seeds).collect();
        self.settings.protocol.until_decided = true;
        self
    }

    /// Counts a difference in accuracy inside plus or minus `margin`, a fraction, as none; state it before the run. The
    /// default is what the test set can be expected to prove.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.settings.protocol.margin = Some(margin);
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
    #[expect(clippy::should_implement_trait, reason = "an arm joins a study; this is no sum")]
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
        self.baseline = Some((train.clone(), learning_rate));
        self
    }

    /// Also asks whether nearest neighbours are more accurate among the rows of arm `a` than among those of arm `b`, and decides
    /// by the same rules. A row that is there twice votes twice.
    #[must_use]
    pub fn probe_neighbours(mut self, a: &str, b: &str) -> Self {
        self.probes.push((Kind::NearestNeighbours, Question::accuracy(a, b)));
        self
    }

    /// Also asks whether logistic regression is more accurate when it is trained as arm `a` is than as arm `b` is, and decides
    /// by the same rules.
    #[must_use]
    pub fn probe_logistic(mut self, a: &str, b: &str) -> Self {
        self.probes.push((Kind::LogisticRegression, Question::accuracy(a, b)));
        self
    }

    /// Sets how many runs train at a time; 0, the default, is one per core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
}
