//! Which run starts next: as many at a time as there are threads, seed by seed, and never more than two
//! whose training set was made for their seed, since those are the large ones in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

/// How many training sets that follow from a seed may be alive at a time: the one in use, and the next.
const SEEDED_AT_A_TIME: usize = 2;

/// One run to do. An earlier one in the order of the queue is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Job {
    /// Index of the seed.
    pub seed: usize,
    /// Index of the arm.
    pub arm: usize,
    seeded: bool,
}

/// The runs not yet started, and how many are under way.
pub(crate) struct Queue {
    waiting: Vec<Job>,
    threads: usize,
    running: usize,
    seeded: usize,
}

impl Queue {
    /// All arms of the first seed, then all arms of the second, and so on. `arms` says of each arm whether
    /// its training set follows from the seed.
    pub(crate) fn new(seeds: usize, arms: &[bool], threads: usize) -> Self {
        let waiting = (0..seeds)
            .flat_map(|seed| arms.iter().enumerate().map(move |(arm, &seeded)| Job { seed, arm, seeded }))
            .collect();
        Self { waiting, threads, running: 0, seeded: 0 }
    }

    /// The next run to start now of those that are `wanted`, if one may: a run that must wait for memory lets later ones pass.
    pub(crate) fn start(&mut self, wanted: impl Fn(&Job) -> bool) -> Option<Job> {
        if self.running == self.threads {
            return None;
        }
        let free = |job: &Job| wanted(job) && (!job.seeded || self.seeded < SEEDED_AT_A_TIME);
        let job = self.waiting.remove(self.waiting.iter().position(free)?);
        self.running += 1;
        self.seeded += usize::from(job.seeded);
        Some(job)
    }

    /// Notes that a started run has ended.
    pub(crate) fn end(&mut self, job: Job) {
        self.running -= 1;
        self.seeded -= usize::from(job.seeded);
    }

    /// Whether no run is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.running == 0
    }
}

/// Does `work` for the jobs of `queue`, each on a thread of its own, and starts those that are then still `wanted`. On this
/// thread, `finished` is called with what came of each job, after the threads that are free have got their next one.
pub(crate) fn for_each_job<T: Send>(
    mut queue: Queue,
    work: impl Fn(Job) -> T + Sync,
    wanted: impl Fn(&Job) -> bool,
    mut finished: impl FnMut(Job, thread::Result<T>),
) {
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let (work, mut last) = (&work, None);
        loop {
            while let Some(job) = queue.start(&wanted) {
                let sender = sender.clone();
                scope.spawn(move || {
                    let result = catch_unwind(AssertUnwindSafe(|| work(job)));
                    // Nobody listens any more only if `finished` has panicked.
                    let _ = sender.send((job, result));
                });
            }
            if let Some((job, result)) = last.take() {
                finished(job, result);
            }
            if queue.is_idle() {
                break;
            }
            last = receiver.recv().ok();
            if let Some((job, _)) = last {
                queue.end(job);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(queue: &mut Queue) -> Vec<(usize, usize)> {
        std::iter::from_fn(|| queue.start(|_| true)).map(|job| (job.seed, job.arm)).collect()
    }

    #[test]
    fn runs_start_seed_by_seed_one_a_thread() {
        let mut queue = Queue::new(2, &[false, true], 3);
        assert_eq!(started(&mut queue), [(0, 0), (0, 1), (1, 0)]);
        queue.end(Job { seed: 0, arm: 0, seeded: false });
        assert_eq!(started(&mut queue), [(1, 1)]);
    }

    #[test]
    fn every_job_is_done_once_and_reported_on_the_callers_thread() {
        for threads in [1, 3, 16] {
            let caller = thread::current().id();
            let mut done = Vec::new();
            for_each_job(
                Queue::new(4, &[false, true], threads),
                |job| (job.seed * 2 + job.arm, thread::current().id() != caller),
                |_| true,
                |job, result| {
                    let (number, elsewhere) = result.unwrap();
                    assert_eq!((number, elsewhere), (job.seed * 2 + job.arm, true));
                    assert_eq!(thread::current().id(), caller);
                    done.push(number);
                },
            );
            done.sort_unstable();
            assert_eq!(done, [0, 1, 2, 3, 4, 5, 6, 7], "{threads} threads");
        }
    }

    #[test]
    fn no_job_starts_once_stopped() {
        let mut done = 0;
        let stop = std::cell::Cell::new(false);
        let finished = |_, _: thread::Result<()>| {
            done += 1;
            stop.set(true);
        };
        for_each_job(Queue::new(5, &[false], 1), |_| (), |_| !stop.get(), finished);
        assert_eq!(done, 2); // the second had started when the first was reported
    }

    #[test]
    fn a_panic_is_reported_and_the_others_go_on() {
        let mut results = Vec::new();
        for_each_job(
            Queue::new(3, &[false], 1),
            |job| assert_ne!(job.seed, 1, "on purpose"),
            |_| true,
            |job, result| results.push((job.seed, result.is_ok())),
        );
        assert_eq!(results, [(0, true), (1, false), (2, true)]);
    }

    #[test]
    fn two_seeded_sets_at_most_are_alive_and_others_pass_them() {
        let mut queue = Queue::new(3, &[true, false], 16);
        assert_eq!(started(&mut queue), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)]);
        assert!(!queue.is_idle());
        queue.end(Job { seed: 1, arm: 0, seeded: true });
        assert_eq!(started(&mut queue), [(2, 0)]);
    }
}
