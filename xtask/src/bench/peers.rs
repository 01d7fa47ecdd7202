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
                "threads": threads,
                "cores": (process * threads..(process + 1) * threads).collect::<Vec<_>>(),
                "seconds": effort.duration.as_secs_f64(),
                "tune_seconds": if effort.quick { 0.1 } else { 0.7 },
            });
            merge(&mut request, &inputs.for_peers);
            merge(&mut request, &stage.request(effort));
            Process::start(python, &request, &format!("{}-{}-{process}", stage.name, peer.key))
        });
        let mut processes = processes.collect::<Result<Vec<_>, _>>()?;
        let abouts = processes.iter_mut().map(Process::answer).collect::<Result<Vec<_>, _>>()?;
        if let Some(reason) = abouts.iter().find_map(|about| about["missing"].as_str()) {
            return Err(reason.to_owned());
        }
        let text = |name: &str| abouts[0][name].as_str().unwrap_or_default().to_owned();
        let (version, setting, agreement) = (text("version"), text("setting"), text("agreement"));
        Ok(Self { processes, version, setting, agreement })
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
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Process {
    /// What its libraries say goes to a file called `log`.
    fn start(python: &Path, request: &Value, log: &str) -> Result<Self, String> {
        let path = paths::root().join("target/benchmarks").join(log).with_extension("log");
        let log = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
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
            .stderr(log)
            .spawn()
            .map_err(|error| format!("could not start Python: {error}"))?;
        let (Some(questions), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes to Python".into());
        };
        let (sender, answers) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Ok(Self { child, questions, answers })
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
