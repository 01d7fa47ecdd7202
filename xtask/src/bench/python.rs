//! The Python package beside native Rust: the wheel, in an environment of its own, in turns with a program that does the same.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::paths;

/// Builds the wheel and the native program, and returns what `python/examples/speed.py` says of extraction and training: a line
/// for each, with the ratio of the speeds.
pub fn measure() -> Result<Vec<String>> {
    let (package, folder) = (paths::root().join("python"), paths::root().join("target/python-bench"));
    let (manifest, built) = (package.join("Cargo.toml"), folder.join("cargo"));
    let (python, wheels) = (folder.join("environment/bin/python"), folder.join("wheels"));
    eprintln!("Building the Python package in target/python-bench");
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels).with_context(|| format!("removing {}", wheels.display()))?;
    }
    run("python3", ["-m".as_ref(), "venv".as_ref(), folder.join("environment").as_os_str()])?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"].map(OsStr::new);
    run(&python, pip.into_iter().chain(["maturin>=1.9,<2", "numpy>=2"].map(OsStr::new)))?;
    let build = ["-m", "maturin", "build", "--quiet", "--release", "--manifest-path"].map(OsStr::new);
    let target = ["--target-dir".as_ref(), built.as_os_str()];
    let out = ["--out".as_ref(), wheels.as_os_str()];
    run(&python, build.into_iter().chain([manifest.as_os_str()]).chain(target).chain(out))?;
    let mut found = std::fs::read_dir(&wheels).with_context(|| format!("reading {}", wheels.display()))?;
    let wheel = found.next().context("maturin left no wheel")??.path();
    run(&python, pip.into_iter().chain([OsStr::new("--force-reinstall"), wheel.as_os_str()]))?;
    let build = ["build", "--quiet", "--release", "--example", "native", "--manifest-path"].map(OsStr::new);
    run("cargo", build.into_iter().chain([manifest.as_os_str()]).chain(target))?;
    eprintln!("From Python, relative to Rust");
    let native = built.join("release/examples/native");
    let said = run(&python, [package.join("examples/speed.py").as_os_str(), native.as_os_str()])?;
    Ok(said.lines().map(str::to_owned).collect())
}

/// Runs a command in the repository, and returns what it says.
fn run<'a>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<String> {
    let name = Path::new(&program).display().to_string();
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(paths::root());
    let output = command.output().with_context(|| format!("starting {name}"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", error.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
