//! How to train: validated once, here.

use crate::{Error, Result};

/// Learning rate and batch size of mini-batch gradient descent.
///
/// ```
/// # fn main() -> mlprobe_nn::Result<()> {
/// let recipe = mlprobe_nn::Hyperparameters::new(0.01, 500)?;
/// assert_eq!((recipe.learning_rate(), recipe.batch_size()), (0.01, 500));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    learning_rate: f64,
    batch_size: usize,
}

impl Hyperparameters {
    /// `learning_rate` above 0 and finite; `batch_size` at least 1.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] for a value out of range.
    pub fn new(learning_rate: f64, batch_size: usize) -> Result<Self> {
        let positive = learning_rate > 0.0 && learning_rate.is_finite();
        check("learning_rate", positive, "a finite number above 0", learning_rate)?;
        check("batch_size", batch_size > 0, "at least 1", batch_size)?;
        Ok(Self { learning_rate, batch_size })
    }

    /// The learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// The number of examples in a batch; the last of an epoch may be smaller.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }
}

fn check(name: &'static str, in_range: bool, expected: &'static str, actual: impl ToString) -> Result<()> {
    if in_range { Ok(()) } else { Err(Error::Hyperparameter { name, expected, actual: actual.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for (learning_rate, batch_size, name) in [
            (0.0, 500, "learning_rate"),
            (-0.1, 500, "learning_rate"),
            (f64::NAN, 500, "learning_rate"),
            (f64::INFINITY, 500, "learning_rate"),
            (0.1, 0, "batch_size"),
        ] {
            let error = Hyperparameters::new(learning_rate, batch_size).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
