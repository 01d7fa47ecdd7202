//! Drives the whole study.
fn main() {}
