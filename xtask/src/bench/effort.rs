//! How long the benchmark measures, and on how many threads.

use std::time::Duration;

#[derive(Clone, Copy)]
pub struct Effort {
    /// Small inputs, for a look at whether it works.
    pub quick: bool,
    pub threads: usize,
    /// Pairs of measurements of ours and of a peer.
    pub pairs: usize,
    /// Length of one measurement.
    pub duration: Duration,
}
