//! Reports as their readers meet them, and results read back from older versions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

mod audit;
mod common;
mod diverged;
mod page;
mod pooling;
mod reading;
mod text;
