//! What can be wrong with a call.

/// A call whose arguments do not fit together, or an instruction set that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two shapes that have to agree do not.
    #[error("{operation}: expected {expected}, got {actual}")]
    Shape {
        /// The function that was called.
        operation: &'static str,
        /// The shape that would have fitted.
        expected: String,
        /// The shape that was given.
        actual: String,
    },
    /// `MLPROBE_ISA` names an instruction set that is unknown or that this machine lacks.
    #[error("MLPROBE_ISA={requested}: this machine offers {available}; set it to one of these, or unset it")]
    Isa {
        /// What the variable says.
        requested: String,
        /// The names that would work here, separated by commas.
        available: String,
    },
}
