//! One start of a run: whom it reports to, how long its stages take, and where it keeps checkpoints.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::checkpoints::{Checkpoints, Found};
use crate::engine::clock::{Clock, Stage};
use crate::engine::progress::{Event, Progress};
use crate::error::Result;

/// The checkpoint with the seconds of each stage so far.
const STAGES: &str = "stages";

/// One start of a run.
///
/// ```
/// use mlprobe_experiments::{Progress, Session};
///
/// let session = Session::new(Progress::silent());
/// let answer = session.stage("counting", 2, "numbers", |advance| {
///     advance(2);
///     42
/// });
/// assert_eq!((answer, session.stages().len()), (42, 1));
/// ```
pub struct Session<'a> {
    progress: Progress<'a>,
    clock: Clock,
    checkpoints: Option<(Checkpoints, String)>,
}

impl<'a> Session<'a> {
    /// A start that keeps no checkpoints.
    pub fn new(progress: Progress<'a>) -> Self {
        Self { progress, clock: Clock::default(), checkpoints: None }
    }

    /// A start that resumes from `checkpoints` and keeps them; `run` names the run that they belong to. Seconds of earlier
    /// starts of the same run are counted.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the checkpoints cannot be read.
    pub fn resumable(progress: Progress<'a>, checkpoints: Checkpoints, run: &str) -> Result<Self> {
        let run = run.to_owned();
        let earlier = match checkpoints.load(STAGES, std::slice::from_ref(&run))? {
            Found::Whole(stages) => stages,
            Found::Nothing => Vec::new(),
            Found::Damaged(set_aside) => {
                progress.send(Event::CheckpointDamaged { set_aside: &set_aside });
                Vec::new()
            }
        };
        Ok(Self { progress, clock: Clock::after(earlier), checkpoints: Some((checkpoints, run)) })
    }

    /// Runs `work` as a stage of `total` units. `work` is given a function that it calls with the number of units just
    /// done.
    pub fn stage<T>(
        &self,
        name: &str,
        total: u64,
        unit: &'static str,
        work: impl FnOnce(&(dyn Fn(u64) + Sync)) -> T,
    ) -> T {
        self.send(Event::StageStarted { stage: name, total, unit });
        let advance = |amount| self.send(Event::Advanced { stage: name, amount });
        let (result, seconds) = self.clock.measure(name, || work(&advance));
        self.send(Event::StageFinished { stage: name, seconds });
        result
    }

    /// The stages begun so far with their seconds, those of earlier starts included.
    pub fn stages(&self) -> Vec<Stage> {
        self.clock.read()
    }

    /// Sends one event to the observer.
    pub fn send(&self, event: Event<'_>) {
        self.progress.send(event);
    }

    /// Whether the work is to end early.
    pub fn stopped(&self) -> bool {
        self.progress.stopped()
    }

    /// Ends the runs under way at their next epoch, or, with `false`, lets new ones begin unless the observer asked to stop.
    pub(crate) fn end(&self, ended: bool) {
        self.progress.end(ended);
    }

    /// What an earlier start saved as `name`, a file name, with content that follows from `parts`. A damaged file is
    /// reported, and is as good as none.
    pub(crate) fn load<T: DeserializeOwned>(&self, name: &str, parts: &[String]) -> Result<Option<T>> {
        let Some((checkpoints, _)) = &self.checkpoints else { return Ok(None) };
        match checkpoints.load(name, parts)? {
            Found::Whole(content) => Ok(Some(content)),
            Found::Nothing => Ok(None),
            Found::Damaged(set_aside) => {
                self.send(Event::CheckpointDamaged { set_aside: &set_aside });
                Ok(None)
            }
        }
    }

    /// Saves `content` under `name`, and the seconds of the stages so far.
    pub(crate) fn save(&self, name: &str, parts: &[String], content: &impl Serialize) -> Result<()> {
        let Some((checkpoints, run)) = &self.checkpoints else { return Ok(()) };
        checkpoints.save(name, parts, content)?;
        checkpoints.save(STAGES, std::slice::from_ref(run), &self.stages())
    }

    /// The time from one save of a run to the next; `None` without checkpoints.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.checkpoints.as_ref().map(|(checkpoints, _)| checkpoints.pause())
    }
}
