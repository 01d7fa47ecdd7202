//! Which kind of data set the files in a folder are.

use std::fmt;
use std::path::Path;

use crate::{cifar10, cifar100, idx, mini};

/// The layouts that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The contact sheets of the mini set: [`crate::mini`].
    Mini,
    /// The six files of CIFAR-10: [`crate::cifar10`].
    Cifar10,
    /// The two files of CIFAR-100: [`crate::cifar100`].
    Cifar100,
    /// Four IDX files, as those of MNIST: [`crate::idx`].
    Idx,
    /// Image files with classes: [`crate::image_folder`].
    Images,
}

impl Layout {
    /// The layout whose files are directly in `dir`. Some of them are enough, so that loading names those that are missing.
    pub(crate) fn of_files(dir: &Path) -> Option<Self> {
        let has = |name: &str| dir.join(name).is_file();
        if has(mini::INDEX) && (has(mini::SUMS) || mini::SHEETS.iter().any(|sheet| has(sheet))) {
            Some(Self::Mini)
        } else if cifar10::FILES.iter().any(|file| has(file.name)) {
            Some(Self::Cifar10)
        } else if cifar100::FILES.iter().any(|name| has(name)) {
            Some(Self::Cifar100)
        } else if idx::FILES.iter().any(|name| idx::find(dir, name).is_some()) {
            Some(Self::Idx)
        } else {
            None
        }
    }

    /// Whether `dir` holds the Python version of CIFAR-10 or CIFAR-100.
    pub(crate) fn is_python_cifar(dir: &Path) -> bool {
        let has = |name: &str| dir.join(name).is_file();
        has("batches.meta") || has("data_batch_1") || (has("meta") && has("train") && has("test"))
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mini => "the mini set",
            Self::Cifar10 => "CIFAR-10",
            Self::Cifar100 => "CIFAR-100",
            Self::Idx => "IDX files",
            Self::Images => "images",
        })
    }
}
