//! The Python side: an environment with the pinned libraries, and processes in it that measure when asked.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::effort::Effort;
use super::inputs::Inputs;
use super::stages::{Peer, Stage};
use crate::paths;

/// For imports, compilation and the search for the best setting.
const PATIENCE: Duration = Duration::from_secs(900);

/// Makes the environment unless it is there, and returns its Python; or says why there is none. What cannot be
/// installed is told, and found missing again by the peer that needs it.
pub fn prepare() -> Result<PathBuf, String> {
    let (folder, scripts) = (paths::root().join("target/peers"), scripts());
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed"));
    let requirements =
        fs::read_to_string(scripts.join("requirements.txt")).map_err(|error| error.to_string())?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirements) {
        return Ok(python);
    }
    eprintln!("Installing the peers in target/peers");
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut complete = true;
    for line in requirements.lines().filter(|line| !line.starts_with('#')) {
        eprintln!("  {line}");
        let arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", line];
        if let Err(reason) = run(Command::new(&python).args(arguments)) {
            eprintln!("  not installed: {reason}");
            complete = false;
        }
    }
    if complete {
        mlprobe_files::write(&stamp, requirements.as_bytes()).map_err(|error| error.to_string())?;
    }
    Ok(python)
}

/// A peer at one stage, in one process or one for each thread.
pub struct Running {
    processes: Vec<Process>,
    pub version: String,
    /// Of its products.
    pub precision: String,
    /// The best setting.
    pub setting: String,
    /// How its results were found to agree with ours.
    pub agreement: String,
}

impl Running {
    /// Starts a peer and waits until it is ready; or says why it is missing.
    pub fn start(
        python: &Path,
        stage: &Stage,
        peer: &Peer,
        inputs: &Inputs,
        effort: &Effort,
    ) -> Result<Self, String> {
        let threads = if stage.is_latency() { 1 } else { effort.threads };
        let (count, threads) = if stage.in_processes() { (threads, 1) } else { (1, threads) };
        let processes = (0..count).map(|process| {
            let mut request = json!({
                "module": peer.module,
                "peer": peer.key,
                "precision": effort.precision,
                "threads": threads,
                "cores": (process * threads..(process + 1) * threads).collect::<Vec<_>>(),
                "seconds": effort.duration.as_secs_f64(),
                "tune_seconds": if effort.quick { 0.1 } else { 0.7 },
            });
            merge(&mut request, &inputs.for_peers);
            merge(&mut request, &stage.request(effort));
            Process::start(python, request, format!("{}-{}-{process}", stage.name, peer.key))
        });
        let mut processes = processes.collect::<Result<Vec<_>, _>>()?;
        let abouts = processes.iter_mut().map(Process::ready).collect::<Result<Vec<_>, _>>()?;
        if let Some(reason) = abouts.iter().find_map(|about| about["missing"].as_str()) {
            return Err(reason.to_owned());
        }
        let text = |name: &str| abouts[0][name].as_str().unwrap_or_default().to_owned();
        let (version, precision) = (text("version"), text("precision"));
        let (setting, agreement) = (text("setting"), text("agreement"));
        Ok(Self { processes, version, precision, setting, agreement })
    }

    /// Units a second of all its processes together, measured at the same time.
    pub fn measure(&mut self) -> Result<f64, String> {
        self.processes.iter_mut().try_for_each(Process::ask)?;
        let rate = |process: &mut Process| {
            let answer = process.answer()?;
            answer["rate"].as_f64().ok_or_else(|| format!("answered {answer}"))
        };
        self.processes.iter_mut().map(rate).sum()
    }
}

/// One process, which lives as long as this value.
struct Process {
    python: PathBuf,
    request: Value,
    log: String,
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Process {
    /// What its libraries say goes to a file called `log`.
    fn start(python: &Path, request: Value, log: String) -> Result<Self, String> {
        let folder = paths::root().join("target/benchmarks");
        let path = folder.join(&log).with_extension("log");
        let said = fs::create_dir_all(&folder).and_then(|()| File::create(&path));
        let said = said.map_err(|error| format!("{}: {error}", path.display()))?;
        let threads = request["threads"].to_string();
        let mut child = Command::new(python)
            .arg(scripts().join("peer.py"))
            .arg(request.to_string())
            .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, &threads)))
            .env("CUDA_VISIBLE_DEVICES", "")
            .env("JAX_PLATFORMS", "cpu")
            .env("NO_ALBUMENTATIONS_UPDATE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .map_err(|error| format!("could not start Python: {error}"))?;
        let (Some(questions), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes to Python".into());
        };
        let (sender, answers) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Ok(Self { python: python.to_owned(), request, log, child, questions, answers })
    }

    /// Waits until the peer is ready, and returns what it says about itself. If trying a setting ends the process, or takes longer
    /// than there is patience for, another one is started that leaves this setting out.
    fn ready(&mut self) -> Result<Value, String> {
        let mut crashed: Vec<String> = Vec::new();
        let mut trying = None;
        loop {
            match (self.answer(), trying.take()) {
                (Ok(answer), _) => match answer["trying"].as_str() {
                    Some(setting) => trying = Some(setting.to_owned()),
                    None => return Ok(answer),
                },
                (Err(reason), Some(setting)) if !crashed.contains(&setting) => {
                    eprintln!("  {setting}: {reason}; going on without it");
                    crashed.push(setting);
                    self.request["crashed"] = json!(crashed);
                    // What the one before said stays in its log.
                    let log = format!("{}-again", self.log);
                    *self = Self::start(&self.python, self.request.clone(), log)?;
                }
                (Err(reason), _) => return Err(reason),
            }
        }
    }

    fn ask(&mut self) -> Result<(), String> {
        writeln!(self.questions, "measure").map_err(|error| format!("ended: {error}"))
    }

    fn answer(&mut self) -> Result<Value, String> {
        let line = self.answers.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("gave no answer in {} minutes", PATIENCE.as_secs() / 60),
            RecvTimeoutError::Disconnected => match self.child.wait() {
                Ok(status) => format!("its process ended: {status}"),
                Err(error) => format!("its process ended: {error}"),
            },
        })?;
        serde_json::from_str(&line).map_err(|error| format!("answered {line:?}: {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn scripts() -> PathBuf {
    paths::root().join("xtask/peers")
}

/// Adds the fields of `more` to `request`; both are objects.
fn merge(request: &mut Value, more: &Value) {
    if let (Some(request), Some(more)) = (request.as_object_mut(), more.as_object()) {
        request.extend(more.clone());
    }
}

/// Runs a command silently; an error is the last line it said.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Err(said.trim().lines().last().unwrap_or("failed without a word").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer of `crashing.py`.
    fn start(peer: &str) -> Process {
        let request = json!({
            "module": "crashing", "peer": peer, "threads": 1, "cores": [0], "seconds": 0.05, "tune_seconds": 0.05,
        });
        Process::start(Path::new("python3"), request, format!("test-crashing-{peer}")).unwrap()
    }

    #[test]
    fn a_setting_that_ends_the_process_is_left_out_and_the_others_are_measured() {
        let mut process = start("once");
        let about = process.ready().unwrap();
        assert_eq!(about["setting"], "batch 50 (best of 3, batch 2 crashed)");
        process.ask().unwrap();
        assert!(process.answer().unwrap()["rate"].as_f64().unwrap() > 0.0);
    }

    #[test]
    fn a_peer_all_of_whose_settings_end_the_process_is_missing_with_the_reason() {
        let about = start("always").ready().unwrap();
        assert_eq!(about["missing"], "RuntimeError: every setting ended its process");
    }
}
