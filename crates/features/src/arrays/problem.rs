//! Why an array or a column could not be read, before it is known in which file it is.

use std::io;
use std::path::Path;

use crate::Error;

/// The advice for a file that is not whole.
pub const WRITE_AGAIN: &str = "write the file again";

/// Why an array could not be read.
#[derive(Debug)]
pub enum Problem {
    /// What the system or the archive reported.
    Read(io::Error),
    /// The array is not what it should be.
    Wrong {
        /// What would have been right.
        expected: String,
        /// What is there.
        actual: String,
        /// What to do about it.
        next: &'static str,
    },
}

/// A result that says what was expected, what was found, and what to do next.
pub fn wrong<T>(
    expected: impl Into<String>,
    actual: impl Into<String>,
    next: &'static str,
) -> Result<T, Problem> {
    Err(Problem::Wrong { expected: expected.into(), actual: actual.into(), next })
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl Problem {
    /// The error about `array` in the file `path`.
    pub fn at(self, path: &Path, array: &str) -> Error {
        let wrong = |expected, actual, next| Error::Array {
            path: path.into(),
            array: array.into(),
            expected,
            actual,
            next,
        };
        match self {
            Self::Wrong { expected, actual, next } => wrong(expected, actual, next),
            Self::Read(source) if source.raw_os_error().is_some() => Error::io("reading", path)(source),
            // This is not from the system, but from what unpacks an archive, or from the end of the file.
            Self::Read(source) => {
                let actual = match source.kind() {
                    io::ErrorKind::UnexpectedEof => "the end of the file".into(),
                    _ => source.to_string(),
                };
                wrong("all of its numbers".into(), actual, WRITE_AGAIN)
            }
        }
    }
}

/// Names for a message: the first few of them, and how many more there are.
pub fn listed(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 12;
    let mut shown: Vec<_> =
        names.iter().take(SHOWN).map(|name| format!("`{}`", shortened(name.as_ref()))).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

/// As much of a text as fits in a message.
pub fn shortened(text: &str) -> String {
    const LETTERS: usize = 80;
    let text = text.trim();
    if text.chars().count() <= LETTERS {
        return text.into();
    }
    text.chars().take(LETTERS).chain("...".chars()).collect()
}
