//! How long the benchmark measures, on how many threads and in which precision.

use std::time::Duration;

use mlprobe_kernels::Precision;

#[derive(Clone, Copy)]
pub struct Effort {
    /// Small inputs, for a look at whether it works.
    pub quick: bool,
    pub threads: usize,
    /// Of our products, and of the peers that have it.
    pub precision: Precision,
    /// Pairs of measurements of ours and of a peer.
    pub pairs: usize,
    /// Length of one measurement.
    pub duration: Duration,
}
