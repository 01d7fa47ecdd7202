//! A program under way, for tests that interrupt it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything here takes, also on a machine that is busy with other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// Killed when dropped.
pub struct Process {
    pub child: Child,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command`; what it says goes to the files `stdout` and `stderr` in `folder`.
    pub fn start(command: &mut Command, folder: &Path) -> Self {
        let stderr = folder.join("stderr");
        command
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("stdout")).unwrap())
            .stderr(File::create(&stderr).unwrap());
        Self { child: command.spawn().unwrap(), stderr }
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end, at most this long.
    pub fn ends_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            match self.child.try_wait().unwrap() {
                None if start.elapsed() < limit => sleep(Duration::from_millis(5)),
                status => return status,
            }
        }
    }

    pub fn succeeds(&mut self) {
        let status = self.ends_within(PATIENCE);
        assert!(status.is_some_and(|status| status.success()), "{status:?}: {}", self.stderr());
    }

    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < PATIENCE, "waiting for {what}: {}", self.stderr());
            assert!(self.child.try_wait().unwrap().is_none(), "ended before {what}: {}", self.stderr());
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
