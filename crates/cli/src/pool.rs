//! `mlprobe pool`: one answer from runs on several data sets.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use mlprobe_experiments::pool_runs;
use mlprobe_experiments::report::pool_markdown;
use mlprobe_experiments::results::read_results;
use serde_json::to_string_pretty;

use crate::output;

/// Does it help on other data sets too? Combines runs of the same study on several data sets
///
/// Each comparison that all runs have is pooled by a random-effects model, whose interval covers new data sets. Two data sets say
/// little about a population of data sets, and the interval shows it.
#[derive(Args)]
pub struct Arguments {
    /// Run folders, two or more
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// Also write the answer to this file, as Markdown
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(Arguments { runs, out, json }: Arguments) -> Result<()> {
    let runs =
        runs.iter().map(|run| Ok(read_results(run.join("results.json"))?)).collect::<Result<Vec<_>>>()?;
    let pooled = pool_runs(&runs)?;
    let text = pool_markdown(&pooled)?;
    if let Some(out) = out {
        mlprobe_files::write(&out, text.as_bytes()).with_context(|| format!("writing {}", out.display()))?;
    }
    output::write(&if json { to_string_pretty(&pooled)? + "\n" } else { text })
}
