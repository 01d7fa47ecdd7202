//! The record of a measurement: as a page for readers, and as JSON with every number.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use mlprobe_experiments::results::Machine;
use mlprobe_kernels::{Isa, Precision};
use serde::{Serialize, Serializer};

use super::compare::{Measured, Outcome, median};
use super::effort::Effort;
use super::scaling::Growth;
use super::whole_study::WholeStudy;
use crate::paths;

#[derive(Serialize)]
pub struct Record {
    about: About,
    /// FLOP/s in f32 of one core, and of all threads at once.
    peak_alone: f64,
    peak: f64,
    pub stages: Vec<Measured>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_study: Option<WholeStudy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scaling: Vec<Growth>,
    /// Lines about the Python package.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub python: Vec<String>,
}

/// What somebody needs to know to judge or repeat the figures.
#[derive(Serialize)]
pub struct About {
    command: String,
    date: String,
    commit: String,
    compiler: String,
    cpu: String,
    cores: usize,
    threads: usize,
    #[serde(rename = "instruction_set", serialize_with = "name_of")]
    isa: Isa,
    /// Those that products could use.
    cpu_features: Vec<String>,
    /// Of ours.
    precision: Precision,
    pairs: usize,
    seconds_a_measurement: f64,
}

impl About {
    pub fn detect(isa: Isa, effort: &Effort) -> Self {
        let Machine { cpu, cores, .. } = Machine::detect();
        let arguments: Vec<_> = env::args().skip(1).collect();
        Self {
            command: format!("cargo xtask {}", arguments.join(" ")),
            date: said_by("date", &["-u", "+%F"]),
            commit: mlprobe::commit(),
            compiler: said_by("rustc", &["--version"]),
            cpu,
            cores,
            threads: effort.threads,
            isa,
            cpu_features: cpu_features(),
            precision: effort.precision,
            pairs: effort.pairs,
            seconds_a_measurement: effort.duration.as_secs_f64(),
        }
    }
}

impl About {
    /// What the products run on.
    fn used_features(&self) -> String {
        let Self { isa, precision, .. } = self;
        match precision {
            Precision::F32 => isa.name_in(*precision).to_owned(),
            _ if isa.name() == "amx" => "amx: AVX-512, and tiles for bf16".to_owned(),
            _ if isa.has_bf16() => format!("{isa}, and its instructions for bf16"),
            _ => format!("{isa}; bf16 is emulated"),
        }
    }
}

impl Record {
    pub fn new(about: About, peak_alone: f64, peak: f64) -> Self {
        Self {
            about,
            peak_alone,
            peak,
            stages: Vec::new(),
            whole_study: None,
            scaling: Vec::new(),
            python: Vec::new(),
        }
    }

    /// Writes page and JSON to docs/benchmarks, or if it is not to be kept to target/benchmarks; returns the page's
    /// path. Their name has date, processor, instruction set, threads and precision in it, so that only the same on the same day
    /// replaces them.
    pub fn write(&self, keep: bool) -> Result<PathBuf> {
        let folder = paths::root().join(if keep { "docs/benchmarks" } else { "target/benchmarks" });
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let About { date, cpu, isa, threads, precision, .. } = &self.about;
        let precision = if *precision == Precision::F32 { String::new() } else { format!("-{precision}") };
        let name = format!("{date}-{}-{isa}-{threads}-threads{precision}", slug(cpu));
        let page = folder.join(format!("{name}.md"));
        for (path, text) in [
            (page.clone(), self.markdown()),
            (folder.join(format!("{name}.json")), serde_json::to_string_pretty(self)? + "\n"),
        ] {
            mlprobe_files::write(&path, text.as_bytes())
                .with_context(|| format!("write {}", path.display()))?;
        }
        Ok(page)
    }

