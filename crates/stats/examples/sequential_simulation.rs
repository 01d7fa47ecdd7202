//! Prints the table of `docs/sequential.md`: how often the sequential rule is wrong, and how many seeds it takes.
//!
//! `cargo run --release -p mlprobe-stats --example sequential_simulation [STUDIES]`, 10,000 studies per scenario by default.

#[path = "../tests/studies/mod.rs"]
mod studies;

use studies::{MAX_SEEDS, SCENARIOS};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    println!("{count} studies per scenario, shares in per cent, at most {MAX_SEEDS} seeds.\n");
    println!(
        "| scenario | difference | margin | better | worse | equivalent | undecided | false | false at any look | \
         seeds | fixed: decided | fixed: false |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for scenario in SCENARIOS {
        let outcome = scenario.run(count)?;
        let shares = outcome.answers.map(|share| format!("{:.2}", 100.0 * share)).join(" | ");
        println!(
            "| {} | {:.2} | {:.2} | {shares} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            scenario.name,
            scenario.difference,
            scenario.margin,
            100.0 * outcome.wrong,
            100.0 * outcome.ever_wrong,
            outcome.seeds,
            100.0 * outcome.fixed_decided,
            100.0 * outcome.fixed_wrong,
        );
    }
    Ok(())
}
