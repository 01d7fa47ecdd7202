//! What a study reports while it works: stages with their size, finished runs and seeds.
//!
//! The library prints nothing. It calls an observer, which may also ask the study to stop.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::notes::Note;

/// Something that happened in a study.
#[derive(Clone, Copy, Debug)]
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
    /// A stage advanced.
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
    /// A checkpoint was damaged; it has been set aside, and what it held is computed again.
    CheckpointDamaged {
        /// The damaged file under its new name.
        set_aside: &'a Path,
    },
    /// This very run was finished by an earlier start; nothing is computed.
    AlreadyFinished,
    /// The run was finished by an earlier start, but a file of it is missing or was changed; it is computed again.
    ResultDamaged {
        /// The first such file.
        path: &'a Path,
    },
    /// A run resumes from the checkpoint of an earlier start, perhaps at its end.
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
    /// The training of an arm diverged; the arm is left out, and the others are run to the end.
    Diverged {
        /// The arm's name.
        arm: &'a str,
        /// The run's seed.
        seed: u64,
        /// What happened, and what to do.
        error: &'a mlprobe_nn::Error,
    },
    /// A reader of a run's scores should know something.
    Noted {
        /// The arm's name; empty if it is about the test set.
        arm: &'a str,
        /// The run's seed.
        seed: u64,
        /// What there is to know.
        note: &'a Note,
    },
    /// Every arm was trained with one more seed, and the results so far have been handed over.
    SeedFinished {
        /// Complete seeds.
        done: usize,
        /// Planned seeds.
        planned: usize,
    },
}

/// Called for every [`Event`], from any thread; `Break` stops the study at the next epoch.
pub type Observer<'a> = dyn Fn(Event<'_>) -> ControlFlow<()> + Sync + 'a;

/// Passes events on to an observer, and remembers whether it asked to stop.
pub struct Progress<'a> {
    observer: &'a Observer<'a>,
    /// By the observer.
    stopped: AtomicBool,
    /// By the work itself, which has failed or needs no more runs.
    ended: AtomicBool,
}

impl<'a> Progress<'a> {
    /// Reports to `observer`.
    pub fn new(observer: &'a Observer<'a>) -> Self {
        Self { observer, stopped: AtomicBool::new(false), ended: AtomicBool::new(false) }
    }

    /// Reports to nobody.
    pub fn silent() -> Self {
        Self::new(&|_| ControlFlow::Continue(()))
    }

    /// Sends one event.
    pub fn send(&self, event: Event<'_>) {
        if (self.observer)(event).is_break() {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the work is to end early.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.ended.load(Ordering::Relaxed)
    }

    /// Ends the runs under way at their next epoch, or, with `false`, lets new ones begin unless the observer asked to stop.
    pub(crate) fn end(&self, ended: bool) {
        self.ended.store(ended, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn break_is_remembered() {
        let progress = Progress::new(&|_| ControlFlow::Break(()));
        assert!(!progress.stopped());
        progress.send(Event::SeedFinished { done: 1, planned: 2 });
        assert!(progress.stopped());
    }
}
