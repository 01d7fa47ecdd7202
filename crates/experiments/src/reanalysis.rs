//! Answers derived again from a record, as when it was written by an older version.

use crate::analysis::comparison::correct;
use crate::analysis::questions::{Question, answer, claims};
use crate::analysis::results::Results;
use crate::error::Result;
use crate::reproduction;
use crate::settings::Compared;

/// Derives answers, claims and corrected p-values again from the recorded runs and comparisons.
///
/// # Errors
/// [`Error::Statistics`](crate::Error::Statistics) if the record holds a p-value outside [0, 1].
pub fn reanalyse(results: &mut Results) -> Result<()> {
    let is_reproduction = matches!(results.settings.compared, Compared::Reproduction { .. });
    let questions = match is_reproduction {
        true => reproduction::questions(),
        false => results.final_comparisons().map(|c| Question::accuracy(&c.a, &c.b)).collect(),
    };
    let epochs = results.epochs();
    results.answers =
        questions.iter().filter_map(|question| answer(question, &results.arms, epochs)).collect();
    results.claims = claims(&results.answers);
    if is_reproduction { Ok(()) } else { correct(&mut results.comparisons) }
}
