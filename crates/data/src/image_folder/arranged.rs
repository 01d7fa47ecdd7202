//! Images with their classes and parts, whatever told them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::names::Part;
use crate::Error;
use crate::folder_tree::Folder;
use crate::summary::Oddity;

/// Files by the names of their classes.
pub(super) type ByClass = BTreeMap<String, Vec<PathBuf>>;

/// Images with their classes, as they lie in a folder.
#[derive(Default)]
pub(crate) struct Arrangement {
    pub(super) train: ByClass,
    /// Absent if nothing is set aside for testing.
    pub(super) test: Option<ByClass>,
    /// Folders among those of classes that have no images.
    pub(super) empty: Vec<PathBuf>,
    /// Tables that were read.
    pub(super) tables: Vec<PathBuf>,
    pub(crate) oddities: Vec<Oddity>,
}

impl Arrangement {
    /// Whether images are set aside for testing.
    pub(crate) fn is_divided(&self) -> bool {
        self.test.is_some()
    }

    /// Takes the images that tables divide into parts. Validation images are the test images where there are no others, and are
    /// left out where there are. What divides them, a file and maybe a column of it, is said where it is not a folder.
    pub(super) fn take(
        &mut self,
        mut parts: BTreeMap<Option<Part>, ByClass>,
        by: Option<(PathBuf, Option<String>)>,
    ) {
        let mut take = |part| parts.remove(&part);
        let (train, test) = (take(Some(Part::Train)), take(Some(Part::Test)));
        let (validation, others) = (take(Some(Part::Validation)), take(None));
        let number = validation.iter().flat_map(ByClass::values).map(Vec::len).sum();
        let is_test = test.is_none();
        let test = test.or(validation);
        (self.train, self.test) = match (train.or(others), test) {
            (Some(train), test) => (train, test),
            (None, all) => (all.unwrap_or_default(), None),
        };
        if let (Some((file, column)), Some(_)) = (by, &self.test) {
            let validation = (number > 0).then_some((number, is_test));
            self.oddities.push(Oddity::Divided { file, column, validation });
        }
    }
}

/// What a folder of images must hold.
pub(super) const EXPECTED: &str = "two or more folders of images, one per class, possibly in train and test; or images and one table \
                        (CSV) of their names and labels";

/// Images in `dir` that are not arranged as `expected`.
pub(super) fn layout(dir: &Folder, expected: &str, actual: String) -> Error {
    Error::Layout { dir: dir.path.clone(), expected: expected.to_owned(), actual }
}