    /// The page.
    pub fn markdown(&self) -> String {
        let About { command, date, commit, compiler, cpu, cores, threads, .. } = &self.about;
        let About { isa, cpu_features, precision, .. } = &self.about;
        let mut page = format!(
            "# Benchmark of {date}\n\n\
             `{command}` at commit {commit}, {compiler}. {cpu}, {cores} cores, {threads} threads, \
             {isa}: {:.0} GFLOP/s in f32 at most, {:.0} on one core (fused multiply-adds in registers). \
             CPU features found: {}; used: {}.\n\n\
             Every ratio is the median of {} pairs, ours and theirs measured in turns for {} s each, with the lowest \
             and highest pair in brackets; above 1 ours is faster. Other figures are medians. {}, and \
             each peer at its best of the settings tried.\n",
            self.peak / 1e9,
            self.peak_alone / 1e9,
            cpu_features.join(", "),
            self.about.used_features(),
            self.about.pairs,
            self.about.seconds_a_measurement,
            match precision {
                Precision::F32 => "All is f32".to_owned(),
                _ => format!("Ours is in {precision}, each peer in the precision that its table names"),
            },
        );
        self.stage_table(&mut page);
        self.peer_table(&mut page);
        self.study_table(&mut page);
        self.scaling_table(&mut page);
        if !self.python.is_empty() {
            page.push_str("\n## From Python, relative to Rust\n\nIn f32, in turns; a ratio above 1 means Python is faster.\n\n");
            self.python.iter().for_each(|said| line(&mut page, format_args!("- {said}")));
        }
        page
    }

    fn stage_table(&self, page: &mut String) {
        page.push_str(
            "\n| work | ours | of the peak | peer | theirs | ours / theirs |\n|---|---|---|---|---|---|\n",
        );
        for stage in &self.stages {
            let ours = median(&stage.ours);
            let peak = if stage.is_latency { self.peak_alone } else { self.peak };
            let share = stage
                .operations
                .map_or("-".into(), |of_unit| format!("{:.0} %", 100.0 * ours * of_unit / peak));
            let title = format!("| {} | {} | {share} |", stage.title, shown(stage, ours));
            if stage.peers.is_empty() {
                line(page, format_args!("{title} - | - | - |"));
            }
            for (i, beside) in stage.peers.iter().enumerate() {
                let title = if i == 0 { &title } else { "| | | |" };
                let (theirs, ratio) = match &beside.outcome {
                    Outcome::Missing { .. } => ("missing".to_owned(), "-".to_owned()),
                    Outcome::Compared { theirs, .. } => {
                        (shown(stage, median(theirs)), ratio(&beside.outcome))
                    }
                };
                line(page, format_args!("{title} {} | {theirs} | {ratio} |", beside.peer));
            }
        }
        page.push_str(
            "\nOf the peak: operations by the peak on the same threads. Those of the networks are counted as \
             direct convolutions; ours does fewer where it uses Winograd's method. Features: ours starts from images of 32 \
             pixels a side and resizes them, the peers are given resized images. \"One run per core\": as many \
             independent runs at once as threads, as the study trains; the peers in as many processes.\n",
        );
    }

    fn peer_table(&self, page: &mut String) {
        let of_study =
            self.whole_study.iter().flat_map(|study| study.parts.iter().map(|part| &part.measured));
        let peers: Vec<_> = (self.stages.iter().chain(of_study))
            .flat_map(|stage| stage.peers.iter().map(move |beside| (stage, beside)))
            .collect();
        if peers.is_empty() {
            return;
        }
        page.push_str(
            "\n## The peers\n\n| work | peer | precision | setting | checked before |\n|---|---|---|---|---|\n",
        );
        for (stage, beside) in peers {
            match &beside.outcome {
                Outcome::Missing { missing } => {
                    let reason = missing.replace('|', "/");
                    line(
                        page,
                        format_args!("| {} | {} | - | missing: {reason} | - |", stage.title, beside.peer),
                    );
                }
                Outcome::Compared { version, precision, setting, agreement, .. } => line(
                    page,
                    format_args!(
                        "| {} | {} {version} | {precision} | {setting} | {agreement} |",
                        stage.title, beside.peer
                    ),
                ),
            }
        }
    }

