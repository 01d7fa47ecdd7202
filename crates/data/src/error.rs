//! What can go wrong with data: each error names the operation or file, what was expected, what was found,
//! and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use mlprobe_files::next_step;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for the work to stop.
    #[error("reading images was stopped; begin again")]
    Stopped,

    /// The operating system refused to open, read, write, rename or lock a file or folder.
    #[error("cannot {operation} {}: {reason}; {}", path.display(), advice(operation, reason))]
    Io {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        reason: io::Error,
    },

    /// A file that must be there is not.
    #[error("{} is missing. Put it there, or fetch it", path.display())]
    Missing {
        /// Where the file was expected.
        path: PathBuf,
    },

    /// A file is shorter (an interrupted download or copy) or longer than it must be.
    #[error("{} is {}: expected {expected} bytes, found {actual}. Fetch it again, or copy it from a good source", path.display(), if actual < expected { "truncated" } else { "too long" })]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Its size when whole, in bytes.
        expected: u64,
        /// Its size now, in bytes.
        actual: u64,
    },

    /// A file has the right size and the wrong content.
    #[error("{} has wrong content: expected SHA-256 {expected}, found {actual}. Fetch it again, or copy it from a good source", path.display())]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// The SHA-256 it must have, in lower-case hexadecimal.
        expected: String,
        /// The SHA-256 it has.
        actual: String,
    },

    /// A file's content does not follow its format.
    #[error("{}: {at}: expected {expected}, found {actual}. The file is damaged or of another format", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in the file: a record, line, field or byte offset.
        at: String,
        /// What the format asks for there.
        expected: String,
        /// What is there.
        actual: String,
    },

    /// A table of images does not say what is asked of it.
    #[error("{}: {at}: expected {expected}, found {actual}. Correct the table, or name another one", path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// Where in it: a row or a column.
        at: String,
        /// What is looked for there.
        expected: String,
        /// What is there.
        actual: String,
    },

    /// A download failed.
    #[error("cannot download {url}: {reason}. Check the connection and try again{}", kept_bytes(*kept))]
    Download {
        /// The address.
        url: String,
        /// Why, in the words of the HTTP client or the server.
        reason: String,
        /// Bytes that have arrived and are kept for the next call.
        kept: u64,
    },

    /// Another program failed.
    #[error("`{command}` failed: {reason}. Run it by hand to see more")]
    Command {
        /// The command line.
        command: String,
        /// Why, in the program's own words.
        reason: String,
    },

    /// CIFAR-10 could not be had from any source.
    #[error("CIFAR-10 could not be fetched:{}\nPut the six files (data_batch_1.bin to data_batch_5.bin, test_batch.bin) or cifar-10-binary.tar.gz into {} and fetch again, or name the folder that holds them", list(tried), dir.display())]
    NoSource {
        /// Where the files belong.
        dir: PathBuf,
        /// Why each source failed, in the order they were tried.
        tried: Vec<Error>,
    },

    /// A folder does not hold a data set in a layout that is known.
    #[error("{}: expected {expected}, found {actual}. Check the path, or arrange the images like this", dir.display())]
    Layout {
        /// The folder.
        dir: PathBuf,
        /// What is looked for in it.
        expected: String,
        /// What is there.
        actual: String,
    },

    /// Test images have classes that the training set has not: a model could not know them.
    #[error("{}: the training set has no class {unknown}, which the test set has{hint}.\n- training classes: {train}\n- test classes: {test}\nUse the same names in both, or remove the test images of other classes", dir.display())]
    UnknownClasses {
        /// The folder.
        dir: PathBuf,
        /// The first of the unknown classes.
        unknown: String,
        /// The first classes of the training set.
        train: String,
        /// The first classes of the test set.
        test: String,
        /// What may be the reason; empty if none is known.
        hint: String,
    },

    /// A folder or archive holds the Python version of CIFAR, which is a pickle.
    #[error("{} holds the Python version of CIFAR, a pickle, which only Python can read: expected the binary version. Fetch cifar-10-binary.tar.gz or cifar-100-binary.tar.gz", path.display())]
    PythonVersion {
        /// The folder or archive.
        path: PathBuf,
    },

    /// An image file has too many bytes or pixels.
    #[error("{} is too large: {actual}; the limit is {limit}. Make it smaller, or leave it out", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        actual: String,
        /// The most that is read.
        limit: String,
    },

    /// A symbolic link leads to nothing that can be read.
    #[error("{} is a link to {}, which {problem}. Correct or remove the link", path.display(), target.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
        /// What is wrong there.
        problem: &'static str,
    },

    /// Images of a set cannot be read.
    #[error("{} of {total} images cannot be read:{}\nRepair or remove them, or have them skipped", broken.len(), list(broken))]
    BrokenImages {
        /// Why, one error for each image.
        broken: Vec<Error>,
        /// How many images there are.
        total: usize,
    },

    /// A file of groups does not fit the images.
    #[error("{}: expected {expected}, found {actual}. Correct the file, or leave the groups out", path.display())]
    Groups {
        /// The file.
        path: PathBuf,
        /// What it should name.
        expected: String,
        /// What it names, or does not.
        actual: String,
    },

    /// An argument does not fit, for example an array of the wrong shape.
    #[error("{operation}: expected {expected}, got {actual}")]
    Argument {
        /// The function that was called.
        operation: &'static str,
        /// What it takes.
        expected: String,
        /// What it was given.
        actual: String,
    },
}

