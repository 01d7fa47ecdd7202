//! The engine: every arm trained with every seed, in parallel, resumable, and handed over seed by seed.
//!
//! It knows training sets, recipes and seeds, and nothing of what is concluded from them.

pub(crate) mod arm;
pub(crate) mod checkpoints;
pub(crate) mod clock;
pub(crate) mod labels;
pub(crate) mod notes;
pub(crate) mod overlap;
pub(crate) mod progress;
mod queue;
pub(crate) mod rows;
pub(crate) mod scale;
pub(crate) mod scoring;
pub(crate) mod session;
pub(crate) mod sets;
pub(crate) mod standardisation;
pub(crate) mod subset;
mod training;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::thread;

use crate::error::{Error, Result};
use crate::settings::Protocol;
use arm::Arm;
use progress::Event;
use queue::{Job, Queue, for_each_job};
use rows::EpochRows;
use scoring::{Scoring, TrainedRun, as_divergence};
use session::Session;
use sets::LabelledFeatures;

/// What is trained and scored: the arms of a study with everything that they share.
pub(crate) struct Engine<'a> {
    /// The stage of the runs.
    pub stage: &'a str,
    pub arms: &'a [&'a Arm<'a>],
    /// What the runs are called before the name of the arm, where the arms have other runs in the same study.
    pub prefix: &'a str,
    pub scoring: Scoring<'a>,
    /// Widths of the hidden layers.
    pub hidden: &'a [usize],
    /// How many runs train at a time, at least 1.
    pub threads: usize,
    /// Whether the observer is told of every finished run and its notes.
    pub announce: bool,
}

impl Engine<'_> {
    /// Prepares all rows that follow from one of these `seeds`, which comes before [`run`](Self::run). Returns whether all are: not
    /// if the observer asked to stop.
    ///
    /// # Errors
    /// The first error of an arm's rows.
    pub(crate) fn prepare(&self, seeds: &[u64], session: &Session<'_>) -> Result<bool> {
        for &seed in seeds {
            for arm in self.arms {
                if session.stopped() {
                    return Ok(false);
                }
                arm.prepare(seed, session)?;
            }
        }
        Ok(true)
    }

    /// Trains every arm with each of these `seeds`, one thread each. Whenever all arms have finished one more seed, in the order of the seeds,
    /// `after_seed` gets its runs in the order of the arms; on `Break`, no further seed is handed over. Returns whether all
    /// were, or `after_seed` broke off: not if the observer asked to stop.
    ///
    /// # Errors
    /// The first error of a run or of `after_seed`, once the other runs have stopped. Where runs diverge, it is that of the first of
    /// them by seed and arm, whichever was the first in time: what is left out is the same for any number of threads.
    pub(crate) fn run(
        &self,
        seeds: &[u64],
        session: &Session<'_>,
        mut after_seed: impl FnMut(Vec<TrainedRun>) -> Result<ControlFlow<()>>,
    ) -> Result<bool> {
        let (mut pending, mut handed_over, mut decided) = (BTreeMap::new(), 0, false);
        let failed: RefCell<Option<(Job, Error)>> = RefCell::default();
        let per_seed: u64 = self.arms.iter().map(|arm| arm.updates_per_epoch(self.scoring.protocol)).sum();
        let updates = per_seed * (seeds.len() * self.scoring.protocol.epochs) as u64;
        session.stage(self.stage, updates, "updates", |_| {
            let seeded: Vec<bool> = self.arms.iter().map(|arm| arm.is_seeded()).collect();
            let train = |job: Job| self.train(job.arm, seeds[job.seed], session);
            let finished = |job: Job, run: thread::Result<Result<Option<TrainedRun>>>| {
                let run = run.unwrap_or_else(|panic| {
                    session.end(true);
                    resume_unwind(panic)
                });
                let taken = run.and_then(|run| {
                    let Some(run) = run else { return Ok(()) };
                    pending.insert((job.seed, job.arm), run);
                    while !decided
                        && let Some(runs) = take_whole_seed(&mut pending, handed_over, self.arms.len())
                    {
                        handed_over += 1;
                        decided = after_seed(runs)?.is_break();
                        if decided {
                            session.end(true);
                        }
                    }
                    Ok(())
                });
                if let Err(error) = taken {
                    if !error.is_divergence() {
                        session.end(true);
                    }
                    let mut failed = failed.borrow_mut();
                    if failed.as_ref().is_none_or(|(first, _)| job < *first) {
                        *failed = Some((job, error));
                    }
                }
            };
            // Runs before one that diverged may diverge too, or decide that it is not needed.
            let is_needed = |job: &Job| failed.borrow().as_ref().is_none_or(|(first, _)| job < first);
            for_each_job(
                Queue::new(seeds.len(), &seeded, self.threads),
                train,
                |job| !session.stopped() && is_needed(job),
                finished,
            );
        });
        session.end(false);
        match failed.into_inner() {
            Some((_, error)) if !decided => Err(error),
            _ => Ok(decided || handed_over == seeds.len()),
        }
    }

    fn train(&self, arm: usize, seed: u64, session: &Session<'_>) -> Result<Option<TrainedRun>> {
        let Self { stage, arms, prefix, scoring, hidden, .. } = *self;
        let arm = arms[arm];
        let name = &format!("{prefix}{}", arm.name());
        let mut rows = EpochRows::new(arm, seed, scoring.test.dim(), scoring.protocol.subset, session)?;
        let failed = Error::training(name, seed);
        let settings = (hidden, arm.hyperparameters(scoring.protocol).map_err(failed)?);
        let run = match rows.standardisation().cloned() {
            None => scoring.run(stage, (name, seed), &mut rows, settings, session)?,
            Some(standardisation) => {
                let scale = |set: &LabelledFeatures| standardisation.apply_to(set);
                let test = scale(scoring.test)?;
                let scale_further =
                    |(name, set): &(String, LabelledFeatures)| Ok((name.clone(), scale(set)?));
                let further = scoring.further.iter().map(scale_further).collect::<Result<Vec<_>>>()?;
                let scoring = Scoring { test: &test, further: &further, ..scoring };
                let run = scoring.run(stage, (name, seed), &mut rows, settings, session)?;
                let fold = |run: TrainedRun| {
                    let (epoch, updates) =
                        run.record.history.last().map_or((0, 0), |last| (last.epoch, last.updates));
                    // Weights may be finite and, divided by a small deviation, no longer be.
                    let model = standardisation.fold(&run.model).map_err(|error| {
                        let error = as_divergence(error, epoch, updates, arm.learning_rate());
                        Error::training(name, seed)(error)
                    })?;
                    Ok::<_, Error>(TrainedRun { model, ..run })
                };
                run.map(fold).transpose()?
            }
        };
        if let Some(run) = run.as_ref().filter(|_| self.announce) {
            for note in &run.notes {
                session.send(Event::Noted { arm: arm.name(), seed, note });
            }
            let test_accuracy = run.record.test_accuracy;
            session.send(Event::RunFinished { arm: arm.name(), seed, test_accuracy });
        }
        Ok(run)
    }
}

