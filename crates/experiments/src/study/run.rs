//! How a study is run: seeds in batches, results after each seed, an arm that diverges left out.

use std::ops::ControlFlow;

use mlprobe_stats::{Answer as Decision, FEWEST_SEEDS, SequentialRule};

use super::{Outcome, STAGE, Study};
use crate::analysis::analyse::{Plan, analyse, rules};
use crate::analysis::arms::ArmResults;
use crate::analysis::baselines::{Baseline, Training, baselines};
use crate::analysis::probes::{Kind, Probing};
use crate::analysis::questions::Question;
use crate::analysis::results::{ArmNote, Diverged, Results, SCHEMA};
use crate::engine::arm::Arm;
use crate::engine::progress::{Event, Progress};
use crate::engine::scoring::Scoring;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::engine::{Engine, or_one_per_core};
use crate::error::{Error, Result};

impl Study<'_> {
    /// Trains every arm with every seed, and reports to nobody.
    ///
    /// # Errors
    /// As [`run_in`](Self::run_in).
    pub fn run(&self) -> Result<Outcome> {
        self.run_in(&Session::new(Progress::silent()), |_| Ok(()))
    }

    /// Trains every arm with every seed. Whenever all arms have finished one more seed, in the order of the seeds,
    /// `after_seed` is called with everything so far; it may write it down. Where `session` has checkpoints, every run resumes
    /// from where an earlier start left it. An arm that diverges is left out and named in the results; the others are run
    /// to the end. With probes, `after_seed` is called once more, when they are answered.
    ///
    /// # Errors
    /// [`Error::Argument`] before anything is run; [`Error::Stopped`] if the observer asked to stop; [`Error::Training`] if
    /// every arm diverged, after `after_seed` was given what there is; else the first error of a run or of `after_seed`, once the other runs have stopped.
    pub fn run_in(
        &self,
        session: &Session<'_>,
        mut after_seed: impl FnMut(&Outcome) -> Result<()>,
    ) -> Result<Outcome> {
        let notes = self.check()?;
        for ArmNote { arm, note, .. } in &notes {
            session.send(Event::Noted { arm, seed: self.settings.protocol.seeds[0], note });
        }
        let classes = self.classes();
        let threads = or_one_per_core(self.threads);
        let scored_at = self.settings.protocol.scored_at();
        let scoring = Scoring {
            test: &self.test,
            further: &self.further,
            classes: &classes,
            protocol: &self.settings.protocol,
            scored_at: &scored_at,
        };
        let mut diverged = Vec::new();
        let (baselines, failed) = self.baselines_of(scoring, threads, session)?;
        diverged.extend(failed.map(|error| left_out(error, session)).transpose()?);
        let mut arms: Vec<&Arm<'_>> = self.arms.iter().collect();
        loop {
            let mut outcome = self.empty_outcome(&arms, threads, &classes);
            outcome.results.baselines.clone_from(&baselines);
            outcome.results.diverged.clone_from(&diverged);
            outcome.results.notes.clone_from(&notes);
            match self.run_arms(&arms, scoring, &mut outcome, session, &mut after_seed) {
                Ok(()) => {
                    if !self.probes.is_empty() {
                        self.probe(&mut outcome, &arms, scoring, session)?;
                        after_seed(&outcome)?;
                    }
                    return Ok(outcome);
                }
                // The others resume from their checkpoints, if there are any.
                Err(error) if arms.len() > 1 => {
                    let failed = left_out(error, session)?;
                    arms.retain(|arm| arm.name() != failed.arm);
                    diverged.push(failed);
                }
                Err(error) => {
                    // What there is: the seeds that the last arm finished, or the names of those that diverged.
                    if let Some(failed) = Diverged::of(&error) {
                        outcome.results.diverged.push(failed);
                        if outcome.results.seeds_done == 0 {
                            outcome.results.arms.clear();
                            outcome.runs.clear();
                        }
                        after_seed(&outcome)?;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Trains one arm with one seed, and leaves it in the checkpoints of `session`: another start of this study, perhaps on
    /// another machine, that finds them there has this run already.
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
        self.check()?;
        self.check_name(arm)?;
        let classes = self.classes();
        let protocol = &self.settings.protocol;
        let scored_at = protocol.scored_at();
        let scoring = Scoring {
            test: &self.test,
            further: &self.further,
            classes: &classes,
            protocol,
            scored_at: &scored_at,
        };
        let arms: Vec<_> = self.arms.iter().filter(|other| other.name() == arm).collect();
        let hidden = &protocol.hidden;
        let prefix = "";
        let engine =
            Engine { stage: STAGE, arms: &arms, prefix, scoring, hidden, threads: 1, announce: true };
        let seeds = &[seed];
        let trained = engine.prepare(seeds, session)?
            && engine.run(seeds, session, |_| Ok(ControlFlow::Continue(())))?;
        match trained {
            true => Ok(()),
            false => Err(Error::Stopped { done: 0, planned: 1 }),
        }
    }

    /// Trains these arms with every seed.
    fn run_arms(
        &self,
        arms: &[&Arm<'_>],
        scoring: Scoring<'_>,
        outcome: &mut Outcome,
        session: &Session<'_>,
        after_seed: &mut impl FnMut(&Outcome) -> Result<()>,
    ) -> Result<()> {
        let protocol = &self.settings.protocol;
        let questions = self.questions(arms);
        let rule = protocol.until_decided.then(|| SequentialRule::new(protocol.seeds.len())).transpose()?;
        let plan = Plan {
            labels: self.test.labels(),
            further: self.further.iter().map(|(name, _)| name.as_str()).collect(),
            comparisons: self.pairs(arms)?,
            is_family: self.is_family,
            questions: &questions,
            sequential: rule.as_ref(),
        };
        let (threads, planned) = (or_one_per_core(self.threads), protocol.seeds.len());
        let engine = Engine {
            stage: STAGE,
            arms,
            prefix: "",
            scoring,
            hidden: &protocol.hidden,
            threads,
            announce: true,
        };
        for seeds in batches(&protocol.seeds, rule.is_some(), arms.len(), threads) {
            let is_whole = engine.prepare(seeds, session)?
                && engine.run(seeds, session, |runs| {
                    outcome.runs.iter_mut().zip(runs).for_each(|(arm, run)| arm.push(run));
                    analyse(&mut outcome.results, &outcome.runs, &plan)?;
                    let results = &mut outcome.results;
                    results.decided_early =
                        rule.is_some() && results.seeds_done < planned && is_decided(results);
                    results.stages = session.stages();
                    after_seed(outcome)?;
                    session.send(Event::SeedFinished { done: outcome.results.seeds_done, planned });
                    Ok(match outcome.results.decided_early {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    })
                })?;
            if !is_whole {
                return Err(Error::Stopped { done: outcome.results.seeds_done, planned });
            }
            if outcome.results.decided_early {
                break;
            }
        }
        Ok(())
    }

    /// Asks simple classifiers what was asked of the network. One whose training diverges is left out and named.
    fn probe(
        &self,
        outcome: &mut Outcome,
        arms: &[&Arm<'_>],
        scoring: Scoring<'_>,
        session: &Session<'_>,
    ) -> Result<()> {
        let protocol = &self.settings.protocol;
        let (done, planned) = (outcome.results.seeds_done, protocol.seeds.len());
        let rule = protocol.until_decided.then(|| SequentialRule::new(planned)).transpose()?;
        let rules = rules(&outcome.results, rule.as_ref());
        let threads = or_one_per_core(self.threads);
        let probing = Probing { seeds: &protocol.seeds[..done], scoring, threads, rules: &rules, session };
        for kind in [Kind::NearestNeighbours, Kind::LogisticRegression] {
            let asked = self.probes.iter().filter(|(of, _)| *of == kind);
            let questions: Vec<Question> = asked.map(|(_, question)| question.clone()).collect();
            match probing.answer(kind, &questions, arms) {
                Ok(Some(answers)) => outcome.results.probes.extend(answers),
                Ok(None) => return Err(Error::Stopped { done, planned }),
                Err(error) => outcome.results.diverged.push(left_out(error, session)?),
            }
        }
        outcome.results.stages = session.stages();
        Ok(())
    }

    /// The baselines, and the error of one that diverged.
    fn baselines_of(
        &self,
        scoring: Scoring<'_>,
        threads: usize,
        session: &Session<'_>,
    ) -> Result<(Vec<Baseline>, Option<Error>)> {
        let Some((train, learning_rate)) = &self.baseline else { return Ok((Vec::new(), None)) };
        let is_standardised = self.arms.iter().any(Arm::is_standardised);
        let training = Training { train, learning_rate: *learning_rate, is_standardised };
        let found = baselines(training, scoring, threads, session)?;
        found.ok_or(Error::Stopped { done: 0, planned: self.settings.protocol.seeds.len() })
    }

    /// The comparisons asked for, or of every arm with the first: effect and indices into `arms`. Those with an arm that was
    /// left out are left out too.
    pub(super) fn pairs(&self, arms: &[&Arm<'_>]) -> Result<Vec<(String, usize, usize)>> {
        if self.comparisons.is_empty() {
            let first = arms[0].name();
            let with_first = |(i, arm): (usize, &&Arm<'_>)| (format!("{} against {first}", arm.name()), i, 0);
            return Ok(arms.iter().enumerate().skip(1).map(with_first).collect());
        }
        let mut pairs = Vec::new();
        for (effect, a, b) in &self.comparisons {
            [a, b].into_iter().try_for_each(|name| self.check_name(name))?;
            let index = |name: &String| arms.iter().position(|arm| arm.name() == name);
            pairs.extend(index(a).zip(index(b)).map(|(a, b)| (effect.clone(), a, b)));
        }
        Ok(pairs)
    }

    /// The questions asked, or of every arm whether it is more accurate than the one it is compared with.
    fn questions(&self, arms: &[&Arm<'_>]) -> Vec<Question> {
        if !self.questions.is_empty() {
            return self.questions.clone();
        }
        let with_first = |arm: &&Arm<'_>| Question::accuracy(arm.name(), arms[0].name());
        match self.comparisons.is_empty() {
            true => arms.iter().skip(1).map(with_first).collect(),
            false => self.comparisons.iter().map(|(_, a, b)| Question::accuracy(a, b)).collect(),
        }
    }

    fn empty_outcome(&self, arms: &[&Arm<'_>], threads: usize, classes: &[String]) -> Outcome {
        let arm = |arm: &&Arm<'_>| ArmResults {
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
            arms: arms.iter().map(arm).collect(),
            comparisons: Vec::new(),
            answers: Vec::new(),
            claims: Vec::new(),
            robustness: Vec::new(),
            costs: Vec::new(),
            baselines: Vec::new(),
            probes: Vec::new(),
            notes: Vec::new(),
            diverged: Vec::new(),
            decided_early: false,
            stages: Vec::new(),
        };
        results.about.machine.threads = threads;
        results.about.dataset.classes = classes.to_vec();
        results.about.dataset.test_images = self.test.len();
        results.about.dataset.dim = self.test.dim();
        Outcome { results, runs: arms.iter().map(|_| Vec::new()).collect() }
    }

    /// The names of the K classes: those that were given, or numbers.
    pub(super) fn classes(&self) -> Vec<String> {
        let given = &self.about.dataset.classes;
        let sets = self.arms.iter().flat_map(Arm::fixed).chain([&self.test]);
        let largest = sets.flat_map(LabelledFeatures::labels).max().copied().unwrap_or(0);
        match given.is_empty() {
            true => (0..=largest).map(|class| class.to_string()).collect(),
            false => given.clone(),
        }
    }
}

/// The arm that diverged, of which the observer is told; any other error stays one.
fn left_out(error: Error, session: &Session<'_>) -> Result<Diverged> {
    let (Error::Training { source, .. }, Some(failed)) = (&error, Diverged::of(&error)) else {
        return Err(error);
    };
    session.send(Event::Diverged { arm: &failed.arm, seed: failed.seed, error: source });
    Ok(failed)
}

/// The seeds that are trained together: all of them, or, where a rule may end the run after any seed, first the three that it
/// needs and then as many as keep the threads busy.
fn batches(seeds: &[u64], may_end: bool, arms: usize, threads: usize) -> Vec<&[u64]> {
    if !may_end {
        return vec![seeds];
    }
    let (first, rest) = seeds.split_at(FEWEST_SEEDS.min(seeds.len()));
    std::iter::once(first).chain(rest.chunks(threads.div_ceil(arms.max(1)).max(1))).collect()
}

/// Whether every deciding question about accuracy, or about a gap of accuracies, has an answer.
fn is_decided(results: &Results) -> bool {
    let mut deciding =
        results.answers.iter().filter(|answer| answer.contrast.decides && !answer.contrast.measure.is_cost());
    results.seeds_done >= FEWEST_SEEDS && deciding.all(|answer| answer.answer != Decision::Undecided)
}
