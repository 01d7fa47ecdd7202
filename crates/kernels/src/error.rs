//! The errors of this crate.

/// Arguments do not fit together or into memory, or an instruction set is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two shapes that must agree do not.
    #[error("{operation}: expected {expected}, got {actual}")]
    Shape {
        /// The function that was called.
        operation: &'static str,
        /// The shape that fits.
        expected: String,
        /// The shape that was given.
        actual: String,
    },
    /// More numbers than memory has room for, or than can be counted.
    #[error(
        "{operation}: there is no memory for {numbers} numbers; use smaller arrays, or fewer images at a time"
    )]
    Memory {
        /// The function that was called.
        operation: &'static str,
        /// How many there would be: a product of lengths.
        numbers: String,
    },
    /// `MLPROBE_ISA` names an instruction set that is unknown or that this machine lacks.
    #[error("MLPROBE_ISA={requested}: this machine offers {available}; set it to one of these, or unset it")]
    Isa {
        /// What the variable says.
        requested: String,
        /// The names that would work here, separated by commas.
        available: String,
    },
    /// A name that no precision has.
    #[error("precision {requested:?}: expected f32, bf16x3 or bf16")]
    Precision {
        /// The name that was given.
        requested: String,
    },
}
