//! Gathers finished runs, in whatever order they come, into seeds that every arm has finished.

use std::collections::BTreeMap;

use crate::analysis::{Plan, analyse};
use crate::error::Result;
use crate::progress::{Event, Progress};
use crate::queue::Job;
use crate::study::Outcome;
use crate::train::TrainedRun;

/// The outcome so far, and the runs of seeds that are not complete.
pub(crate) struct Collector<'a, F> {
    pub outcome: Outcome,
    pub plan: Plan<'a>,
    pub progress: &'a Progress<'a>,
    /// Called when one more seed is complete.
    pub after_seed: F,
    /// By seed and arm.
    pub pending: BTreeMap<(usize, usize), TrainedRun>,
}

impl<F: FnMut(&Outcome) -> Result<()>> Collector<'_, F> {
    /// Takes a finished run; hands over the seeds that are complete with it, in the order of the seeds.
    pub(crate) fn add(&mut self, job: Job, run: TrainedRun) -> Result<()> {
        self.pending.insert((job.seed, job.arm), run);
        while self.take_whole_seed() {
            let Outcome { results, runs } = &mut self.outcome;
            analyse(results, runs, &self.plan)?;
            results.stages = self.progress.stages();
            let (done, planned) = (results.seeds_done, results.protocol.seeds.len());
            (self.after_seed)(&self.outcome)?;
            self.progress.send(Event::SeedFinished { done, planned });
        }
        Ok(())
    }

    /// Moves the next seed to the outcome, if every arm has finished it.
    fn take_whole_seed(&mut self) -> bool {
        let Outcome { results, runs } = &mut self.outcome;
        let seed = results.seeds_done;
        let whole = (0..runs.len()).all(|arm| self.pending.contains_key(&(seed, arm)));
        if whole {
            for (arm, runs) in runs.iter_mut().enumerate() {
                runs.extend(self.pending.remove(&(seed, arm)));
            }
        }
        whole
    }
}
