//! Reports: one model of what there is to say, rendered by templates that hold all of the words.

mod audit;
mod curves;
mod figures;
mod format;
mod growth;
mod markdown;
mod model;
mod page;
mod pictures;
#[cfg(test)]
mod sentences;
mod templates;

pub use audit::AuditPage;
pub use curves::learning_curves;
pub use growth::growth_figure;
pub use markdown::{curve_markdown, markdown, plan_text, pool_markdown, summary, tuned_markdown};
pub use page::Page;
pub use pictures::Pictures;
