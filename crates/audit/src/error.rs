//! Every way in which an audit can fail, each with what to do next.

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A function was given something that it cannot work with.
    #[error("{operation}: expected {expected}, got {actual}; {next}")]
    Argument {
        /// What was being done.
        operation: &'static str,
        /// What would have been right.
        expected: String,
        /// What was given.
        actual: String,
        /// What to do about it.
        next: &'static str,
    },
    /// A network of the cross-validation could not be trained.
    #[error("cross-validated training: {0}")]
    Training(#[from] mlprobe_nn::Error),
    /// A matrix product was given shapes that do not fit together.
    #[error("matrix product: {0}")]
    Product(#[from] mlprobe_kernels::Error),
}

/// `Ok` if the argument `holds`, otherwise the error that says what would have.
pub(crate) fn require(
    holds: bool,
    operation: &'static str,
    expected: impl ToString,
    actual: impl ToString,
    next: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Argument { operation, expected: expected.to_string(), actual: actual.to_string(), next })
}

/// There is a row and a feature, and every feature (N, D) is a finite number.
pub(crate) fn require_features(operation: &'static str, features: ndarray::ArrayView2<f32>) -> Result<()> {
    let shape = format!("shape {:?}", features.dim());
    let next = "check that the features were read from the right file";
    require(!features.is_empty(), operation, "at least one row and one feature", shape, next)?;
    if let Some(((row, column), value)) = features.indexed_iter().find(|(_, value)| !value.is_finite()) {
        let actual = format!("{value} in row {row}, column {column}");
        require(false, operation, "finite features", actual, "extract the features again")?;
    }
    Ok(())
}
