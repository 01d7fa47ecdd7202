//! The one error of this crate: an argument that does not fit.

/// A function was given something that it cannot work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: expected {expected}, got {actual}; {next}")]
pub struct Error {
    /// What was being computed.
    pub operation: &'static str,
    /// What would have been right.
    pub expected: String,
    /// What was given.
    pub actual: String,
    /// What to do about it.
    pub next: &'static str,
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// `Ok` if the argument `holds`, otherwise the error that says what would have.
///
/// # Errors
/// [`Error`] with these parts unless `holds`.
pub fn require(
    holds: bool,
    operation: &'static str,
    expected: &str,
    actual: impl std::fmt::Display,
    next: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error { operation, expected: expected.to_owned(), actual: actual.to_string(), next })
}

/// Every value is a number.
pub(crate) fn require_finite(operation: &'static str, values: &[f64]) -> Result<()> {
    for (i, x) in values.iter().enumerate() {
        let actual = format_args!("{x} at index {i}");
        require(x.is_finite(), operation, "finite values", actual, "look for a run that diverged")?;
    }
    Ok(())
}