    fn study_table(&self, page: &mut String) {
        let Some(study) = &self.whole_study else { return };
        page.push_str(
            "\n## The whole study\n\nFrom verified files to trained models: 5 seeds, 4 arms, 800 epochs, with all \
             evaluations. Seconds are the measured rates scaled up to the study's number of units; statistics and \
             report, which take seconds, are left out on both sides.\n\n\
             | stage | units | ours, s | peer | theirs, s | ours / theirs in time |\n|---|---|---|---|---|---|\n",
        );
        let mut sums = (0.0, Some(0.0));
        for part in &study.parts {
            let (ours, theirs) = part.seconds();
            sums = (sums.0 + ours, sums.1.zip(theirs).map(|(sum, theirs)| sum + theirs));
            let peer = part.measured.peers.first().map_or("-", |beside| beside.peer);
            let units = format!("{} {}", grouped(part.units), part.measured.unit.trim_end_matches("/s"));
            line(page, format_args!("| {} | {units} | {}", part.measured.title, times(ours, peer, theirs)));
        }
        line(page, format_args!("| together | | {}", times(sums.0, "", sums.1)));
    }

    fn scaling_table(&self, page: &mut String) {
        if self.scaling.is_empty() {
            return;
        }
        page.push_str(
            "\n## Growth\n\nEach in a process of its own; memory is the process's peak.\n\n\
             | work | amount | s | times the first | MB | s for 1,000 |\n|---|---|---|---|---|---|\n",
        );
        for growth in &self.scaling {
            for (i, (&amount, cost)) in growth.amounts.iter().zip(&growth.costs).enumerate() {
                let work = if i == 0 { growth.work.as_str() } else { "" };
                let (amount, seconds) = (amount as f64, cost.seconds);
                let times = seconds / growth.costs[0].seconds;
                let memory = cost.peak_mb.map_or("-".into(), |mb| format!("{mb:.0}"));
                let of_thousand = 1000.0 * seconds / amount;
                line(
                    page,
                    format_args!(
                        "| {work} | {} | {seconds:.2} | {times:.2} | {memory} | {of_thousand:.3} |",
                        grouped(amount)
                    ),
                );
            }
        }
    }
}

fn line(page: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{line}");
}

/// The end of a row of the study's table.
fn times(ours: f64, peer: &str, theirs: Option<f64>) -> String {
    let (seconds, ratio) = match theirs {
        Some(theirs) => (grouped(theirs), format!("{:.0} %", 100.0 * ours / theirs)),
        None => ("missing".into(), "-".into()),
    };
    format!("{} | {peer} | {seconds} | {ratio} |", grouped(ours))
}

/// Median and range of the pairs' ratios.
fn ratio(outcome: &Outcome) -> String {
    match outcome.ratios().as_deref() {
        Some(ratios @ [lowest, .., highest]) => {
            format!("**{:.2}** ({lowest:.2}-{highest:.2})", median(ratios))
        }
        _ => "-".into(),
    }
}

fn shown(stage: &Measured, rate: f64) -> String {
    if stage.is_latency {
        format!("{:.2} ms", 1000.0 / rate)
    } else {
        format!("{} {}", grouped(rate), stage.unit)
    }
}

/// 1234567.8 as 1,234,568.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let split = |(i, digit): (usize, char)| {
        let comma = i > 0 && (digits.len() - i).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(split).collect()
}

/// "Intel(R) Xeon(R) Processor" as intel-xeon-processor.
fn slug(cpu: &str) -> String {
    let plain = cpu.replace("(R)", "").replace("(TM)", "").to_lowercase();
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn name_of<S: Serializer>(isa: &Isa, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(isa)
}

/// Those of the processor's features that products could use, as Linux names them; elsewhere the instruction sets that we use.
fn cpu_features() -> Vec<String> {
    let concern = |word: &str| {
        let wide = ["fma", "avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "avx_vnni"];
        let arm = ["asimd", "sve", "sve2", "bf16", "svebf16", "i8mm"];
        wide.contains(&word) || arm.contains(&word) || word.starts_with("amx")
    };
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    match line.and_then(|line| line.split_once(':')) {
        Some((_, words)) => {
            words.split_whitespace().filter(|word| concern(word)).map(str::to_owned).collect()
        }
        None => Isa::available().iter().map(Isa::to_string).collect(),
    }
}

/// What a command prints; empty if it cannot be run.
fn said_by(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0.4, 999.0, 1000.0, 1_234_567.8].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,568"]);
    }

    #[test]
    fn a_processors_name_makes_a_file_name() {
        assert_eq!(slug("Intel(R) Xeon(R) Processor @ 2.60GHz"), "intel-xeon-processor-2-60ghz");
    }
}
