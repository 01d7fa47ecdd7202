//! What can go wrong between images and features.

use std::io;
use std::path::{Path, PathBuf};

use mlprobe_files::next_step;

/// An operation that could not be carried out, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shapes of images or tensors do not fit.
    #[error("{operation}: expected {expected}, got {actual}")]
    Shape {
        /// What was being done.
        operation: &'static str,
        /// What would have fitted.
        expected: String,
        /// What was there.
        actual: String,
    },
    /// The weights cannot be used.
    #[error("weights {name}: expected {expected}, got {actual}; get the file again from its source")]
    Weights {
        /// The tensor, after the name of its file if it is from one.
        name: String,
        /// What would have fitted.
        expected: String,
        /// What was there.
        actual: String,
    },
    /// An ONNX file does not hold a network that can be used.
    #[error(
        "{}: expected {expected}, got {actual}; docs/onnx.md says which networks are taken, and how to export one",
        path.display()
    )]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What would have fitted.
        expected: String,
        /// What was there.
        actual: String,
    },
    /// The features are not all finite.
    #[error(
        "{extractor}: feature {column} of image {row} is {value}; the weights are damaged or the input is not an image"
    )]
    NotFinite {
        /// The extractor's name.
        extractor: String,
        /// Index of the first image with such a feature.
        row: usize,
        /// Index of the feature.
        column: usize,
        /// Its value.
        value: f32,
    },
    /// A file could not be read or written.
    #[error("{operation} {}: {source}; {}", path.display(), next_step(source))]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An image file cannot be read.
    #[error(transparent)]
    Data(#[from] mlprobe_data::Error),
    /// An image file cannot be read, and the work has stopped there.
    #[error(
        "{source}. The features of the {done} images before it are kept: replace or remove this image, or skip broken \
         images, and start again"
    )]
    Broken {
        /// What is wrong with it.
        source: mlprobe_data::Error,
        /// Images before it.
        done: usize,
    },
    /// The extractor has failed for an image.
    #[error("{}: {source}", path.display())]
    Image {
        /// Its file.
        path: PathBuf,
        /// What the extractor said.
        source: Box<Error>,
    },
    /// The observer asked to stop.
    #[error("stopped after {done} of {total} images; start again to continue from there")]
    Stopped {
        /// Images whose features are kept.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// A file that is in the place of features, their manifest or a part of them is not what should be written there.
    #[error("{}: expected {expected}, got {actual}; choose another name for the new file, or remove this one and start again", path.display())]
    Embedding {
        /// The file.
        path: PathBuf,
        /// What would have fitted.
        expected: String,
        /// What was there.
        actual: String,
    },
    /// Another process is writing the features.
    #[error(
        "{}: expected a file that no other process is writing, got one that is being written; wait until that process has \
         ended, or choose another name",
        path.display()
    )]
    InUse {
        /// Where they are to be.
        path: PathBuf,
    },
    /// A file is not the features that `embed` writes, or their manifest, or is not whole.
    #[error("reading {}: expected {expected}, got {actual}; {next}", path.display())]
    Features {
        /// The file.
        path: PathBuf,
        /// What would have been right.
        expected: String,
        /// What is there.
        actual: String,
        /// What to do about it.
        next: &'static str,
    },
    /// A file of arrays does not hold what it should.
    #[error("reading {}: {array}: expected {expected}, got {actual}; {next}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array's name in it, or what it was read as.
        array: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        actual: String,
        /// What to do about it.
        next: &'static str,
    },
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] mlprobe_kernels::Error),
}

impl Error {
    /// The same error, if `count` other images come before the ones it is about.
    #[must_use]
    pub fn behind(mut self, count: usize) -> Self {
        if let Self::NotFinite { row, .. } = &mut self {
            *row += count;
        }
        self
    }

    /// The same error, if the image that it is about is the one of this index.
    #[cfg(feature = "images")]
    pub(crate) fn of_image(mut self, index: usize) -> Self {
        if let Self::NotFinite { row, .. } = &mut self {
            *row = index;
        }
        self
    }

    /// The same error, with the file that holds the weights.
    pub(crate) fn of_file(mut self, path: &Path) -> Self {
        if let Self::Weights { name, .. } = &mut self {
            *name = format!("{}: {name}", path.display());
        }
        self
    }

    /// A system error during `operation` on `path`.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { operation, path, source }
    }
}
