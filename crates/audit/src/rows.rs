//! Which rows of two sets are left out, and which are kept.

use std::collections::BTreeSet;

use crate::error::{Result, require};
use serde::{Deserialize, Serialize};

/// Rows of a training and a test set that are left out, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Training rows.
    pub train: Vec<usize>,
    /// Test rows.
    pub test: Vec<usize>,
}

/// Rows of a training and a test set that are kept: one or more of each, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Training rows.
    pub train: Vec<usize>,
    /// Test rows.
    pub test: Vec<usize>,
}

impl LeftOut {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.train.is_empty() && self.test.is_empty()
    }

    /// All other rows of `train_rows` training rows and `test_rows` test rows.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a row that is left out does not exist, or no row is left.
    ///
    /// ```
    /// use mlprobe_audit::LeftOut;
    ///
    /// let left_out = LeftOut { train: vec![], test: vec![2, 0] };
    /// let kept = left_out.kept(2, 4)?;
    /// assert_eq!((kept.train, kept.test), (vec![0, 1], vec![1, 3]));
    /// # Ok::<(), mlprobe_audit::Error>(())
    /// ```
    pub fn kept(&self, train_rows: usize, test_rows: usize) -> Result<Kept> {
        let [train, test] = [("training", train_rows, &self.train), ("test", test_rows, &self.test)]
            .map(|(side, n, left_out)| others(side, n, left_out));
        Ok(Kept { train: train?, test: test? })
    }
}

/// The rows of 0..n that are not `left_out`.
fn others(side: &str, n: usize, left_out: &[usize]) -> Result<Vec<usize>> {
    const OPERATION: &str = "leave out what an audit found";
    let left_out: BTreeSet<usize> = left_out.iter().copied().collect();
    let largest = left_out.last().copied().unwrap_or(0);
    let next = "use the audit with the sets that it was made from";
    let expected = format!("{side} rows below {n}");
    require(largest < n || left_out.is_empty(), OPERATION, expected, format!("row {largest}"), next)?;
    let kept: Vec<usize> = (0..n).filter(|row| !left_out.contains(row)).collect();
    let next = "leave out fewer rows, or collect others";
    require(!kept.is_empty(), OPERATION, format!("at least one {side} row to keep"), "none", next)?;
    Ok(kept)
}
