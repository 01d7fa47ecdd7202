//! All findings in one value, and what is left without them.

use std::collections::BTreeSet;

use crate::duplicates::Pair;
use crate::error::{Result, require};
use crate::groups::{Crossing, OneSided};
use crate::label_errors::Suspect;
use serde::{Deserialize, Serialize};

/// What is wrong with a training and a test set, for records and reports. Leave a list empty if nothing was looked for.
///
/// ```
/// use mlprobe_audit::{Audit, Pair};
///
/// let duplicates = vec![Pair { test: 2, train: 40, similarity: 1.0 }];
/// let audit = Audit { train_rows: 50, test_rows: 10, threshold: 0.5, duplicates, ..Audit::default() };
/// assert_eq!(audit.counts().test_rows_duplicated, 1);
/// assert_eq!(audit.clean()?.test_left_out, [2]);
/// # Ok::<(), mlprobe_audit::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// N, the number of training rows.
    pub train_rows: usize,
    /// M, the number of test rows.
    pub test_rows: usize,
    /// The similarity from which pairs were listed.
    pub threshold: f64,
    /// Pairs of a test row and a training row that are nearly the same: see [`near_duplicates`](crate::near_duplicates).
    pub duplicates: Vec<Pair>,
    /// Training rows whose label is probably wrong: see [`label_errors`](crate::label_errors()).
    pub suspects: Vec<Suspect>,
    /// Groups on both sides: see [`crossing`](crate::crossing).
    pub crossings: Vec<Crossing>,
    /// Classes on one side only: see [`classes_on_one_side`](crate::classes_on_one_side).
    pub one_sided: OneSided,
}

/// How much an [`Audit`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Pairs of near-duplicates.
    pub pairs: usize,
    /// Test rows in one or more pairs.
    pub test_rows_duplicated: usize,
    /// Training rows whose label is probably wrong.
    pub suspects: usize,
    /// Groups on both sides.
    pub groups_on_both_sides: usize,
    /// Test rows of such groups.
    pub test_rows_of_crossing_groups: usize,
    /// Classes with rows on one side only.
    pub classes_on_one_side: usize,
}

/// The rows of both sets, divided by an audit. Lists are in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clean {
    /// Test rows that have a near-duplicate in the training set or belong to a group on both sides.
    pub test_left_out: Vec<usize>,
    /// All other test rows, at least one.
    pub test_kept: Vec<usize>,
    /// Training rows whose label is probably wrong.
    pub train_suspect: Vec<usize>,
    /// All other training rows, at least one.
    pub train_kept: Vec<usize>,
}

impl Audit {
    /// How many findings there are of each kind.
    pub fn counts(&self) -> Counts {
        Counts {
            pairs: self.duplicates.len(),
            test_rows_duplicated: self.duplicated().len(),
            suspects: self.suspects.len(),
            groups_on_both_sides: self.crossings.len(),
            test_rows_of_crossing_groups: self.crossings.iter().map(|crossing| crossing.test.len()).sum(),
            classes_on_one_side: self.one_sided.train_only.len() + self.one_sided.test_only.len(),
        }
    }

    /// Which rows a verdict can be computed from again: test rows without those that also are training rows in effect, and
    /// training rows without those whose label is suspect.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a finding names a row that does not exist, or no row is left.
    pub fn clean(&self) -> Result<Clean> {
        let mut out = self.duplicated();
        out.extend(self.crossings.iter().flat_map(|crossing| &crossing.test));
        let suspect = self.suspects.iter().map(|suspect| suspect.row).collect();
        let (test_left_out, test_kept) = divide("test", self.test_rows, out)?;
        let (train_suspect, train_kept) = divide("training", self.train_rows, suspect)?;
        Ok(Clean { test_left_out, test_kept, train_suspect, train_kept })
    }

    fn duplicated(&self) -> BTreeSet<usize> {
        self.duplicates.iter().map(|pair| pair.test).collect()
    }
}

/// The rows in `out`, and the other rows of 0..n.
fn divide(side: &str, n: usize, out: BTreeSet<usize>) -> Result<(Vec<usize>, Vec<usize>)> {
    const OPERATION: &str = "leave out what an audit found";
    let largest = out.last().copied().unwrap_or(0);
    let next = "use the audit with the sets that it was made from";
    let expected = format!("{side} rows below {n}");
    require(largest < n || out.is_empty(), OPERATION, expected, format!("row {largest}"), next)?;
    let kept: Vec<usize> = (0..n).filter(|row| !out.contains(row)).collect();
    let next = "raise the threshold of similarity, or collect other images";
    require(!kept.is_empty(), OPERATION, format!("at least one {side} row to keep"), "none", next)?;
    Ok((out.into_iter().collect(), kept))
}
