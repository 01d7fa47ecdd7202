//! Where things lie in the workspace.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root: the folder above this package, or, for a binary that was moved, the nearest folder above the
/// current one that holds the committed mini set; else the current folder.
pub fn root() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned);
    let here = env::current_dir().unwrap_or_default();
    built
        .into_iter()
        .chain(here.ancestors().map(Path::to_owned))
        .find(|dir| dir.join("data/cifar10-mini").is_dir())
        .unwrap_or(here)
}

/// Where features are kept: the folder that the environment variable `MLPROBE_CACHE` names, else cache/.
pub fn cache() -> PathBuf {
    match env::var_os("MLPROBE_CACHE") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ => root().join("cache"),
    }
}

/// The six files of CIFAR-10.
pub fn cifar10() -> PathBuf {
    root().join("data/cifar-10-batches-bin")
}

/// The committed mini set.
pub fn mini() -> PathBuf {
    root().join("data/cifar10-mini")
}

/// The weights of ResNet-18.
pub fn resnet18() -> PathBuf {
    root().join("data/resnet18/model.safetensors")
}
