//! Rows that follow from a seed: prepared before any training, and never more than two sets in memory.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mlprobe_experiments::{Arm, Event, LabelledFeatures, Progress, Result, SeededRows, Session, Study};

use crate::common::{protocol, set};

/// Notes when it is prepared, and how many sets are loaded.
struct Watched<'a> {
    name: &'static str,
    log: &'a Mutex<Vec<String>>,
    alive: &'a AtomicI64,
    most: &'a AtomicI64,
}

impl SeededRows for Watched<'_> {
    fn rows(&self) -> usize {
        30
    }

    fn prepare(&self, seed: u64, _: &Session<'_>) -> Result<()> {
        self.log.lock().unwrap().push(format!("prepare {} {seed}", self.name));
        Ok(())
    }

    fn load(&self, seed: u64, _: usize, _: &Session<'_>) -> Result<LabelledFeatures> {
        self.log.lock().unwrap().push(format!("load {} {seed}", self.name));
        let alive = self.alive.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(alive, Ordering::SeqCst);
        // Long enough for every thread that may start another such run to do so.
        std::thread::sleep(Duration::from_millis(20));
        Ok(set(30, seed as usize))
    }
}

#[test]
fn all_rows_are_prepared_before_any_training_and_two_sets_at_most_are_alive() {
    let (log, alive, most) = (Mutex::default(), AtomicI64::new(0), AtomicI64::new(0));
    let watched = |name| Watched { name, log: &log, alive: &alive, most: &most };
    let observer = |event: Event<'_>| {
        match event {
            Event::StageStarted { stage, .. } => log.lock().unwrap().push(format!("stage {stage}")),
            // The set of this run is dropped right after, before its place is given to another one.
            Event::RunFinished { arm, .. } if arm != "plain" => {
                alive.fetch_sub(1, Ordering::SeqCst);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    };
    Study::new(&set(90, 1))
        .protocol(protocol(0..4, 3))
        .add(Arm::new("plain", 0.1).with(&set(30, 0)))
        .add(Arm::new("copies", 0.1).with(&set(30, 0)).with_seeded(watched("copies")))
        .add(Arm::new("others", 0.1).with_seeded(watched("others")))
        .threads(16)
        .run_in(&Session::new(Progress::new(&observer)), |_| Ok(()))
        .unwrap();

    let log = log.into_inner().unwrap();
    let expected: Vec<_> =
        (0..4).flat_map(|seed| ["copies", "others"].map(|arm| format!("prepare {arm} {seed}"))).collect();
    assert_eq!(log[..8], expected, "once for each seed, in order");
    assert_eq!(log[8], "stage training");
    assert_eq!(log[9..].iter().filter(|entry| entry.starts_with("load ")).count(), 8);
    assert_eq!(most.into_inner(), 2, "as many as may be, with 16 threads");
}
