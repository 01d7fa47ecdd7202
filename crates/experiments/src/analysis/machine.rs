//! The machine that a run took place on.

use std::fs;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// What a reader needs to judge the seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Processor name as the system reports it, or "unknown".
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Threads that trained and extracted.
    pub threads: usize,
    /// Operating system and architecture, as in "linux x86_64".
    pub system: String,
}

impl Machine {
    /// Asks the system; `threads` is set to the number of cores.
    pub fn detect() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let cpu = fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| {
                let line = text.lines().find(|line| line.starts_with("model name"))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            })
            .unwrap_or_else(|| "unknown".to_owned());
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        Self { cpu, cores, threads: cores, system }
    }
}