impl Error {
    /// An operating system error during `operation` on `path`; "not found" becomes [`Error::Missing`].
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| match reason.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { operation, path, reason },
        }
    }

    /// The same error said about `path`: for a temporary file that was to become it.
    #[cfg(feature = "fetch")]
    pub(crate) fn of(mut self, path: &Path) -> Self {
        if let Self::WrongSize { path: about, .. } | Self::WrongDigest { path: about, .. } = &mut self {
            *about = path.to_owned();
        }
        self
    }

    /// A breach of `path`'s format at the place `at`.
    pub(crate) fn format(
        path: &Path,
        at: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self::Format {
            path: path.to_owned(),
            at: at.into(),
            expected: expected.into(),
            actual: actual.into(),
        }
    }

    /// What the table `path` says at the place `at` cannot be used.
    #[cfg(feature = "images")]
    pub(crate) fn table(
        path: &Path,
        at: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self::Table { path: path.to_owned(), at: at.into(), expected: expected.into(), actual: actual.into() }
    }

    /// Classes of the test set that the training set has not, of all classes of both.
    #[cfg(feature = "images")]
    pub(crate) fn unknown_classes<T: AsRef<str>>(
        dir: &Path,
        unknown: &[T],
        train: &[T],
        test: &[T],
        hint: &str,
    ) -> Self {
        let [unknown, train, test] = [unknown, train, test].map(first_of);
        Self::UnknownClasses { dir: dir.to_owned(), unknown, train, test, hint: hint.to_owned() }
    }

    /// An argument of `operation` that does not fit.
    pub(crate) fn argument(
        operation: &'static str,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self::Argument { operation, expected: expected.into(), actual: actual.into() }
    }
}

/// The first names of a list.
#[cfg(feature = "images")]
pub(crate) fn first_of<T: AsRef<str>>(names: &[T]) -> String {
    const MOST: usize = 8;
    let shown: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    let more = if names.len() > MOST { format!(", ... ({} in all)", names.len()) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// What to do about an error of the operating system.
fn advice(operation: &str, reason: &io::Error) -> &'static str {
    let reads = matches!(operation, "read" | "open" | "look at");
    match reason.kind() {
        io::ErrorKind::PermissionDenied if reads => {
            "allow yourself to read it (chmod u+r; a folder also needs u+x)"
        }
        _ => next_step(reason),
    }
}

/// What is there for the next call, after the advice.
fn kept_bytes(count: u64) -> String {
    if count == 0 { String::new() } else { format!("; the {count} bytes that have arrived are kept") }
}

/// One line for each of the first errors.
fn list(errors: &[Error]) -> String {
    const MOST: usize = 10;
    let more =
        if errors.len() > MOST { format!("\n- and {} more", errors.len() - MOST) } else { String::new() };
    errors.iter().take(MOST).map(|error| format!("\n- {error}")).chain([more]).collect()
}
