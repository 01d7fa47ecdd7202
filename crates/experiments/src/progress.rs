//! What a study reports while it works: stages with their size, finished runs and seeds.
//!
//! The library prints nothing. It calls an observer, which may also ask the study to stop.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::checkpoints::Checkpoints;
use crate::results::Stage;

/// Something that happened in a study.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A stage has begun; stages may overlap.
    StageStarted {
        /// Its name, the same in every event of the stage.
        stage: &'a str,
        /// Its size in `unit`s.
        total: u64,
        /// What is counted, in the plural: "images", "updates".
        unit: &'static str,
    },
    /// A stage went on.
    Advanced {
        /// The stage's name.
        stage: &'a str,
        /// Units done since the last event.
        amount: u64,
    },
    /// A stage is done, possibly with fewer units than announced (what was cached is not counted).
    StageFinished {
        /// The stage's name.
        stage: &'a str,
        /// Wall-clock seconds since it began.
        seconds: f64,
    },
    /// A file of the feature cache was damaged; it has been set aside and its features extracted again.
    CacheRebuilt {
        /// The stage's name.
        stage: &'a str,
        /// The damaged file under its new name.
        set_aside: &'a Path,
    },
    /// A checkpoint was damaged; it has been set aside, and what it held is made again.
    CheckpointDamaged {
        /// The damaged file under its new name.
        set_aside: &'a Path,
    },
    /// An arm goes on with a seed where an earlier start of the program left it, maybe at its end.
    RunResumed {
        /// The stage's name.
        stage: &'a str,
        /// Units of the stage that were done before; no [`Advanced`](Self::Advanced) counts them.
        amount: u64,
        /// The arm's name.
        arm: &'a str,
        /// The run's seed.
        seed: u64,
        /// Epochs that were done before.
        epochs_done: usize,
        /// Epochs of the whole run.
        epochs: usize,
    },
    /// One arm was trained to the end with one seed.
    RunFinished {
        /// The arm's name.
        arm: &'a str,
        /// The run's seed.
        seed: u64,
        /// Test accuracy after the last epoch, a fraction.
        test_accuracy: f64,
    },
    /// A reader of a run's scores should know something.
    Noted {
        /// The arm's name.
        arm: &'a str,
        /// The run's seed.
        seed: u64,
        /// One sentence, and what to do.
        note: &'a str,
    },
    /// Every arm was trained with one more seed, and what was asked for after a seed has been done.
    SeedFinished {
        /// Complete seeds.
        done: usize,
        /// Planned seeds.
        planned: usize,
    },
}

/// Called for every [`Event`], from any thread; `Break` stops the study at the next epoch.
pub type Observer<'a> = dyn Fn(Event<'_>) -> ControlFlow<()> + Sync + 'a;

/// Passes events on to an observer, remembers whether it asked to stop, how long each stage took, and where checkpoints
/// are kept.
pub struct Progress<'a> {
    observer: &'a Observer<'a>,
    stopped: AtomicBool,
    stages: Mutex<Vec<Timing>>,
    /// Of earlier starts of the same study.
    earlier: Mutex<Vec<Stage>>,
    checkpoints: Option<Checkpoints>,
    /// All settings of the study under way.
    study: Mutex<Option<String>>,
}

struct Timing {
    name: String,
    start: Instant,
    seconds: Option<f64>,
}

impl<'a> Progress<'a> {
    /// Reports to `observer`.
    pub fn new(observer: &'a Observer<'a>) -> Self {
        Self {
            observer,
            stopped: AtomicBool::new(false),
            stages: Mutex::default(),
            earlier: Mutex::default(),
            checkpoints: None,
            study: Mutex::default(),
        }
    }

    /// Keeps checkpoints, so that a study goes on where an earlier start left it, to the same results bit for bit.
    #[must_use]
    pub fn with_checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Reports to nobody.
    pub fn silent() -> Self {
        Self::new(&|_| ControlFlow::Continue(()))
    }

    /// Sends one event.
    pub fn send(&self, event: Event<'_>) {
        if (self.observer)(event).is_break() {
            self.stop();
        }
    }

    /// Whether the work is to end early.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the work early: runs stop at their next epoch.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Runs `work` as a stage of `total` units. `work` is given a function that it calls with the number
    /// of units just done.
    pub fn stage<T>(
        &self,
        name: &str,
        total: u64,
        unit: &'static str,
        work: impl FnOnce(&(dyn Fn(u64) + Sync)) -> T,
    ) -> T {
        self.send(Event::StageStarted { stage: name, total, unit });
        let start = Instant::now();
        let index = {
            let mut timings = locked(&self.stages);
            timings.push(Timing { name: name.to_owned(), start, seconds: None });
            timings.len() - 1
        };
        let result = work(&|amount| self.send(Event::Advanced { stage: name, amount }));
        let seconds = start.elapsed().as_secs_f64();
        locked(&self.stages)[index].seconds = Some(seconds);
        self.send(Event::StageFinished { stage: name, seconds });
        result
    }

    /// The stages begun so far, in that order; of one that is not finished, the seconds until now. Seconds of earlier
    /// starts of the same study are included.
    pub fn stages(&self) -> Vec<Stage> {
        let mut stages = locked(&self.earlier).clone();
        for Timing { name, start, seconds } in locked(&self.stages).iter() {
            let seconds = seconds.unwrap_or_else(|| start.elapsed().as_secs_f64());
            match stages.iter_mut().find(|stage| stage.name == *name) {
                Some(stage) => stage.seconds += seconds,
                None => stages.push(Stage { name: name.clone(), seconds }),
            }
        }
        stages
    }

    pub(crate) fn checkpoints(&self) -> Option<&Checkpoints> {
        self.checkpoints.as_ref()
    }

    pub(crate) fn set_earlier_stages(&self, stages: Vec<Stage>) {
        *locked(&self.earlier) = stages;
    }

    /// The settings of the study under way, where checkpoints are kept.
    pub(crate) fn study(&self) -> Option<String> {
        locked(&self.study).clone()
    }

    pub(crate) fn set_study(&self, settings: impl FnOnce() -> String) {
        *locked(&self.study) = self.checkpoints.is_some().then(settings);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_announced_advanced_finished_and_remembered() {
        let events = Mutex::new(Vec::new());
        let observer = |event: Event<'_>| {
            events.lock().unwrap().push(match event {
                Event::StageStarted { stage, total, unit } => format!("{stage} {total} {unit}"),
                Event::Advanced { stage, amount } => format!("{stage} +{amount}"),
                Event::StageFinished { stage, .. } => format!("{stage} done"),
                other => format!("{other:?}"),
            });
            ControlFlow::Continue(())
        };
        let progress = Progress::new(&observer);
        let answer = progress.stage("features", 3, "images", |advance| {
            advance(1);
            advance(2);
            42
        });
        assert_eq!(answer, 42);
        assert_eq!(
            *events.lock().unwrap(),
            ["features 3 images", "features +1", "features +2", "features done"]
        );
        assert_eq!(
            progress.stages().iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(),
            ["features"]
        );
        assert!(!progress.stopped());
    }

    #[test]
    fn break_is_remembered() {
        let progress = Progress::new(&|_| ControlFlow::Break(()));
        progress.send(Event::SeedFinished { done: 1, planned: 2 });
        assert!(progress.stopped());
    }
}
