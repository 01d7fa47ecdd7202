//! Which kind of data set a folder holds.

use std::path::Path;

use crate::{Error, Result, cifar10, cifar100, idx};

/// The layouts that are known by a folder's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The mini set's contact sheets: [`crate::mini`].
    Mini,
    /// The six files of CIFAR-10: [`crate::cifar10`].
    Cifar10,
    /// The two files of CIFAR-100: [`crate::cifar100`].
    Cifar100,
    /// Four IDX files, as of MNIST: [`crate::idx`].
    Idx,
    /// Folders of image files: the module `image_folder`, feature `images`.
    Images,
}

impl Layout {
    /// Looks at the names in `dir`. A folder that has some of a layout's files is taken for one, so that the files it
    /// lacks are named when it is loaded.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such folder, [`Error::Layout`] if nothing in it is known.
    ///
    /// ```
    /// use mlprobe_data::Layout;
    ///
    /// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
    /// assert_eq!(Layout::of(dir)?, Layout::Mini);
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn of(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let entries = std::fs::read_dir(dir).map_err(Error::io("read", dir))?;
        let has = |name: &str| dir.join(name).is_file();
        if has("index.csv") {
            Ok(Self::Mini)
        } else if cifar10::FILES.iter().any(|file| has(file.name)) {
            Ok(Self::Cifar10)
        } else if cifar100::FILES.iter().any(|name| has(name)) {
            Ok(Self::Cifar100)
        } else if idx::FILES.iter().any(|name| idx::find(dir, name).is_some()) {
            Ok(Self::Idx)
        } else if entries.filter_map(std::result::Result::ok).any(|entry| entry.path().is_dir()) {
            Ok(Self::Images)
        } else {
            Err(Error::Layout {
                dir: dir.to_owned(),
                expected: "folders of images, one a class, or in train and test; CIFAR-10's or CIFAR-100's \
                           binary files; or four IDX files as MNIST has"
                    .into(),
                actual: "none of these".into(),
            })
        }
    }
}
