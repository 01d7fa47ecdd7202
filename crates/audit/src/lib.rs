#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod audit;
mod duplicates;
mod error;
mod folds;
mod groups;
mod label_errors;
mod rows;
mod whitening;

pub use audit::{Audit, Counts, SUREST, Side};
pub use duplicates::{
    CERTAIN, CONTRAST, DEFAULT_THRESHOLD, MOST_PER_ROW, Pair, SHRINKAGE, near_duplicates, nearest_rows,
};
pub use error::{Error, Result};
pub use groups::{Crossing, OneSided, classes_on_one_side, crossing};
pub use label_errors::{REPEATS, Suspect, confident_suspects, label_errors, out_of_fold_probabilities};
pub use rows::{Kept, LeftOut};
pub use whitening::Whitening;
