//! The report in words, tables and figures, made from [`Results`](crate::Results) alone.

mod curves;
mod markdown;

pub use curves::learning_curves;
pub use markdown::markdown;
