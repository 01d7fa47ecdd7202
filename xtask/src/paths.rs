//! Where things lie in the repository.

use std::path::{Path, PathBuf};

/// The repository: the folder above this package.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The mini set.
pub fn mini() -> PathBuf {
    root().join("data/cifar10-mini")
}
