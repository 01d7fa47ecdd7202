//! What can go wrong between images and features.

use std::path::PathBuf;

use mlprobe_files::next_step;

/// An operation that could not be carried out, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Images, sizes or tensors that do not fit.
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
    #[error("weights {name}: expected {expected}, got {actual}; take the file again from its origin")]
    Weights {
        /// The tensor or the file.
        name: String,
        /// What would have fitted.
        expected: String,
        /// What was there.
        actual: String,
    },
    /// An ONNX file does not hold a network that can be used.
    #[error(
        "{}: expected {expected}, got {actual}; export the network with images (N, 3, height, width) as its input, or \
         check its input size", path.display()
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
        source: std::io::Error,
    },
    /// A matrix could not be encoded as `.npy`.
    #[error("writing {}: {source}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: ndarray_npy::WriteNpyError,
    },
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] mlprobe_kernels::Error),
}
