//! Studies as their users meet them: the same bits whatever interrupts them, and folders that hold what they promise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

mod common;
mod draws;
mod knn;
mod numbers;
mod probes;
mod reproduction;
mod resume;
mod seeded;
mod start;
mod study;
mod tuned;
