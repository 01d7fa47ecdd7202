//! Features with their labels.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use mlprobe_features::arrays::{LabelledArrays, Options, read_labelled, read_pair};
use ndarray::{ArcArray2, Array2, ArrayView2, Axis};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Features (N, D) with their labels (N). Cheap to clone: both are shared, so one set can serve many arms.
#[derive(Clone, Debug)]
pub struct LabelledFeatures {
    features: ArcArray2<f32>,
    labels: Arc<[u16]>,
    digest: Arc<OnceLock<String>>,
}

impl LabelledFeatures {
    /// Features (N, D), all finite, with N labels; N and D at least 1.
    ///
    /// # Errors
    /// [`Error::Argument`] if the lengths differ, nothing is given, or a feature is not finite.
    pub fn new(features: Array2<f32>, labels: Vec<u16>) -> Result<Self> {
        let problem = |expected: String, actual: String, next| {
            Err(Error::Argument { operation: "pairing features with labels", expected, actual, next })
        };
        if features.is_empty() {
            return problem(
                "at least one row and one column".into(),
                format!("shape {:?}", features.shape()),
                "give a training or test set that is not empty",
            );
        }
        if features.nrows() != labels.len() {
            return problem(
                format!("{} labels, one a row of features", features.nrows()),
                labels.len().to_string(),
                "check that both are of the same examples",
            );
        }
        // Nearly always true, and fast without an early end.
        let is_finite = features.iter().fold(true, |finite, value| finite & value.is_finite());
        let wrong = || features.indexed_iter().find(|(_, value)| !value.is_finite());
        if !is_finite && let Some(((row, column), value)) = wrong() {
            return problem(
                "finite features".into(),
                format!("{value} in row {row}, column {column}"),
                "check what made them",
            );
        }
        Ok(Self { features: features.into_shared(), labels: labels.into(), digest: Arc::default() })
    }

    /// SHA-256 (hex) over shape, features and labels; computed once.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut digest = Sha256::new();
            digest.update(format!("{:?}", self.features.dim()));
            let mut bytes = Vec::with_capacity(4 * self.dim());
            for row in self.features.outer_iter() {
                bytes.clear();
                bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
                digest.update(&bytes);
            }
            self.labels.iter().for_each(|label| digest.update(label.to_le_bytes()));
            mlprobe_files::hex(&digest.finalize())
        })
    }

    /// Reads features and labels from one file; see [`mlprobe_features::arrays`].
    ///
    /// # Errors
    /// Those of [`read_labelled`] and of [`LabelledFeatures::new`]; [`Error::Argument`] if labels are text, which has to be
    /// numbered together with that of other files.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::numbered(read_labelled(path, &Options::default())?.main)
    }

    /// Reads features from one file and labels from another, as from two `.npy` files.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_pair(features: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        Self::numbered(read_pair(features, labels, &Options::default())?)
    }

    fn numbered(arrays: LabelledArrays) -> Result<Self> {
        if arrays.labels.names.is_some() {
            return Err(Error::Argument {
                operation: "reading labels",
                expected: "numbers from 0".into(),
                actual: format!("text in {}", arrays.path.display()),
                next: "number the classes together with those of the other files, by `arrays::encode`",
            });
        }
        Self::new(arrays.features, arrays.labels.indices)
    }

    /// (N, D).
    pub fn features(&self) -> ArrayView2<'_, f32> {
        self.features.view()
    }

    /// (N), class indices.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// N, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// D, at least 1.
    pub fn dim(&self) -> usize {
        self.features.ncols()
    }

    /// Only these rows, in this order.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is none, or one is N or above.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(row) = rows.iter().find(|&&row| row >= self.len()) {
            return Err(Error::Argument {
                operation: "selecting rows",
                expected: format!("rows below {}", self.len()),
                actual: row.to_string(),
                next: "count rows from 0",
            });
        }
        let labels = rows.iter().map(|&row| self.labels[row]).collect();
        Self::new(self.features.select(Axis(0), rows), labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_sets_are_refused_with_what_is_wrong() {
        let nan = Array2::from_shape_vec((1, 2), vec![0.0, f32::NAN]).unwrap();
        let table = [
            (Array2::zeros((0, 3)), vec![], "shape [0, 3]"),
            (Array2::zeros((2, 3)), vec![1], "expected 2 labels"),
            (nan, vec![1], "NaN in row 0, column 1"),
        ];
        for (features, labels, part) in table {
            let message = LabelledFeatures::new(features, labels).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
