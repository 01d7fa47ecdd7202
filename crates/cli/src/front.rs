//! Under which name the program runs, and where it keeps things.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, fs};

use anyhow::{Context, Result};
use etcetera::{BaseStrategy, choose_base_strategy};
use mlprobe_cifar10_mini::FILES;

static FRONT: OnceLock<Front> = OnceLock::new();

/// How the program was started.
#[derive(Default)]
pub struct Front {
    /// What the user types before the command, as in "cargo xtask".
    pub command: Option<&'static str>,
    /// The repository that the program works in.
    pub repository: Option<PathBuf>,
}

/// Says how the program was started; only the first call counts.
pub fn set(front: Front) {
    // A second call would be a mistake without consequence.
    let _ = FRONT.set(front);
}

/// What the user types before a command.
pub fn command() -> &'static str {
    front().command.unwrap_or("mlprobe")
}

/// The repository: the one that was named, or the one that the current folder lies in.
pub fn repository() -> Option<PathBuf> {
    let here = || {
        let here = env::current_dir().ok()?;
        here.ancestors().find(|dir| dir.join("data/cifar10-mini/index.csv").is_file()).map(PathBuf::from)
    };
    front().repository.clone().or_else(here)
}

/// Where data sets and weights are kept.
///
/// # Errors
/// If there is no home folder.
pub fn data() -> Result<PathBuf> {
    match repository() {
        Some(repository) => Ok(repository.join("data")),
        None => Ok(user_cache()?.join("data")),
    }
}

/// Where features are kept: the folder that MLPROBE_CACHE names, or else one beside the data.
///
/// # Errors
/// As [`data`].
pub fn cache() -> Result<PathBuf> {
    match (env::var_os("MLPROBE_CACHE"), repository()) {
        (Some(cache), _) => Ok(cache.into()),
        (None, Some(repository)) => Ok(repository.join("cache")),
        (None, None) => Ok(user_cache()?.join("features")),
    }
}

/// Where the folders of runs are made.
pub fn runs() -> PathBuf {
    repository().unwrap_or_default().join("runs")
}

/// CIFAR-10.
///
/// # Errors
/// As [`data`].
pub fn cifar10() -> Result<PathBuf> {
    Ok(data()?.join("cifar-10-batches-bin"))
}

/// The mini set; written from the program itself where it is not there.
///
/// # Errors
/// As [`data`], and if it cannot be written.
pub fn mini() -> Result<PathBuf> {
    let folder = data()?.join("cifar10-mini");
    if repository().is_none() {
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        for (name, content) in FILES {
            let path = folder.join(name);
            if fs::metadata(&path).is_ok_and(|file| file.len() == content.len() as u64) {
                continue;
            }
            mlprobe_files::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(folder)
}

/// The weights of ResNet-18.
///
/// # Errors
/// As [`data`].
pub fn resnet18() -> Result<PathBuf> {
    Ok(data()?.join("resnet18/model.safetensors"))
}

fn user_cache() -> Result<PathBuf> {
    let base = choose_base_strategy().context("finding the user's cache folder; set HOME")?;
    Ok(base.cache_dir().join("mlprobe"))
}

fn front() -> &'static Front {
    FRONT.get_or_init(Front::default)
}
