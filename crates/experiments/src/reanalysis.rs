//! Answers derived again from a record, as when it was written by an older version.

use mlprobe_stats::SequentialRule;

use crate::analysis::analyse::rules;
use crate::analysis::answers::{answer, claims};
use crate::analysis::comparison::correct;
use crate::analysis::questions::Question;
use crate::analysis::results::Results;
use crate::error::Result;
use crate::reproduction;
use crate::settings::Compared;

/// Derives answers, claims and corrected p-values again from the recorded runs and comparisons. The answers of probes stay, since
/// their runs are not recorded.
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
    let protocol = &results.settings.protocol;
    let rule = protocol.until_decided.then(|| SequentialRule::new(protocol.seeds.len())).transpose()?;
    let rules = rules(results, rule.as_ref());
    let mut answers = Vec::new();
    for question in &questions {
        answers.extend(answer(question, &results.arms, &results.comparisons, None, epochs, &rules)?);
    }
    results.claims = claims(&questions, &answers);
    results.answers = answers;
    if is_reproduction { Ok(()) } else { correct(&mut results.comparisons) }
}
