//! All findings in one value, and the rows that they leave out.

use std::collections::BTreeSet;

use crate::duplicates::{CERTAIN, Pair, near_duplicates};
use crate::error::{Error, Result};
use crate::folds::rows_of_classes;
use crate::groups::{Crossing, OneSided, classes_on_one_side, crossing};
use crate::label_errors::{Suspect, label_errors};
use crate::rows::LeftOut;
use mlprobe_nn::Params;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// The share of the training rows that the [`surest`](Audit::surest) findings hold, the most doubtful labels first: most labels
/// further down the list are right.
pub const SUREST: f64 = 0.02;

/// Folds of the cross-validation that finds wrong labels, and what its draws follow from.
const FOLDS: usize = 5;
const SEED: u64 = 0;

/// What is wrong with a training and a test set, for records and reports. Leave a list empty if nothing was looked for.
///
/// ```
/// use mlprobe_audit::{Audit, Pair};
///
/// let duplicates = vec![Pair { test: 2, train: 40, similarity: 1.0 }];
/// let audit = Audit { train_rows: 50, test_rows: 10, threshold: 0.5, duplicates, ..Audit::default() };
/// assert_eq!(audit.counts().test_rows_duplicated, 1);
/// assert_eq!(audit.left_out().test, [2]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// N, the number of training rows.
    pub train_rows: usize,
    /// M, the number of test rows.
    pub test_rows: usize,
    /// The similarity from which pairs were listed.
    pub threshold: f64,
    /// Pairs of a test row and a training row that are nearly the same: see [`near_duplicates`].
    pub duplicates: Vec<Pair>,
    /// Training rows whose label is probably wrong: see [`label_errors`](crate::label_errors()).
    pub suspects: Vec<Suspect>,
    /// Classes with a single training row, whose label cannot be judged.
    #[serde(default)]
    pub single: Vec<u16>,
    /// Why no label was judged, if none was, as when a network of the cross-validation diverged.
    #[serde(default)]
    pub not_judged: Option<String>,
    /// Groups on both sides: see [`crossing`].
    pub crossings: Vec<Crossing>,
    /// Classes on one side only: see [`classes_on_one_side`].
    pub one_sided: OneSided,
}

/// One side of a split.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// (N, D).
    pub features: ArrayView2<'a, f32>,
    /// (N), class indices.
    pub labels: &'a [u16],
    /// (N), names of the rows' groups; empty if there are none.
    pub groups: &'a [String],
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

impl Audit {
    /// Looks for everything in `train` (N, D) and `test` (M, D) with labels below `classes`: near-duplicates from the similarity
    /// `threshold` on, the surest first; wrong labels, by five-fold cross-validation of a network with one hidden layer of 64;
    /// groups on both sides, and classes on one.
    ///
    /// # Errors
    /// Those of [`near_duplicates`], [`label_errors`] and [`classes_on_one_side`]. A network that cannot be trained is none: no label
    /// is judged then, and the audit says why.
    pub fn of(train: Side<'_>, test: Side<'_>, classes: usize, threshold: f64) -> Result<Self> {
        let mut duplicates = near_duplicates(train.features, test.features, threshold)?;
        duplicates.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let params = Params::new([64]).epochs(20);
        let folds = FOLDS.min(train.labels.len());
        let (suspects, not_judged) = match label_errors(train.features, train.labels, folds, SEED, &params) {
            _ if folds == 1 => {
                (Vec::new(), Some("there are no other training rows to judge the one by".to_owned()))
            }
            Ok(suspects) => (suspects, None),
            Err(error @ Error::Training(_)) => (Vec::new(), Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let rows_of = rows_of_classes(train.labels);
        let single = (0..).zip(&rows_of).filter(|(_, rows)| rows.len() == 1).map(|(class, _)| class);
        Ok(Self {
            train_rows: train.labels.len(),
            test_rows: test.labels.len(),
            threshold,
            duplicates,
            suspects,
            single: single.collect(),
            not_judged,
            crossings: crossing(train.groups, test.groups),
            one_sided: classes_on_one_side(train.labels, test.labels, classes)?,
        })
    }

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

    /// Those findings that need no second look: duplicates with a similarity of [`CERTAIN`] or more, the most doubtful labels,
    /// as many as [`SUREST`] of the training rows, and all groups on both sides.
    #[must_use]
    pub fn surest(&self) -> Self {
        let mut surest = self.clone();
        surest.duplicates.retain(|pair| pair.similarity >= CERTAIN);
        surest.suspects.truncate((SUREST * self.train_rows as f64) as usize);
        surest
    }

    /// The rows to compute a verdict without: test rows that in effect are training rows too, by a near-duplicate or a group,
    /// and training rows whose label is suspect.
    pub fn left_out(&self) -> LeftOut {
        let mut test = self.duplicated();
        test.extend(self.crossings.iter().flat_map(|crossing| &crossing.test));
        let train: BTreeSet<usize> = self.suspects.iter().map(|suspect| suspect.row).collect();
        LeftOut { train: train.into_iter().collect(), test: test.into_iter().collect() }
    }

    fn duplicated(&self) -> BTreeSet<usize> {
        self.duplicates.iter().map(|pair| pair.test).collect()
    }
}
