//! Independent runs, each on one thread of its own.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;
use crate::progress::Progress;

/// `work` on each of `items`, `threads` at a time; results in the order of the items. `None` if one was not finished;
/// the first error if there are any, after which no more items are begun and runs under way stop.
///
/// These are no threads of a rayon pool: there, a batch would be shared out over the others, and a thread that
/// waits for it would begin another item meanwhile.
pub(super) fn map_on_threads<I: Sync, T: Send>(
    threads: usize,
    items: &[I],
    progress: &Progress<'_>,
    work: impl Fn(&I) -> Result<Option<T>> + Sync,
) -> Result<Option<Vec<T>>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = Vec::new();
        while !progress.stopped() {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { break };
            let result = work(item);
            if result.is_err() {
                progress.stop();
            }
            results.push((i, result));
        }
        results
    };
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(items.len())).map(|_| scope.spawn(worker)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    results.sort_by_key(|&(i, _)| i);
    let finished = results.into_iter().map(|(_, result)| result).collect::<Result<Option<Vec<T>>>>()?;
    Ok(finished.filter(|finished| finished.len() == items.len()))
}