/// The runs of the seed with this index, if every arm has finished it.
fn take_whole_seed(
    pending: &mut BTreeMap<(usize, usize), TrainedRun>,
    seed: usize,
    arms: usize,
) -> Option<Vec<TrainedRun>> {
    let is_whole = (0..arms).all(|arm| pending.contains_key(&(seed, arm)));
    is_whole.then(|| (0..arms).filter_map(|arm| pending.remove(&(seed, arm))).collect())
}

/// A number of threads, where 0 means one per core.
pub(crate) fn or_one_per_core(threads: usize) -> usize {
    match threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        _ => threads,
    }
}

/// All sets have the test set's D, and labels below K.
pub(crate) fn check_sets<'s>(
    test: &'s LabelledFeatures,
    classes: usize,
    sets: impl IntoIterator<Item = (String, &'s LabelledFeatures)>,
) -> Result<()> {
    let problem = |expected: String, actual: String, next| {
        Err(Error::Argument { operation: "planning the runs", expected, actual, next })
    };
    for (name, set) in [("the test set".to_owned(), test)].into_iter().chain(sets) {
        if set.dim() != test.dim() {
            let expected = format!("{} features per row, as in the test set", test.dim());
            return problem(expected, format!("{} in {name}", set.dim()), "make every set in the same way");
        }
        if let Some(row) = set.labels().iter().position(|&label| usize::from(label) >= classes) {
            let actual = format!("{} in row {row} of {name}", set.labels()[row]);
            let expected = format!("labels 0 to {}, for {classes} classes", classes.saturating_sub(1));
            return problem(expected, actual, "name every class");
        }
    }
    Ok(())
}

/// The protocol can be run with these arms.
pub(crate) fn check_arms(protocol: &Protocol, arms: &[Arm<'_>]) -> Result<()> {
    protocol.check()?;
    let problem = |expected: &str, actual: String, next| {
        let expected = expected.to_owned();
        Err(Error::Argument { operation: "planning the runs", expected, actual, next })
    };
    let mut names: Vec<_> = arms.iter().map(|arm| arm.name().to_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() || names.len() != arms.len() {
        let actual = format!("{} arms with {} names", arms.len(), names.len());
        return problem(
            "one or more arms whose names differ in more than case",
            actual,
            "name each arm once",
        );
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_bad = |arm: &&Arm<'_>| arm.name().is_empty() || !arm.name().chars().all(good);
    if let Some(arm) = arms.iter().find(is_bad) {
        let expected = "arm names of letters, digits, '-', '_' and '.', since they name files";
        return problem(expected, format!("{:?}", arm.name()), "rename the arm");
    }
    if let Some(arm) = arms.iter().find(|arm| arm.rows() == 0) {
        return problem(
            "training rows in every arm",
            format!("none in arm `{}`", arm.name()),
            "add rows to it",
        );
    }
    Ok(())
}
