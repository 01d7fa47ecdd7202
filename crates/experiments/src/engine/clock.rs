//! How long each stage of a run took, over all starts of the program.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// How long a part of the work took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// What was done.
    pub name: String,
    /// Wall-clock seconds, over all starts of the program.
    pub seconds: f64,
}

/// Measures stages, which may overlap.
#[derive(Default)]
pub(crate) struct Clock {
    /// Of earlier starts of the same run.
    earlier: Vec<Stage>,
    stages: Mutex<Vec<Timing>>,
}

struct Timing {
    name: String,
    start: Instant,
    seconds: Option<f64>,
}

impl Clock {
    /// A clock that adds to the stages of earlier starts.
    pub(crate) fn after(earlier: Vec<Stage>) -> Self {
        Self { earlier, stages: Mutex::default() }
    }

    /// Measures `work` as the stage `name`; also returns its seconds.
    pub(crate) fn measure<T>(&self, name: &str, work: impl FnOnce() -> T) -> (T, f64) {
        let start = Instant::now();
        let index = {
            let mut stages = self.stages();
            stages.push(Timing { name: name.to_owned(), start, seconds: None });
            stages.len() - 1
        };
        let result = work();
        let seconds = start.elapsed().as_secs_f64();
        self.stages()[index].seconds = Some(seconds);
        (result, seconds)
    }

    /// The stages begun so far, in that order; for one that is not finished, the seconds until now.
    pub(crate) fn read(&self) -> Vec<Stage> {
        let mut stages = self.earlier.clone();
        for Timing { name, start, seconds } in self.stages().iter() {
            let seconds = seconds.unwrap_or_else(|| start.elapsed().as_secs_f64());
            match stages.iter_mut().find(|stage| stage.name == *name) {
                Some(stage) => stage.seconds += seconds,
                None => stages.push(Stage { name: name.clone(), seconds }),
            }
        }
        stages
    }

    fn stages(&self) -> MutexGuard<'_, Vec<Timing>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_add_to_those_of_earlier_starts_in_the_order_of_their_beginning() {
        let clock = Clock::after(vec![Stage { name: "training".into(), seconds: 100.0 }]);
        let (answer, seconds) = clock.measure("features", || 42);
        clock.measure("training", || ());
        let stages = clock.read();
        assert_eq!(answer, 42);
        assert_eq!(
            stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(),
            ["training", "features"]
        );
        assert!(stages[0].seconds >= 100.0 && stages[1].seconds == seconds);
    }
}
