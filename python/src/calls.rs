//! How a call computes: without the GIL, on threads of its own, and with an ear for Ctrl-C.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mlprobe_experiments::{Event, Observer};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::IntoPyErr;

/// A piece of work between two looks at the signals takes about this long.
const PIECE: Duration = Duration::from_millis(250);
/// The time from one look at the signals to the next.
const TICK: Duration = Duration::from_millis(50);

/// The threads of one call; 0 means one per core.
///
/// Each call has its own, which takes a fraction of a millisecond. So there is no pool whose threads are missing after a
/// `fork`, and calls from several Python threads do not wait for each other.
pub fn pool(threads: usize) -> PyResult<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(threads).build().map_err(IntoPyErr::into_py)
}

/// How many items the next piece of a long work has, so that it takes about [`PIECE`].
pub struct Pace {
    items: usize,
    most: usize,
}

impl Pace {
    /// Begins with so many items, such as one per thread; a piece never has more than `most`.
    pub fn new(items: usize, most: usize) -> Self {
        let most = most.max(1);
        Self { items: items.clamp(1, most), most }
    }

    /// Items of the next piece.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Does `work`, a piece of so many items.
    pub fn piece<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let seconds = start.elapsed().as_secs_f64().max(1e-6);
        let factor = (PIECE.as_secs_f64() / seconds).clamp(0.25, 4.0);
        self.items = ((self.items as f64 * factor) as usize).clamp(1, self.most);
        result
    }
}

/// Does `work` on `threads` threads, without the GIL. A signal ends the call at once and sets the flag that `work` is given;
/// `work` then comes to its end for nobody.
pub fn abandonable<T: Send + 'static>(
    py: Python<'_>,
    threads: usize,
    work: impl FnOnce(&Arc<AtomicBool>) -> T + Send + 'static,
) -> PyResult<T> {
    let pool = pool(threads)?;
    py.detach(|| {
        let (sender, done) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let worker = thread::spawn(move || {
            let _ = sender.send(pool.install(|| work(&flag))); // nobody listens any more after a signal
        });
        loop {
            match done.recv_timeout(TICK) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())
                    .inspect_err(|_| stop.store(true, Ordering::Relaxed))?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(match worker.join() {
                        Err(panic) => resume_unwind(panic),
                        Ok(()) => {
                            PyRuntimeError::new_err("the work ended without a result; please report this")
                        }
                    });
                }
            }
        }
    })
}

/// Does `work` on the threads of `pool`, without the GIL, and calls `at_tick` again and again until it is done. A signal, such
/// as that of Ctrl-C, sets the flag that `work` is given; its exception is returned once `work` has come to its end.
pub fn stoppable<T: Send>(
    py: Python<'_>,
    pool: &ThreadPool,
    work: impl FnOnce(&AtomicBool) -> T + Send,
    mut at_tick: impl FnMut(Python<'_>) -> PyResult<()> + Send,
) -> PyResult<T> {
    let stop = AtomicBool::new(false);
    let (result, interruption) = py.detach(|| {
        thread::scope(|scope| {
            let (sender, done) = channel::<()>();
            let worker = scope.spawn(|| {
                let _sender = sender; // goes when the work is done or has panicked
                pool.install(|| work(&stop))
            });
            let mut interruption = None;
            let mut is_working = true;
            while is_working {
                is_working = matches!(done.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
                let looked = Python::attach(|py| py.check_signals().and_then(|()| at_tick(py)));
                if let Err(error) = looked {
                    stop.store(true, Ordering::Relaxed);
                    interruption.get_or_insert(error);
                }
            }
            (worker.join().unwrap_or_else(|panic| resume_unwind(panic)), interruption)
        })
    });
    interruption.map_or(Ok(result), Err)
}

/// A stage of a study as the progress display has it.
#[derive(Clone, Copy, Default, PartialEq)]
struct Stage {
    done: u64,
    total: u64,
    unit: &'static str,
    is_finished: bool,
}

/// Does `work` on `threads` threads, without the GIL. Its observer breaks off, and its flag is set, once a signal is
/// pending, such as that of Ctrl-C. `progress` is called with stage, units done, units in all and their name.
pub fn in_study<T: Send>(
    py: Python<'_>,
    threads: usize,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Observer<'_>, &AtomicBool) -> mlprobe_experiments::Result<T> + Send,
) -> PyResult<T> {
    let progress: Option<Py<PyAny>> = progress.map(|callback| callback.clone().unbind());
    let (stages, mut shown) = (Mutex::new(BTreeMap::new()), BTreeMap::new());
    let work = |stop: &AtomicBool| {
        let observer = |event: Event<'_>| {
            note(&mut stages.lock().unwrap_or_else(PoisonError::into_inner), event);
            match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        work(&observer, stop)
    };
    let at_tick = |py: Python<'_>| {
        let stages = stages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        show(py, progress.as_ref(), &stages, &mut shown)
    };
    stoppable(py, &pool(threads)?, work, at_tick)?.map_err(IntoPyErr::into_py)
}

fn note(stages: &mut BTreeMap<String, Stage>, event: Event<'_>) {
    let mut change =
        |stage: &str, change: &dyn Fn(&mut Stage)| change(stages.entry(stage.to_owned()).or_default());
    match event {
        Event::StageStarted { stage, total, unit } => {
            change(stage, &|entry| *entry = Stage { total, unit, ..Stage::default() });
        }
        Event::Advanced { stage, amount } | Event::RunResumed { stage, amount, .. } => {
            change(stage, &|entry| entry.done += amount);
        }
        Event::StageFinished { stage, .. } => change(stage, &|entry| {
            entry.is_finished = true;
            entry.done = entry.total;
        }),
        _ => {}
    }
}

/// Calls `progress` for what has changed.
fn show(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    stages: &BTreeMap<String, Stage>,
    shown: &mut BTreeMap<String, Stage>,
) -> PyResult<()> {
    let Some(progress) = progress else { return Ok(()) };
    for (name, stage) in stages {
        if shown.get(name) != Some(stage) {
            shown.insert(name.clone(), *stage);
            progress.call1(py, (name, stage.done, stage.total, stage.unit))?;
        }
    }
    Ok(())
}
