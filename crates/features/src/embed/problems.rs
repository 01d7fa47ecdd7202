//! What is wrong with files that are there.

use std::path::Path;

use crate::Error;

/// What to do about a file that somebody else has made.
pub const NOT_OURS: &str = "name the .npy file of an earlier `embed`, or embed the images";

/// What to do about a file of ours that is not whole.
pub const RESTORE: &str = "restore both files from a copy, or embed the images again";

/// A file of features, or its manifest, that cannot be read as one.
pub fn features(
    path: &Path,
    expected: impl Into<String>,
    actual: impl Into<String>,
    next: &'static str,
) -> Error {
    Error::Features { path: path.into(), expected: expected.into(), actual: actual.into(), next }
}

/// A file in the place of one that is to be written.
pub fn in_the_way(path: &Path, expected: impl Into<String>, actual: impl Into<String>) -> Error {
    Error::Embedding { path: path.into(), expected: expected.into(), actual: actual.into() }
}

/// What cannot be read as features is in the way of those that are to be written.
pub fn to_in_the_way(error: Error) -> Error {
    match error {
        Error::Features { path, expected, actual, .. } => Error::Embedding { path, expected, actual },
        other => other,
    }
}
